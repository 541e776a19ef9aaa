/** @file A metric that is dear to measure: taken at a few points of a line, interpolated between them, positive everywhere. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { EditError, throwIfAborted } from '../../core/errors.ts';
import { inner } from './report.ts';
import type { StrengthMetric } from './types.ts';

export interface MetricAlongOptions {
  /** Where the line ends; it begins at 1. */
  readonly end_N: ArrayLike<number>;
  /** Points at which the metric is measured, at least 2; 5 unless given. */
  readonly points?: number;
  /** μ of μI, in the metric's units; 1 % of the mean diagonal at the start unless given. */
  readonly mu?: number;
  /** Points that are measured only to find the error; 1 unless given, 2 at most. */
  readonly heldOut?: number;
  readonly signal?: AbortSignal;
  /** Called after each point with the number of points done and their number. */
  readonly advance?: (done: number, of: number) => void;
}

/** The metric, and how far it is from what is measured between its points. */
export interface MetricAlong {
  readonly metric: StrengthMetric;
  readonly mu: number;
  /** Places of the measured points on the line, 0 … 1 (Chebyshev points of the second kind). */
  readonly nodes: readonly number[];
  /** ‖G interpolated − G measured‖ / ‖G measured‖ (Frobenius, without μI) at points that were left out. */
  readonly errors: readonly { readonly at: number; readonly error: number }[];
  /** The largest of them; 0 when none was left out. */
  readonly error: number;
  /** The mean of what was measured, the same everywhere, and the largest relative error it has at a measured point. */
  readonly mean: { readonly metric: StrengthMetric; readonly error: number };
  /** Relative error of the interpolation at any other strengths, e.g. in the middle of the path that was found. */
  errorAt(alpha_N: Float64Array, measured_NN: ArrayLike<number>): number;
}

/**
 * G(α) = R(σ)² + μI with σ the place of α's projection on the line from 1 to `end_N`: the symmetric root R of the measured matrices is
 * interpolated entry by entry by the polynomial through the points (Lagrange), so that G has no
 * eigenvalue below μ wherever it is asked for. Beyond the ends R soon stays as it is. Off the line G is that of its
 * projection: `errorAt` says what this costs.
 * @param at measured metric at α, row-major [n, n], without μI
 * @throws EditError `edit.metric` (fewer than two points, numbers that are not finite, a line of no length)
 */
export async function metricAlong(
  at: (alpha_N: Float64Array) => Promise<ArrayLike<number>>,
  options: MetricAlongOptions,
): Promise<MetricAlong> {
  const { points = 5, heldOut = 1 } = options;
  const line_N = Float64Array.from(options.end_N, (a) => a - 1);
  const n = line_N.length;
  const length = inner(line_N, line_N);
  if (!Number.isInteger(points) || points < 2 || !(length > 0)) {
    throw metricError(
      'the metric needs two different points at least',
      'give points ≥ 2 and an end that differs from 1',
    );
  }
  const nodes = Array.from({ length: points }, (_, k) => (1 - Math.cos((Math.PI * k) / (points - 1))) / 2);
  const places = [...nodes, ...leftOut(nodes, heldOut)];
  const measured = await measuredAt(at, line_N, places, options);
  const roots = measured.slice(0, points).map((G) => root(G, n));
  const first = measured[0]!;
  const mu = options.mu ?? 0.01 * meanDiagonal(first, n);
  if (!(mu > 0))
    throw metricError(
      'nothing in the output depends on these strengths',
      'give mu > 0, or choose features that are active',
    );
  const place = (alpha_N: ArrayLike<number>) => {
    let along = 0;
    for (let i = 0; i < n; i++) along += line_N[i]! * (alpha_N[i]! - 1);
    return along / length;
  };
  const without = (alpha_N: ArrayLike<number>) => {
    const { value } = interpolated(nodes, roots, place(alpha_N));
    return product(value, value, n);
  };
  const errorAt = (alpha_N: Float64Array, G: ArrayLike<number>) => relative(without(alpha_N), G);
  const errors = places.slice(points).map((s, k) => {
    const alpha_N = line_N.map((d) => 1 + s * d);
    return { at: s, error: errorAt(alpha_N, measured[points + k]!) };
  });
  const mean = new Float64Array(n * n);
  for (const G of measured) for (let i = 0; i < mean.length; i++) mean[i]! += G[i]! / measured.length;
  const raised = (G: Float64Array) => {
    for (let i = 0; i < n; i++) G[i * n + i]! += mu;
    return rows(G, n);
  };
  const same = raised(mean.slice());
  return {
    mu,
    nodes,
    errors,
    mean: {
      metric: { at: () => same },
      error: Math.max(...measured.map((G) => relative(mean, G))),
    },
    error: errors.reduce((most, { error }) => Math.max(most, error), 0),
    errorAt,
    metric: {
      at: (alpha_N) => raised(without(alpha_N)),
      slopesTimes: (alpha_N, v_N) => {
        const { value, slope } = interpolated(nodes, roots, place(alpha_N));
        // G = R R: G′v = R′(R v) + R(R′v).
        const back = through(slope, through(value, v_N));
        const change = through(value, through(slope, v_N)).map((x, i) => x + back[i]!);
        return Array.from(line_N, (d) => change.map((x) => (x * d) / length));
      },
    },
  };
}

