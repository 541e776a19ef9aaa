/** @file A linear probe: logistic regression by Newton's method, in float64. */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';

/** P(label = 1 | x) = σ(w·x + b). */
export interface LinearProbe {
  readonly w_D: Float64Array;
  readonly b: number;
  /** Mean cross-entropy on the rows it was fitted on, in nats, without the penalty. */
  readonly loss: number;
}

/** w·x + b of one row. */
export const probeLogit = (probe: LinearProbe, x_ND: ArrayLike<number>, row: number): number => {
  const D = probe.w_D.length;
  let sum = probe.b;
  for (let d = 0; d < D; d++) sum += probe.w_D[d]! * x_ND[row * D + d]!;
  return sum;
};

/** Share of rows whose label the probe tells right. */
export function probeAccuracy(
  probe: LinearProbe,
  x_ND: ArrayLike<number>,
  labels_N: ArrayLike<number>,
): number {
  let right = 0;
  for (let n = 0; n < labels_N.length; n++) {
    if (probeLogit(probe, x_ND, n) > 0 === labels_N[n]! > 0.5) right++;
  }
  return right / labels_N.length;
}

/** −log P(label) of one row, without overflow. */
const crossEntropy = (logit: number, label: number): number =>
  Math.max(logit, 0) - label * logit + Math.log1p(Math.exp(-Math.abs(logit)));

/**
 * The minimum of mean cross-entropy + ½ ridge ‖w‖² over w and b, by Newton's method with halved steps; the constant
 * predictor is where it starts. `ridge` > 0 keeps it unique when the classes can be told apart.
 * @param x_ND rows, row-major @param labels_N 0 or 1
 */
export function fitProbe(
  x_ND: ArrayLike<number>,
  labels_N: ArrayLike<number>,
  width: number,
  ridge = 1e-4,
  iterations = 30,
): LinearProbe {
  const rows = labels_N.length;
  const size = width + 1;
  let share = 0;
  for (let n = 0; n < rows; n++) share += labels_N[n]! / rows;
  let at = new Float64Array(size);
  at[width] = Math.log(share / (1 - share));
  const value = (n: number, d: number) => (d === width ? 1 : x_ND[n * width + d]!);
  const logit = (point: Float64Array, n: number) => {
    let sum = point[width]!;
    for (let d = 0; d < width; d++) sum += point[d]! * x_ND[n * width + d]!;
    return sum;
  };
  const objective = (point: Float64Array) => {
    let loss = 0;
    for (let n = 0; n < rows; n++) loss += crossEntropy(logit(point, n), labels_N[n]!) / rows;
    let penalty = 0;
    for (let d = 0; d < width; d++) penalty += 0.5 * ridge * point[d]! ** 2;
    return { loss, total: loss + penalty };
  };
  let now = objective(at);
  for (let i = 0; i < iterations; i++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let n = 0; n < rows; n++) {
      const p = 1 / (1 + Math.exp(-logit(at, n)));
      const slope = (p - labels_N[n]!) / rows;
      const curvature = (p * (1 - p)) / rows;
      for (let a = 0; a < size; a++) {
        const xa = value(n, a);
        gradient[a]! += slope * xa;
        const ca = curvature * xa;
        for (let b = 0; b <= a; b++) hessian[a * size + b]! += ca * value(n, b);
      }
    }
    for (let a = 0; a < size; a++) {
      if (a < width) {
        gradient[a]! += ridge * at[a]!;
        hessian[a * size + a]! += ridge;
      }
      // Keeps the system positive where a column does not vary or all rows are certain.
      hessian[a * size + a]! += 1e-12;
      for (let b = a + 1; b < size; b++) hessian[a * size + b] = hessian[b * size + a]!;
    }
    const step = new CholeskyDecomposition(Matrix.from1DArray(size, size, hessian))
      .solve(Matrix.columnVector(gradient))
      .to1DArray();
    let reach = 1;
    let next = at;
    let then = now;
    do {
      next = at.map((v, a) => v - reach * step[a]!);
      then = objective(next);
      reach /= 2;
    } while (then.total > now.total && reach > 1e-9);
    if (!(then.total < now.total)) break;
    const gained = now.total - then.total;
    at = next;
    now = then;
    if (gained < 1e-14) break;
  }
  return { w_D: at.slice(0, width), b: at[width]!, loss: now.loss };
}
