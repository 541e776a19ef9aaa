/** @file The learning clock: T, V and H of a training run, its potential the full batch or a fixed evaluation batch. */
import { throwIfAborted } from '../../core/errors.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import type { Trajectory } from '../../mechanics/types.ts';
import type { Learner } from '../../networks/learner.ts';
import type { Tensors } from '../../runtime/session.ts';

/** What is trained: a loss with its gradient at each step, and the potential that energies are counted in. */
export interface TrainingSystem {
  readonly name: string;
  readonly dimension: number;
  /** Which loss V is. With batches that change, T + V of the batch itself means nothing: V is then a fixed batch's. */
  readonly potentialOf: 'full batch' | 'evaluation batch';
  /** Writes the gradient of the step's loss into `out` and returns that loss. */
  gradient(x: Float64Array, out: Float64Array, step: number): number | Promise<number>;
  /** V where it is not the loss of the step; writes ∇V into `out` where that is given. */
  potential?(x: Float64Array, out?: Float64Array): number | Promise<number>;
}

/** Training on all data at once: V is the loss. */
export const landscapeSystem = (V: Landscape): TrainingSystem => ({
  name: V.name,
  dimension: V.dimension,
  potentialOf: 'full batch',
  gradient: (x, out) => V.at(x, out),
});

/** Training on batches in turn: V is the loss on a fixed evaluation batch beside them. */
export const batchSystem = (evaluation: Landscape, batches: readonly Landscape[]): TrainingSystem => ({
  name: evaluation.name,
  dimension: evaluation.dimension,
  potentialOf: 'evaluation batch',
  gradient: (x, out, step) => batches[step % batches.length]!.at(x, out),
  potential: (x, out = new Float64Array(evaluation.dimension)) => evaluation.at(x, out),
});

/**
 * Training through the graph engine. With one batch for all steps V is the loss itself; else V is the mean loss over the
 * batches of `evaluation`, which no step learns from.
 */
export function learnerSystem(
  name: string,
  learner: Learner,
  data:
    | { readonly full: Tensors }
    | { batch(step: number): Tensors; readonly evaluation: readonly Tensors[] },
): TrainingSystem {
  const put = (x: Float64Array) => learner.vector.set(x);
  const batch = 'full' in data ? () => data.full : data.batch;
  return {
    name,
    dimension: learner.vector.length,
    potentialOf: 'full' in data ? 'full batch' : 'evaluation batch',
    async gradient(x, out, step) {
      put(x);
      const loss = await learner.run(batch(step));
      out.set(learner.gradient);
      return loss;
    },
    ...('full' in data
      ? {}
      : {
          async potential(x: Float64Array, out?: Float64Array) {
            put(x);
            out?.fill(0);
            const share = 1 / data.evaluation.length;
            let V = 0;
            for (const some of data.evaluation) {
              V += share * (out ? await learner.run(some) : await learner.loss(some));
              out?.forEach((slope, i) => {
                out[i] = slope + share * learner.gradient[i]!;
              });
            }
            return V;
          },
        }),
  };
}

/** How long, and in what units. */
export interface TrainingOptions {
  readonly steps: number;
  /** Record every n-th step, and the last; 1 unless given. */
  readonly every?: number;
  /** Time of one step: h for heavy ball and leapfrog, 1 unless given. */
  readonly time?: number;
  /** m; 1 unless given. */
  readonly mass?: number;
  /** γ of the optimiser: what friction takes is then counted. */
  readonly friction?: number;
  readonly signal?: AbortSignal;
}

/** T, V and H of a training run at its recorded steps. */
export interface TrainingEnergies {
  readonly potentialOf: TrainingSystem['potentialOf'];
  /**
   * Where T comes from: the optimiser's own momentum where the step begins, or the momentum that the step moved with
   * (optimisers without a phase space: Adam, SGD).
   */
  readonly kineticOf: 'momentum' | 'displacement';
  readonly times: Float64Array;
  readonly kinetic_K: Float64Array;
  readonly potential_K: Float64Array;
  /** H = T + V. */
  readonly energies: Float64Array;
  /** Loss of the step's own batch. */
  readonly loss_K: Float64Array;
  /** 2γ∫T dt up to each sample, by the trapezoidal rule: H + this stays what it was, up to the step. */
  readonly dissipated_K?: Float64Array;
}

