/** @file The best end point without any path: V at its least over the free strengths, the pinned ones at their targets. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import { factor, isPositive } from '../../mechanics/linear.ts';
import { inner, squared, times } from './report.ts';
import { freeStrengths, pinnedEnd, requireProblem, type StrengthProblem } from './types.ts';

/** An end point and what it costs. */
export interface EndPoint {
  readonly alpha_N: Float64Array;
  /** V there. */
  readonly potential: number;
  /** ½ (α − 1)ᵀ G(1) (α − 1): about the KL paid when all of it is done at once. */
  readonly oneStepKl: number;
  /** Largest |∂/∂α_f| of what was minimised. */
  readonly slope: number;
  readonly iterations: number;
}

const MOST_ITERATIONS = 200;

/**
 * Minimises V(α) + ½ closeness · (α − 1)ᵀG(1)(α − 1) over the free strengths: Newton's method, made positive and shortened where it
 * must be. `closeness` 0, the default, asks for V alone.
 * @throws EditError `edit.strengths`, `edit.strength-range`; MechanicsError `mechanics.not-converged` (V has no least value)
 */
export function directEndPoint(
  problem: StrengthProblem,
  { closeness = 0, signal }: { readonly closeness?: number; readonly signal?: AbortSignal } = {},
): EndPoint {
  requireProblem(problem);
  const free = freeStrengths(problem);
  const G = problem.metric.at(new Float64Array(problem.strengths).fill(1));
  const moved = (alpha_N: Float64Array) => alpha_N.map((a) => a - 1);
  const objective = (alpha_N: Float64Array) => {
    const { value, gradient_N, hessian_NN } = problem.potential(alpha_N);
    const pull = times(G, moved(alpha_N));
    return {
      value: value + (closeness / 2) * inner(pull, moved(alpha_N)),
      slope: free.map((i) => gradient_N[i]! + closeness * pull[i]!),
      curvature: free.map((i) => free.map((j) => hessian_NN[i]![j]! + closeness * G[i]![j]!)),
    };
  };
  let alpha_N = pinnedEnd(problem);
  let now = objective(alpha_N);
  const finish = (iterations: number): EndPoint => ({
    alpha_N,
    potential: problem.potential(alpha_N).value,
    oneStepKl: squared(G, moved(alpha_N)) / 2,
    slope: largest(now.slope),
    iterations,
  });
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    throwIfAborted(signal);
    if (largest(now.slope) <= 1e-13 * (1 + Math.abs(now.value))) return finish(iteration);
    const change = newtonStep(now.curvature, now.slope, problem.name);
    let length = 1;
    for (;;) {
      const next = alpha_N.slice();
      free.forEach((i, k) => {
        next[i]! += length * change[k]!;
      });
      const then = objective(next);
      const gained = now.value - then.value;
      if (
        gained > 0 ||
        (gained >= -1e-15 * Math.abs(now.value) && largest(then.slope) < largest(now.slope))
      ) {
        [alpha_N, now] = [next, then];
        break;
      }
      length /= 2;
      // Rounding is all that is left, or the direction leads nowhere.
      if (length > 1e-12) continue;
      if (largest(now.slope) <= 1e-8 * (1 + Math.abs(now.value))) return finish(iteration);
      throw unbounded(problem.name);
    }
    if (!(largest(alpha_N) < 1e6)) throw unbounded(problem.name);
  }
  throw unbounded(problem.name);
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** −(H + λI)⁻¹ g with the least λ of a growing series that makes the matrix positive. */
function newtonStep(curvature: readonly number[][], slope: readonly number[], where: string): Float64Array {
  const scale = Math.max(...curvature.map((row, i) => Math.abs(row[i]!))) || 1;
  for (let shift = 0; ; shift = shift === 0 ? 1e-8 * scale : 10 * shift) {
    const shifted = curvature.map((row, i) => row.map((x, j) => (i === j ? x + shift : x)));
    if (isPositive(shifted)) return factor(shifted, where).solve(slope.map((g) => -g));
    if (!Number.isFinite(shift)) throw unbounded(where);
  }
}

const unbounded = (where: string) =>
  new MechanicsError('mechanics.not-converged', 'the cost has no least value over the free strengths', {
    where,
    hint: 'raise `closeness`, so that the end point stays near the untouched model',
  });
