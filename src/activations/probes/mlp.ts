/** @file A probe with one hidden layer: what a concept leaves behind that no linear probe sees. */
import type { Random } from '../../core/random.ts';
import { type Columns, columnsOf, standardised } from './standard.ts';

/** logit = v·relu(W x + a) + c on standardised columns. */
export interface MlpProbe {
  readonly columns: Columns;
  readonly hidden: number;
  /** Row-major [H, D]. */
  readonly W_HD: Float64Array;
  readonly a_H: Float64Array;
  readonly v_H: Float64Array;
  readonly c: number;
}

export interface MlpOptions {
  readonly hidden: number;
  /** Steps of Adam. */
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  /** λ of ½ λ ‖θ‖², added to the gradient of the mean loss. */
  readonly decay: number;
}

export const MLP_DEFAULTS: MlpOptions = {
  hidden: 16,
  steps: 400,
  batch: 64,
  learningRate: 3e-3,
  decay: 1e-3,
};

/** Trains the probe by Adam (Kingma & Ba 2015; β 0.9, 0.999) on the cross-entropy. The seed draws start and batches. */
export function fitMlp(
  x_ND: ArrayLike<number>,
  labels_N: ArrayLike<number>,
  width: number,
  random: Random,
  options: MlpOptions = MLP_DEFAULTS,
): MlpProbe {
  const { hidden: H, steps, batch, learningRate, decay } = options;
  const rows = labels_N.length;
  const columns = columnsOf(x_ND, width);
  const x = standardised(x_ND, columns);
  // W [H, D], a [H], v [H], c behind each other.
  const [atA, atV, atC] = [H * width, H * width + H, H * width + 2 * H];
  const theta = new Float64Array(atC + 1);
  for (let i = 0; i < atA; i++) theta[i] = random.normal() * Math.sqrt(2 / width);
  for (let h = 0; h < H; h++) theta[atV + h] = random.normal() * Math.sqrt(1 / H);
  const gradient = new Float64Array(theta.length);
  const first = new Float64Array(theta.length);
  const second = new Float64Array(theta.length);
  const active_H = new Float64Array(H);
  let order = random.permutation(rows);
  let from = 0;
  for (let step = 1; step <= steps; step++) {
    if (from >= rows) {
      order = random.permutation(rows);
      from = 0;
    }
    const to = Math.min(rows, from + batch);
    gradient.fill(0);
    for (let i = from; i < to; i++) {
      const n = order[i]!;
      const logit = forward(theta, x, n * width, H, width, active_H);
      const slope = (1 / (1 + Math.exp(-logit)) - labels_N[n]!) / (to - from);
      gradient[atC]! += slope;
      for (let h = 0; h < H; h++) {
        if (active_H[h] === 0) continue;
        gradient[atV + h]! += slope * active_H[h]!;
        const back = slope * theta[atV + h]!;
        gradient[atA + h]! += back;
        for (let d = 0, w = h * width, at = n * width; d < width; d++, w++, at++)
          gradient[w]! += back * x[at]!;
      }
    }
    from = to;
    const rate = (learningRate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let i = 0; i < theta.length; i++) {
      const g = gradient[i]! + decay * theta[i]!;
      first[i] = 0.9 * first[i]! + 0.1 * g;
      second[i] = 0.999 * second[i]! + 0.001 * g * g;
      theta[i]! -= (rate * first[i]!) / (Math.sqrt(second[i]!) + 1e-8);
    }
  }
  return {
    columns,
    hidden: H,
    W_HD: theta.slice(0, atA),
    a_H: theta.slice(atA, atV),
    v_H: theta.slice(atV, atC),
    c: theta[atC]!,
  };
}

/** Logits of rows. */
export function mlpLogits(probe: MlpProbe, x_ND: ArrayLike<number>): Float64Array {
  const { columns, hidden, W_HD, a_H, v_H, c } = probe;
  const width = columns.mean_D.length;
  const x = standardised(x_ND, columns);
  const theta = Float64Array.from([...W_HD, ...a_H, ...v_H, c]);
  const active_H = new Float64Array(hidden);
  return Float64Array.from({ length: x.length / width }, (_, n) =>
    forward(theta, x, n * width, hidden, width, active_H),
  );
}

/** The logit of the row that begins at `from`; fills the hidden layer's activations. */
function forward(
  theta: Float64Array,
  x: Float64Array,
  from: number,
  H: number,
  width: number,
  active_H: Float64Array,
): number {
  const atA = H * width;
  let logit = theta[atA + 2 * H]!;
  for (let h = 0; h < H; h++) {
    let sum = theta[atA + h]!;
    for (let d = 0, w = h * width, at = from; d < width; d++, w++, at++) sum += theta[w]! * x[at]!;
    active_H[h] = Math.max(sum, 0);
    logit += theta[atA + H + h]! * active_H[h]!;
  }
  return logit;
}