/** A training run on its clock. q the parameters, p = m Δθ/h the momentum that the step moved with; energies are H. */
export interface LearningRun extends Trajectory, Omit<TrainingEnergies, 'times' | 'energies'> {
  readonly clock: 'learning';
}

/** One step as it is handed on; `from` and `to` are the same two arrays at every step. */
export interface TrainingStep {
  readonly step: number;
  readonly recorded: boolean;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/**
 * Trains from `start` and gathers T, V and H where each recorded step begins. One step more is taken than asked for: T of the
 * last sample belongs to it. Nothing of size steps × parameters is held.
 * @param visit sees every step, recorded or not
 */
export async function trainingSteps(
  system: TrainingSystem,
  optimiser: Optimiser,
  start: ArrayLike<number>,
  { steps, every = 1, time = 1, mass = 1, friction, signal }: TrainingOptions,
  visit: (step: TrainingStep) => void | Promise<void>,
): Promise<TrainingEnergies> {
  const n = system.dimension;
  const to = Float64Array.from(start);
  const gradient = new Float64Array(n);
  const from = new Float64Array(n);
  const frames: { step: number; V: number; T: number; loss: number; lost: number }[] = [];
  let [lost, kineticBefore] = [0, 0];
  let kineticOf: TrainingEnergies['kineticOf'] = 'displacement';
  for (let step = 0; step <= steps; step++) {
    throwIfAborted(signal);
    from.set(to);
    const loss = await system.gradient(to, gradient, step);
    const recorded = step % every === 0 || step === steps;
    const V = recorded && system.potential ? await system.potential(from) : loss;
    optimiser.update(to, gradient, loss);
    const own = optimiser.figures().kinetic;
    if (own !== undefined) kineticOf = 'momentum';
    const T = own ?? (mass * squaredDistance(from, to)) / (2 * time * time);
    if (friction !== undefined && step > 0) lost += friction * (kineticBefore + T) * time;
    kineticBefore = T;
    if (recorded) frames.push({ step, V, T, loss, lost });
    await visit({ step, recorded, from, to });
  }
  const column = (of: (frame: (typeof frames)[number]) => number) => Float64Array.from(frames, of);
  return {
    potentialOf: system.potentialOf,
    kineticOf,
    times: column((frame) => frame.step * time),
    kinetic_K: column((frame) => frame.T),
    potential_K: column((frame) => frame.V),
    energies: column((frame) => frame.T + frame.V),
    loss_K: column((frame) => frame.loss),
    ...(friction === undefined ? {} : { dissipated_K: column((frame) => frame.lost) }),
  };
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (b[i]! - a[i]!) ** 2;
  return sum;
}

/** The same with every recorded state kept. Throws what system and optimiser throw. */
export async function trainingEnergy(
  system: TrainingSystem,
  optimiser: Optimiser,
  start: ArrayLike<number>,
  options: TrainingOptions,
): Promise<LearningRun> {
  const { time = 1, mass = 1 } = options;
  const n = system.dimension;
  const states: { readonly q: Float64Array; readonly p: Float64Array }[] = [];
  const run = await trainingSteps(system, optimiser, start, options, ({ recorded, from, to }) => {
    if (!recorded) return;
    states.push({ q: from.slice(), p: from.map((q, i) => (mass * (to[i]! - q)) / time) });
  });
  const rows = (of: (state: (typeof states)[number]) => Float64Array) => {
    const all = new Float64Array(states.length * n);
    states.forEach((state, k) => {
      all.set(of(state), k * n);
    });
    return all;
  };
  return {
    ...{ clock: 'learning', system: system.name, integrator: optimiser.name, dimension: n, momenta: n },
    ...{ q_KN: rows(({ q }) => q), p_KN: rows(({ p }) => p) },
    ...run,
  };
}