/** The metric at places of the line. @throws EditError `edit.metric` */
async function measuredAt(
  at: (alpha_N: Float64Array) => Promise<ArrayLike<number>>,
  line_N: Float64Array,
  places: readonly number[],
  { signal, advance }: Pick<MetricAlongOptions, 'signal' | 'advance'>,
): Promise<Float64Array[]> {
  const n = line_N.length;
  const measured: Float64Array[] = [];
  for (const place of places) {
    throwIfAborted(signal);
    const G = Float64Array.from(await at(line_N.map((d) => 1 + place * d)));
    if (G.length !== n * n || !G.every(Number.isFinite))
      throw metricError(
        'the measured metric has another size, or numbers that are not finite',
        'look at the model at this strength',
      );
    measured.push(symmetric(G, n));
    advance?.(measured.length, places.length);
  }
  return measured;
}

/** ‖found − G‖ / ‖G‖ (Frobenius). */
function relative(found: Float64Array, G: ArrayLike<number>): number {
  let [off, size] = [0, 0];
  for (let i = 0; i < found.length; i++) {
    off += (found[i]! - G[i]!) ** 2;
    size += G[i]! ** 2;
  }
  return size > 0 ? Math.sqrt(off / size) : 0;
}

/** Middles of the widest gaps. */
function leftOut(nodes: readonly number[], count: number): number[] {
  const gaps = nodes.slice(1).map((to, k) => ({ width: to - nodes[k]!, middle: (to + nodes[k]!) / 2 }));
  return gaps
    .sort((a, b) => b.width - a.width || a.middle - b.middle)
    .slice(0, Math.min(count, 2))
    .map((gap) => gap.middle);
}

/** Mean of the diagonal of G [n, n]: the size of a metric, in whose shares μ is given. */
export function meanDiagonal(G: ArrayLike<number>, n: number): number {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += G[i * n + i]!;
  return trace / n;
}

const symmetric = (G: Float64Array, n: number): Float64Array =>
  G.map((x, at) => (x + G[(at % n) * n + Math.floor(at / n)]!) / 2);

/** The symmetric root; what rounding left below 0 counts as 0. */
function root(G: Float64Array, n: number): Float64Array {
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(
    Matrix.from1DArray(n, n, G),
    { assumeSymmetric: true },
  );
  const scaled = vectors.clone().mulRowVector(values.map((value) => Math.sqrt(Math.max(value, 0))));
  return Float64Array.from(scaled.mmul(vectors.transpose()).to1DArray());
}

function through(A: Float64Array, v: Float64Array): Float64Array {
  const n = v.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i]! += A[i * n + j]! * v[j]!;
  return out;
}

function product(A: Float64Array, B: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const a = A[i * n + k]!;
      for (let j = 0; j < n; j++) out[i * n + j]! += a * B[k * n + j]!;
    }
  return out;
}

const rows = (G: Float64Array, n: number): Float64Array[] =>
  Array.from({ length: n }, (_, i) => G.slice(i * n, (i + 1) * n));

/** How far beyond the ends the polynomial is followed. */
const BEYOND = 0.1;

/** s itself from 0 to 1; beyond, it comes to rest within `BEYOND`, smoothly: what was never measured must not draw paths to it. */
function held(s: number): { readonly place: number; readonly slope: number } {
  const end = Math.min(1, Math.max(0, s));
  const t = Math.tanh((s - end) / BEYOND);
  return { place: end + BEYOND * t, slope: 1 - t * t };
}

/** The polynomial through the matrices and its slope at s, held beyond 0 and 1. */
function interpolated(
  nodes: readonly number[],
  matrices: readonly Float64Array[],
  s: number,
): { readonly value: Float64Array; readonly slope: Float64Array } {
  const { place, slope: pace } = held(s);
  const value = new Float64Array(matrices[0]!.length);
  const slope = new Float64Array(matrices[0]!.length);
  matrices.forEach((matrix, k) => {
    let [weight, change] = [1, 0];
    nodes.forEach((node, j) => {
      if (j === k) return;
      const width = nodes[k]! - node;
      change = (change * (place - node) + weight) / width;
      weight *= (place - node) / width;
    });
    for (let at = 0; at < matrix.length; at++) {
      value[at]! += weight * matrix[at]!;
      slope[at]! += pace * change * matrix[at]!;
    }
  });
  return { value, slope };
}

const metricError = (message: string, hint: string): EditError =>
  new EditError('edit.metric', message, { hint });
