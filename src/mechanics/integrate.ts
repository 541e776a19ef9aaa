/** @file Runs: a system moved by a method for many steps, recorded, watched for events, and never with NaN in silence. */
import { giveWay, MechanicsError, throwIfAborted } from '../core/errors.ts';
import { stateOf } from './build.ts';
import { type EventHit, type EventSurface, eventFinder } from './events.ts';
import { needRates } from './integrators/need.ts';
import type { Clock, Integrator, State, Step, System, Trajectory, Vector } from './types.ts';

/** How far a run goes, what it records, and what it watches for. */
export interface RunOptions {
  /** Length of a step; negative runs backwards. */
  readonly step: number;
  readonly steps: number;
  /** Record every n-th step (1 unless told); the start and the end are always there. */
  readonly every?: number;
  readonly clock?: Clock;
  readonly events?: readonly EventSurface[];
}

/** A recorded run, its passages through the surfaces, and the state it ended in. */
export interface Run extends Trajectory {
  readonly step: number;
  readonly hits: readonly EventHit[];
  readonly final: State;
}

/**
 * Moves `start` (which is left as it is) by `steps` steps.
 * Throws MechanicsError: `mechanics.option` (step 0 and the like), `mechanics.length`, `mechanics.needs`,
 * `mechanics.not-finite` (with the step at which a number stopped being one), and what implicit methods throw.
 */
export function integrate(system: System, integrator: Integrator, start: State, options: RunOptions): Run {
  const motion = begin(system, integrator, start, options);
  motion.go(options.steps);
  return motion.finish();
}

/** Steps between two looks at the signal. */
const PAUSE = 4096;

/** The same run, giving way to other work every few thousand steps. Throws InterruptedError when `signal` fires. */
export async function integrateInterruptibly(
  system: System,
  integrator: Integrator,
  start: State,
  { signal, ...options }: RunOptions & { readonly signal?: AbortSignal },
): Promise<Run> {
  throwIfAborted(signal);
  const motion = begin(system, integrator, start, options);
  while (motion.go(PAUSE)) await giveWay(signal);
  return motion.finish();
}

/** A run that can be made in pieces. */
function begin(system: System, integrator: Integrator, start: State, options: RunOptions) {
  const { step: h, steps, every = 1, clock = 'time', events = [] } = options;
  checkOptions(system, start, options);
  const advance = integrator.stepper(system);
  const state = stateOf(start.q, start.p, start.t);
  const record = recorder(system, Math.ceil(steps / every) + 1);
  const watch = events.length > 0 ? watcher(system, integrator, state, events) : undefined;
  checkFinite(system, state, 0);
  record.add(state);
  let [taken, sample] = [0, Math.min(every, steps)];
  return {
    /** Takes at most `most` further steps; whether any are left. */
    go(most: number): boolean {
      const pause = Math.min(taken + most, steps);
      let done = taken;
      while (done < pause) {
        const until = Math.min(sample, pause);
        if (watch) {
          for (; done < until && !watch.stopped(); done++) {
            watch.before();
            oneStep(done);
            watch.after(h);
          }
          if (watch.stopped()) {
            record.add(state);
            return false;
          }
        } else {
          for (; done < until; done++) oneStep(done);
        }
        if (done === sample) {
          record.add(state);
          sample = Math.min(sample + every, steps);
        }
      }
      taken = done;
      return taken < steps;
    },
    finish: (): Run => ({
      clock,
      system: system.name,
      integrator: integrator.name,
      dimension: system.dimension,
      momenta: system.momenta,
      step: h,
      hits: watch?.hits ?? [],
      final: state,
      ...record.finish(),
    }),
  };

  function oneStep(index: number) {
    advance(state, h);
    if (!integrator.variableTime) state.t = start.t + (index + 1) * h;
    checkFinite(system, state, index + 1);
  }
}

/** Runs many starts one after another, giving way to other work in between. Throws when `signal` fires. */
export async function ensemble(
  system: System,
  integrator: Integrator,
  starts: readonly State[],
  options: RunOptions & { readonly signal?: AbortSignal },
): Promise<Run[]> {
  const runs: Run[] = [];
  for (const start of starts) {
    runs.push(await integrateInterruptibly(system, integrator, start, options));
    await giveWay(options.signal);
  }
  return runs;
}

/**
 * The motion between samples: a function of time that steps on from the last sample before it, so that every value
 * has the order of the method itself. Throws `mechanics.option` outside of the run.
 */
