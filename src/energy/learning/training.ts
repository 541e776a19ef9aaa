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
  /** V where it is not the loss of the step. */
  potential?(x: Float64Array): number | Promise<number>;
}

/** Training on all data at once: V is the loss. */
export const landscapeSystem = (V: Landscape): TrainingSystem => ({
  name: V.name,
  dimension: V.dimension,
  potentialOf: 'full batch',
  gradient: (x, out) => V.at(x, out),
});

/**
 * Training through the graph engine. With one batch for all steps V is the loss itself; else V is the loss on
 * `evaluation`, which no step learns from.
 */
export function learnerSystem(
  name: string,
  learner: Learner,
  data: { readonly full: Tensors } | { batch(step: number): Tensors; readonly evaluation: Tensors },
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
          potential: async (x: Float64Array) => {
            put(x);
            return learner.loss(data.evaluation);
          },
        }),
  };
}

/** How long, and in what units. */
export interface TrainingOptions {
  readonly steps: number;
  /** Record every n-th step; 1 unless given. */
  readonly every?: number;
  /** Time of one step: h for heavy ball and leapfrog, 1 unless given. */
  readonly time?: number;
  /** m; 1 unless given. */
  readonly mass?: number;
  /** γ of the optimiser: what friction takes is then counted. */
  readonly friction?: number;
  readonly signal?: AbortSignal;
}

/** A training run on its clock. q the parameters, p = m Δθ/h the momentum that the step moved with; energies are H. */
export interface LearningRun extends Trajectory {
  readonly clock: 'learning';
  readonly potentialOf: TrainingSystem['potentialOf'];
  /**
   * Where T comes from: the optimiser's own momentum where the step begins, or the momentum that the step moved with
   * (optimisers without a phase space: Adam, SGD).
   */
  readonly kineticOf: 'momentum' | 'displacement';
  readonly kinetic_K: Float64Array;
  readonly potential_K: Float64Array;
  /** Loss of the step's own batch. */
  readonly loss_K: Float64Array;
  /** 2γ∫T dt up to each sample, by the trapezoidal rule: H + this stays what it was, up to the step. */
  readonly dissipated_K?: Float64Array;
}

/** Trains from `start` and records T, V and H = T + V where each step begins. Throws what system and optimiser throw. */
export async function trainingEnergy(
  system: TrainingSystem,
  optimiser: Optimiser,
  start: ArrayLike<number>,
  { steps, every = 1, time = 1, mass = 1, friction, signal }: TrainingOptions,
): Promise<LearningRun> {
  const n = system.dimension;
  const x = Float64Array.from(start);
  const gradient = new Float64Array(n);
  const before = new Float64Array(n);
  const frames: { step: number; q: Float64Array; p: Float64Array; V: number; T: number; loss: number }[] = [];
  const dissipated: number[] = [];
  let [lost, kineticBefore] = [0, 0];
  let kineticOf: LearningRun['kineticOf'] = 'displacement';
  for (let step = 0; step <= steps; step++) {
    throwIfAborted(signal);
    before.set(x);
    const loss = await system.gradient(x, gradient, step);
    const kept = step % every === 0;
    const V = kept && system.potential ? await system.potential(before) : loss;
    optimiser.update(x, gradient, loss);
    const p = before.map((q, i) => (mass * (x[i]! - q)) / time);
    const own = optimiser.figures().kinetic;
    if (own !== undefined) kineticOf = 'momentum';
    const T = own ?? p.reduce((sum, value) => sum + value * value, 0) / (2 * mass);
    if (friction !== undefined && step > 0) lost += friction * (kineticBefore + T) * time;
    kineticBefore = T;
    if (!kept) continue;
    frames.push({ step, q: before.slice(), p, V, T, loss });
    dissipated.push(lost);
  }
  const column = (of: (frame: (typeof frames)[number]) => number) => Float64Array.from(frames, of);
  const rows = (of: (frame: (typeof frames)[number]) => Float64Array) => {
    const all = new Float64Array(frames.length * n);
    frames.forEach((frame, k) => {
      all.set(of(frame), k * n);
    });
    return all;
  };
  return {
    clock: 'learning',
    system: system.name,
    integrator: optimiser.name,
    dimension: n,
    momenta: n,
    times: column((frame) => frame.step * time),
    q_KN: rows((frame) => frame.q),
    p_KN: rows((frame) => frame.p),
    energies: column((frame) => frame.T + frame.V),
    potentialOf: system.potentialOf,
    kineticOf,
    kinetic_K: column((frame) => frame.T),
    potential_K: column((frame) => frame.V),
    loss_K: column((frame) => frame.loss),
    ...(friction === undefined ? {} : { dissipated_K: Float64Array.from(dissipated) }),
  };
}
