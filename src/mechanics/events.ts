/** @file Events: the moments when a function of the state passes zero, found by Newton's method on the length of a step. */
import { MechanicsError } from '../core/errors.ts';
import { directional, joined, type PairFormula, real, type VectorFormula } from './differentiate.ts';
import type { Flow, State, Step, Vector } from './types.ts';

/** A surface g(q, p) = 0 to watch, e.g. a Poincaré section. */
export interface EventSurface {
  readonly name: string;
  /** g over any algebra: its slope along the motion is exact. */
  readonly surface: PairFormula;
  /** 1: only where g rises; −1: only where it falls; 0 (default): both. */
  readonly direction?: -1 | 0 | 1;
  /** End the run at the first one. */
  readonly stop?: boolean;
}

/** A passage through the surface. */
export interface EventHit {
  readonly event: string;
  readonly t: number;
  readonly q: Vector;
  readonly p: Vector;
}

const MAX_NEWTON = 60;
const LAST_DIGIT = 4 * Number.EPSILON;

/**
 * Finder of passages inside single steps. `probe` is a stepper of its own, so that looking for an event does not
 * disturb the run. A passage there and back within one step is not seen.
 */
export function eventFinder(flow: Flow, probe: Step, events: readonly EventSurface[]) {
  const { dimension, momenta } = flow;
  const trial: State = { t: 0, q: new Float64Array(dimension), p: new Float64Array(momenta) };
  const y = new Float64Array(dimension + momenta);
  const rates = new Float64Array(dimension + momenta);
  const [dq, dp] = [rates.subarray(0, dimension), rates.subarray(dimension)];
  const joint = events.map(({ surface }): VectorFormula => {
    const one = joined(surface, dimension);
    return (o, both) => [one(o, both)];
  });

  /** State after the share `s` of the step from `from`, into `trial`; g and dg/dt there. */
  const evaluate = (index: number, from: State, s: number) => {
    trial.t = from.t;
    trial.q.set(from.q);
    trial.p.set(from.p);
    if (s !== 0) probe(trial, s);
    flow.rates(trial.q, trial.p, dq, dp);
    y.set(trial.q);
    y.set(trial.p, dimension);
    const { values, tangents } = directional(real, joint[index]!, y, rates);
    return { g: values[0]!, slope: tangents[0]! };
  };

  /** The passage between `from` (g = `g0`) and the state a step h later (g = `g1`): Newton, kept inside a bracket. */
  const root = (index: number, from: State, h: number, g0: number, g1: number): EventHit => {
    let [low, high] = [0, h];
    let s = (h * g0) / (g0 - g1);
    for (let iteration = 0; iteration < MAX_NEWTON; iteration++) {
      const { g, slope } = evaluate(index, from, s);
      if (g === 0) break;
      if (g > 0 === g0 > 0) low = s;
      else high = s;
      const next = s - g / (slope * timeScale(from, s));
      const inside = (next - low) * (next - high) < 0;
      const moved = inside ? next : (low + high) / 2;
      if (Math.abs(moved - s) <= LAST_DIGIT * Math.abs(h)) break;
      s = moved;
    }
    return { event: events[index]!.name, t: trial.t, q: trial.q.slice(), p: trial.p.slice() };
  };
  /** Time passed per unit of step: 1, or what a method with steps of its own choice makes of it. */
  const timeScale = (from: State, s: number) => (trial.t - from.t) / s || 1;

  return {
    /** g of every surface at a state. */
    values: (state: State): number[] => events.map(({ surface }) => surface(real, state.q, state.p)),
    /** Passages in the step h from `from`, given g before and after it, in order of time. */
    between(from: State, h: number, before: readonly number[], after: readonly number[]): EventHit[] {
      const hits: EventHit[] = [];
      for (let i = 0; i < events.length; i++) {
        const [g0, g1] = [before[i]!, after[i]!];
        if (Number.isNaN(g1)) {
          throw new MechanicsError('mechanics.not-finite', `the event ${events[i]!.name} gave NaN`, {
            where: `${flow.name}, t = ${from.t}`,
            hint: 'check its function for divisions by zero',
          });
        }
        const direction = events[i]!.direction ?? 0;
        const rises = g1 > g0;
        const crosses = g0 !== 0 && (g1 === 0 || g0 > 0 !== g1 > 0);
        if (!crosses || (direction !== 0 && rises !== direction > 0)) continue;
        hits.push(root(i, from, h, g0, g1));
      }
      return hits.sort((a, b) => (a.t - b.t) * Math.sign(h));
    },
  };
}
