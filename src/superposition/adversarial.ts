/** @file How easily small changes of the input fool a toy model, against how many features it packs into a dimension. */
import { random } from '../core/random.ts';
import { hiddenStates, outputs, sampleInputs } from './inputs.ts';
import { measureToy } from './measures.ts';
import { type ToyContext, type ToyTraining, trainToys } from './train.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** Losses with and without an attack. */
export interface Vulnerability {
  /** Mean loss of inputs as they are. */
  readonly clean: number;
  /** Mean loss when each input may move by ε, the target staying. */
  readonly attacked: number;
  /** (attacked − clean) over the same of a model without superposition: m features, each with a neuron of its own. */
  readonly relative: number;
  readonly featuresPerDimension: number;
}

/** The attack. */
export interface AttackOptions {
  /** ‖δ‖₂ ≤ ε; 0.1 unless given. */
  readonly epsilon?: number;
  /** Inputs; 1,000 unless given. */
  readonly samples?: number;
  /** Projected steps up the gradient; 10 unless given. */
  readonly steps?: number;
  readonly seed?: number;
}

/**
 * L2 attacks on inputs by projected gradient ascent (Madry et al. 2018), measured as in Elhage et al. 2022, "Superposition
 * and Adversarial Robustness", where the loss under attack follows the number of features per dimension.
 */
export function vulnerability(
  task: ToyTask,
  weights: ToyWeights,
  options: AttackOptions = {},
): Vulnerability {
  const own = attack(task, weights, options);
  const plain = attack(task, withoutSuperposition(task), options);
  return {
    ...own,
    relative: (own.attacked - own.clean) / (plain.attacked - plain.clean),
    featuresPerDimension: measureToy(weights).featuresPerDimension,
  };
}

/** The m most important features, each with a neuron of its own; the mean for all others. */
function withoutSuperposition({ features: n, neurons: m, importance_N, sparsity }: ToyTask): ToyWeights {
  const order = [...importance_N.keys()].sort((a, b) => importance_N[b]! - importance_N[a]!);
  const W_NM = new Float64Array(n * m);
  const b_N = new Float64Array(n).fill((1 - sparsity) / 2);
  for (const [k, i] of order.slice(0, m).entries()) {
    W_NM[i * m + k] = 1;
    b_N[i] = 0;
  }
  return { features: n, neurons: m, W_NM, b_N };
}

function attack(
  task: ToyTask,
  weights: ToyWeights,
  options: AttackOptions,
): { clean: number; attacked: number } {
  const { epsilon = 0.1, samples = 1000, steps = 10, seed = 0 } = options;
  const { features: n } = task;
  const x = sampleInputs(task, samples, random(seed).fork('inputs'));
  const nudges = random(seed).fork('nudges');
  const delta = Float64Array.from(x, () => nudges.normal());
  project(delta, n, 0.1 * epsilon);
  const moved = () => x.map((value, at) => value + delta[at]!);
  const clean = lossAndSlope(task, weights, x, x).loss;
  for (let step = 0; step < steps; step++) {
    const { slope } = lossAndSlope(task, weights, moved(), x);
    project(slope, n, epsilon / 2);
    for (let at = 0; at < delta.length; at++) delta[at]! += slope[at]!;
    project(delta, n, epsilon, true);
  }
  return { clean, attacked: lossAndSlope(task, weights, moved(), x).loss };
}

/** Scales each row to a length; with `within`, only rows that are longer. */
function project(rows: Float64Array, n: number, length: number, within = false): void {
  for (let at = 0; at < rows.length; at += n) {
    const row = rows.subarray(at, at + n);
    const size = Math.hypot(...row);
    if (size === 0 || (within && size <= length)) continue;
    for (let i = 0; i < n; i++) row[i]! *= length / size;
  }
}

/** Mean loss, and the derivative of each row's loss by its input. */
function lossAndSlope(task: ToyTask, weights: ToyWeights, x: Float64Array, target: Float64Array) {
  const { features: n, kind, importance_N } = task;
  const { neurons: m, W_NM, encoder_NM } = weights;
  const h = hiddenStates(weights, x);
  const y = outputs(task, weights, h);
  const slope = new Float64Array(x.length);
  const back = new Float64Array(m);
  let loss = 0;
  for (let row = 0; row * n < x.length; row++) {
    back.fill(0);
    for (let i = 0; i < n; i++) {
      const error = y[row * n + i]! - Math.abs(target[row * n + i]!);
      const weight = importance_N[i]! / n;
      loss += weight * error * error;
      if (kind !== 'linear' && y[row * n + i] === 0) continue;
      for (let k = 0; k < m; k++) back[k]! += 2 * weight * error * W_NM[i * m + k]!;
    }
    if (encoder_NM) for (let k = 0; k < m; k++) if (h[row * m + k] === 0) back[k] = 0;
    for (let i = 0; i < n; i++)
      for (let k = 0; k < m; k++) slope[row * n + i]! += back[k]! * (encoder_NM ?? W_NM)[i * m + k]!;
  }
  return { loss: loss / (x.length / n), slope };
}

/** A model of a sweep over sparsity. */
export interface VulnerabilityPoint extends Vulnerability {
  readonly sparsity: number;
}

/** Trains one model at each sparsity and attacks it. */
export async function vulnerabilityCurve(
  tasks: readonly ToyTask[],
  training: ToyTraining,
  options: AttackOptions,
  context: ToyContext,
): Promise<VulnerabilityPoint[]> {
  const { seed = 0 } = options;
  const trained = await trainToys(
    tasks.map((task) => ({ task, seed })),
    training,
    context,
  );
  return trained.map(({ task, weights }) => ({
    sparsity: task.sparsity,
    ...vulnerability(task, weights, options),
  }));
}