export function denseOutput(system: System, integrator: Integrator, run: Run): (t: number) => State {
  if (integrator.variableTime) {
    throw new MechanicsError('mechanics.option', `${integrator.name} chooses how far a step goes`, {
      where: run.system,
      hint: 'dense output needs steps of known length: record every step, or use another method',
    });
  }
  const { times, step } = run;
  const advance = integrator.stepper(system);
  const direction = Math.sign(step);
  const last = times.length - 1;
  return (t) => {
    if (!((t - times[0]!) * direction >= 0 && (times[last]! - t) * direction >= 0)) {
      throw new MechanicsError('mechanics.option', `t = ${t} lies outside of the run`, {
        where: run.system,
        hint: `give a time from ${times[0]} to ${times[last]}`,
      });
    }
    let k = 0;
    for (let high = last; k < high; ) {
      const middle = Math.ceil((k + high) / 2);
      if ((t - times[middle]!) * direction >= 0) k = middle;
      else high = middle - 1;
    }
    const state = sampleAt(run, k);
    const whole = Math.floor((t - times[k]!) / step);
    for (let i = 0; i < whole; i++) advance(state, step);
    const rest = t - times[k]! - whole * step;
    if (rest !== 0) advance(state, rest);
    state.t = t;
    return state;
  };
}

/** Sample k of a run as a state of its own. */
export function sampleAt({ times, q_KN, p_KN, dimension, momenta }: Trajectory, k: number): State {
  return stateOf(
    q_KN.subarray(k * dimension, (k + 1) * dimension),
    p_KN.subarray(k * momenta, (k + 1) * momenta),
    times[k],
  );
}

function checkOptions(system: System, start: State, { step, steps, every = 1 }: RunOptions) {
  const wrong = (what: string, hint: string) =>
    new MechanicsError('mechanics.option', what, { where: system.name, hint });
  if (!Number.isFinite(step) || step === 0) {
    throw wrong(`the step is ${step}`, 'give a finite step other than 0; negative runs backwards');
  }
  if (!Number.isInteger(steps) || steps < 0) {
    throw wrong(`the number of steps is ${steps}`, 'give a whole number from 0');
  }
  if (!Number.isInteger(every) || every < 1) {
    throw wrong(`every ${every}-th step cannot be recorded`, 'give a whole number from 1');
  }
  if (start.q.length !== system.dimension || start.p.length !== system.momenta) {
    throw new MechanicsError(
      'mechanics.length',
      `the start has ${start.q.length} positions and ${start.p.length} momenta`,
      { where: system.name, hint: `give ${system.dimension} and ${system.momenta}` },
    );
  }
}

/** One sum over the state: NaN and Infinity survive it. */
function checkFinite(system: System, { t, q, p }: State, step: number) {
  let sum = 0;
  for (let i = 0; i < q.length; i++) sum += q[i]!;
  for (let i = 0; i < p.length; i++) sum += p[i]!;
  if (sum - sum === 0) return;
  const first = (x: Vector) => x.findIndex((value) => !Number.isFinite(value));
  const [inQ, inP] = [first(q), first(p)];
  // A sum of the largest numbers is none itself, though each of them is one.
  if (inQ < 0 && inP < 0) return;
  const place = inQ >= 0 ? `q[${inQ}]` : `p[${inP}]`;
  throw new MechanicsError('mechanics.not-finite', `${place} is not a finite number after step ${step}`, {
    where: `${system.name}, t = ${t}`,
    hint: 'take a smaller step, or check the force for divisions by zero near this state',
  });
}

function recorder(system: System, capacity: number) {
  const { dimension, momenta } = system;
  const times = new Float64Array(capacity);
  const energies = new Float64Array(capacity);
  const q_KN = new Float64Array(capacity * dimension);
  const p_KN = new Float64Array(capacity * momenta);
  let k = 0;
  return {
    add(state: State) {
      const energy = system.energy(state.q, state.p);
      if (!Number.isFinite(energy)) {
        throw new MechanicsError(
          'mechanics.not-finite',
          `the energy is ${energy}, though the state is finite`,
          {
            where: `${system.name}, t = ${state.t}`,
            hint: 'check the potential for divisions by zero or logarithms near this state',
          },
        );
      }
      times[k] = state.t;
      energies[k] = energy;
      q_KN.set(state.q, k * dimension);
      p_KN.set(state.p, k * momenta);
      k++;
    },
    finish: () => ({
      times: times.subarray(0, k),
      energies: energies.subarray(0, k),
      q_KN: q_KN.subarray(0, k * dimension),
      p_KN: p_KN.subarray(0, k * momenta),
    }),
  };
}

function watcher(system: System, integrator: Integrator, state: State, events: readonly EventSurface[]) {
  const probe: Step = integrator.stepper(system);
  const finder = eventFinder(needRates('an event', system), probe, events);
  const stops = new Set(events.filter((event) => event.stop).map((event) => event.name));
  const hits: EventHit[] = [];
  const from = stateOf(state.q, state.p, state.t);
  let known = finder.values(state);
  let stopped = false;
  return {
    hits,
    stopped: () => stopped,
    before() {
      from.t = state.t;
      from.q.set(state.q);
      from.p.set(state.p);
    },
    after(h: number) {
      const now = finder.values(state);
      for (const hit of finder.between(from, h, known, now)) {
        hits.push(hit);
        if (!stops.has(hit.event)) continue;
        stopped = true;
        state.t = hit.t;
        state.q.set(hit.q);
        state.p.set(hit.p);
        break;
      }
      known = now;
    },
  };
}
