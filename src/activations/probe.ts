/** @file A linear probe: logistic regression by Newton's method with conjugate gradients inside, in float64. */

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

/** Newton's steps at most. */
const ITERATIONS = 60;

/**
 * The minimum of mean cross-entropy + ½ ridge ‖w‖² over w and b, by Newton's method with halved steps; the constant
 * predictor is where it starts. Newton's equations are solved by conjugate gradients, more exactly as the minimum comes
 * near (Nocedal & Wright, Numerical Optimization, algorithm 7.1), so that no Hessian of wide rows is ever formed.
 * `ridge` > 0 keeps the minimum unique when the classes can be told apart.
 * @param x_ND rows, row-major @param labels_N 0 or 1 @param tolerance nats that a step must gain to go on
 */
export function fitProbe(
  x_ND: ArrayLike<number>,
  labels_N: ArrayLike<number>,
  width: number,
  ridge = 1e-4,
  tolerance = 1e-14,
): LinearProbe {
  const rows = labels_N.length;
  const x = x_ND instanceof Float64Array ? x_ND : Float64Array.from(x_ND);
  let share = 0;
  for (let n = 0; n < rows; n++) share += labels_N[n]! / rows;
  let at = new Float64Array(width + 1);
  at[width] = Math.log(share / (1 - share));
  const losses = (point: Float64Array) => {
    const logit_N = product(x, point, rows, width);
    let loss = 0;
    for (let n = 0; n < rows; n++) loss += crossEntropy(logit_N[n]!, labels_N[n]!) / rows;
    let penalty = 0;
    for (let d = 0; d < width; d++) penalty += 0.5 * ridge * point[d]! ** 2;
    return { logit_N, loss, total: loss + penalty };
  };
  let now = losses(at);
  let first = 0;
  for (let i = 0; i < ITERATIONS; i++) {
    const slope_N = new Float64Array(rows);
    const curvature_N = new Float64Array(rows);
    for (let n = 0; n < rows; n++) {
      const p = 1 / (1 + Math.exp(-now.logit_N[n]!));
      slope_N[n] = (p - labels_N[n]!) / rows;
      curvature_N[n] = (p * (1 - p)) / rows;
    }
    const gradient = transposed(x, slope_N, rows, width);
    for (let d = 0; d < width; d++) gradient[d]! += ridge * at[d]!;
    const size = norm(gradient);
    if (i === 0) first = size;
    if (!(size > 1e-14)) break;
    const step = newtonStep(x, curvature_N, gradient, ridge, Math.min(0.1, Math.sqrt(size / first)) * size);
    let reach = 1;
    let next = at;
    let then = now;
    do {
      next = at.map((v, a) => v - reach * step[a]!);
      then = losses(next);
      reach /= 2;
    } while (then.total > now.total && reach > 1e-9);
    if (!(then.total < now.total)) break;
    const gained = now.total - then.total;
    at = next;
    now = then;
    if (gained < tolerance) break;
  }
  return { w_D: at.slice(0, width), b: at[width]!, loss: now.loss };
}

const norm = (v: Float64Array): number => Math.sqrt(dot(v, v));

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** x·w + b of all rows; the last number of `point` is b. */
function product(x: Float64Array, point: Float64Array, rows: number, width: number): Float64Array {
  const out_N = new Float64Array(rows);
  for (let n = 0, i = 0; n < rows; n++) {
    let sum = point[width]!;
    for (let d = 0; d < width; d++, i++) sum += point[d]! * x[i]!;
    out_N[n] = sum;
  }
  return out_N;
}

/** Σ_n v_n (x_n, 1). */
function transposed(x: Float64Array, v_N: Float64Array, rows: number, width: number): Float64Array {
  const out = new Float64Array(width + 1);
  for (let n = 0, i = 0; n < rows; n++) {
    const v = v_N[n]!;
    for (let d = 0; d < width; d++, i++) out[d]! += v * x[i]!;
    out[width]! += v;
  }
  return out;
}

/** Solves (Σ c_n (x_n, 1)(x_n, 1)ᵀ + ridge) s = g by conjugate gradients scaled with the diagonal. */
function newtonStep(
  x: Float64Array,
  curvature_N: Float64Array,
  gradient: Float64Array,
  ridge: number,
  tolerance: number,
): Float64Array {
  const rows = curvature_N.length;
  const size = gradient.length;
  const width = size - 1;
  // 1e-12 keeps the system positive where a column does not vary or all rows are certain.
  const diagonal = new Float64Array(size).fill(ridge + 1e-12);
  diagonal[width] = 1e-12;
  for (let n = 0, i = 0; n < rows; n++) {
    for (let d = 0; d < width; d++, i++) diagonal[d]! += curvature_N[n]! * x[i]! ** 2;
    diagonal[width]! += curvature_N[n]!;
  }
  const s = new Float64Array(size);
  const residual = gradient.slice();
  let scaled = residual.map((r, a) => r / diagonal[a]!);
  const direction = scaled.slice();
  let along = dot(residual, scaled);
  for (let i = 0; i < 4 * size; i++) {
    const through_N = product(x, direction, rows, width);
    for (let n = 0; n < rows; n++) through_N[n]! *= curvature_N[n]!;
    const image = transposed(x, through_N, rows, width);
    for (let a = 0; a < size; a++) image[a]! += ((a < width ? ridge : 0) + 1e-12) * direction[a]!;
    const length = along / dot(direction, image);
    if (!Number.isFinite(length)) break;
    for (let a = 0; a < size; a++) {
      s[a]! += length * direction[a]!;
      residual[a]! -= length * image[a]!;
    }
    if (norm(residual) <= tolerance) break;
    scaled = residual.map((r, a) => r / diagonal[a]!);
    const next = dot(residual, scaled);
    for (let a = 0; a < size; a++) direction[a] = scaled[a]! + (next / along) * direction[a]!;
    along = next;
  }
  return s;
}
