/** @file Gradient flow over feature strengths: pinned ones are driven to their targets, free ones slide down V in the metric. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import { factor } from '../../mechanics/linear.ts';
import { reportPath, times } from './report.ts';
import {
  freeStrengths,
  pinnedEnd,
  requireProblem,
  requireSteps,
  type StrengthPath,
  type StrengthProblem,
} from './types.ts';

const MOST_ITERATIONS = 60;
/** How often a step is halved before it is given up. */
const MOST_HALVINGS = 10;
/** The stage weight that makes the method of order 2 and L-stable. */
const GAMMA = 1 - Math.SQRT1_2;

/**
 * α̇ = argmin ½ α̇ᵀGα̇ + rate · ∇V·α̇ with the pinned strengths moving at constant pace: G_ff α̇_f = −rate ∇_f V − G_fp α̇_p,
 * the natural gradient (Amari 1998) of the free strengths and their answer to the motion of the pinned ones. With nothing
 * pinned it is the natural gradient flow of V from α = 1 over a time of `rate`; as `rate` grows the free strengths stay at the
 * minimum of V. Two-stage diagonally implicit Runge–Kutta (Alexander 1977), L-stable: stiff flows need no small steps.
 * @param rate nats of V that a nat of the metric is traded for per unit of s; 1 unless given
 * @throws EditError `edit.strengths`, `edit.strength-range`; MechanicsError `mechanics.not-converged`
 */
export function gradientFlow(
  problem: StrengthProblem,
  {
    steps,
    rate = 1,
    signal,
  }: { readonly steps: number; readonly rate?: number; readonly signal?: AbortSignal },
): StrengthPath {
  requireProblem(problem);
  requireSteps(steps, problem.name);
  const free = freeStrengths(problem);
  const drive_N = pinnedEnd(problem).map((a) => a - 1);
  const h = 1 / steps;
  const velocityAt = velocities(problem, free, rate);
  /** One step of the method; where its equations have no solution from here, two of half the size. */
  const stepped = (from: Float64Array, guess: Float64Array, size: number, halvings = 0): Float64Array => {
    try {
      const first = velocityAt(from, guess, GAMMA * size);
      const half = from.map((a, i) => a + (1 - GAMMA) * size * first[i]!);
      const second = velocityAt(half, first, GAMMA * size);
      return half.map((a, i) => a + GAMMA * size * second[i]!);
    } catch (error) {
      const stiff = error instanceof MechanicsError && error.code === 'mechanics.not-converged';
      if (!stiff || halvings >= MOST_HALVINGS) throw error;
      const middle = stepped(from, guess, size / 2, halvings + 1);
      return stepped(middle, velocityAt(middle, guess, 0), size / 2, halvings + 1);
    }
  };
  let alpha_N: Float64Array = new Float64Array(problem.strengths).fill(1);
  let velocity_N = velocityAt(alpha_N, drive_N, 0);
  const [alpha_KN, velocity_KN] = [[alpha_N], [velocity_N]];
  for (let k = 0; k < steps; k++) {
    throwIfAborted(signal);
    alpha_N = stepped(alpha_N, velocity_N, h);
    velocity_N = velocityAt(alpha_N, velocity_N, 0);
    alpha_KN.push(alpha_N);
    velocity_KN.push(velocity_N);
  }
  return reportPath(problem, 'gradient-flow', { alpha_KN, velocity_KN }, 'gradient flow, SDIRK2');
}

/** The velocity whose equation holds at `from` + reach · velocity: Newton, halved where the residual would not fall. */
function velocities(
  problem: StrengthProblem,
  free: readonly number[],
  rate: number,
): (from: Float64Array, guess: Float64Array, reach: number) => Float64Array {
  /** What is missing from G_ff α̇_f + G_fp α̇_p + rate ∇_f V = 0, its size against its terms, and how it changes with α̇_f. */
  const at = (alpha_N: Float64Array, velocity_N: Float64Array, reach: number) => {
    const G = problem.metric.at(alpha_N);
    const { gradient_N, hessian_NN } = problem.potential(alpha_N);
    const p = times(G, velocity_N);
    const missing = free.map((i) => -(p[i]! + rate * gradient_N[i]!));
    return {
      missing,
      size: Math.hypot(...missing),
      scale: Math.hypot(...free.map((i) => p[i]!)) + rate * Math.hypot(...free.map((i) => gradient_N[i]!)),
      matrix: free.map((i) => free.map((j) => G[i]![j]! + reach * rate * hessian_NN[i]![j]!)),
    };
  };
  return (from: Float64Array, guess: Float64Array, reach: number): Float64Array => {
    if (free.length === 0) return guess;
    const evaluate = (velocity_N: Float64Array) => ({
      velocity_N,
      ...at(
        from.map((a, i) => a + reach * velocity_N[i]!),
        velocity_N,
        reach,
      ),
    });
    let now = evaluate(guess);
    for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      if (now.size <= Number.EPSILON * now.scale) return now.velocity_N;
      const change = factor(now.matrix, problem.name).solve(now.missing);
      let next = now;
      for (let length = 1; length > 1e-6 && !(next.size < now.size); length /= 2) {
        const velocity_N = now.velocity_N.slice();
        free.forEach((i, k) => {
          velocity_N[i]! += length * change[k]!;
        });
        next = evaluate(velocity_N);
      }
      if (!(next.size < now.size)) {
        // Rounding is all that is left.
        if (now.size <= 1e-8 * now.scale) return now.velocity_N;
        break;
      }
      now = next;
    }
    if (now.size <= 1e-8 * now.scale) return now.velocity_N;
    throw new MechanicsError('mechanics.not-converged', 'a step of the gradient flow has no solution', {
      where: problem.name,
      hint: 'take more steps, or a lower rate',
    });
  };
}
