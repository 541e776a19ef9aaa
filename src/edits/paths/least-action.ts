/** @file Least action over feature strengths: ½ α̇ᵀG(α)α̇ + V(α) summed along the way is least (mechanics.md §5). */
import { MechanicsError } from '../../core/errors.ts';
import { type LeastAction, leastAction } from '../../mechanics/boundary/least-action.ts';
import { shoot } from '../../mechanics/boundary/shooting.ts';
import { gaussLegendre4 } from '../../mechanics/integrators/gauss-legendre.ts';
import { discreteLagrangian, type RuleName } from '../../mechanics/variational/discrete-lagrangian.ts';
import { type Lagrangian, metricLagrangian } from '../../mechanics/variational/lagrangian.ts';
import { reportPath } from './report.ts';
import { requireProblem, requireSteps, type StrengthPath, type StrengthProblem } from './types.ts';

/** How finely, and from where, a least-action path is looked for. */
export interface PathOptions {
  /** N. */
  readonly steps: number;
  /** Quadrature of one step; `galerkin-4` unless given, of order 4. `midpoint` costs a quarter. */
  readonly rule?: RuleName;
  /** A first path, [N + 1][n], e.g. the solution for a smaller κ; the straight line unless given. */
  readonly guess?: readonly ArrayLike<number>[];
  readonly signal?: AbortSignal;
}

/** Shares of V by which the problem is approached where it is not solved at once. */
const SHARES = [0, 0.1, 0.3, 0.6, 1];

/**
 * The path from α = 1 with the least ∫ ½ α̇ᵀGα̇ + V ds: pinned strengths arrive at their targets, free ones with no
 * momentum (the discrete one, D₂L_d). Newton's method on the discrete Euler–Lagrange equations; where it does not arrive,
 * V is switched on by degrees, each solution the next one's start.
 * @throws EditError `edit.strengths`, `edit.strength-range`; MechanicsError `mechanics.not-converged`,
 *   `mechanics.singular` (a metric that is not positive)
 */
export function leastActionPath(problem: StrengthProblem, options: PathOptions): StrengthPath {
  requireProblem(problem);
  requireSteps(options.steps, problem.name);
  const solve = (share: number, guess: PathOptions['guess']): LeastAction =>
    leastAction(discreteLagrangian(strengthLagrangian(problem, share), options.rule ?? 'galerkin-4'), {
      ...endsOf(problem),
      steps: options.steps,
      clock: 'edit',
      tolerance: 1e-11,
      ...(guess ? { guess } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  let found: LeastAction;
  try {
    found = solve(1, options.guess);
  } catch (error) {
    if (!(error instanceof MechanicsError) || error.code !== 'mechanics.not-converged') throw error;
    if (options.guess) throw error;
    let guess: PathOptions['guess'];
    for (const share of SHARES.slice(0, -1)) guess = pointsOf(solve(share, guess), 'q_KN');
    found = solve(1, guess);
  }
  const { residual, iterations, minimum, action } = found;
  return reportPath(
    problem,
    'least-action',
    {
      alpha_KN: pointsOf(found, 'q_KN'),
      momentum_KN: pointsOf(found, 'p_KN'),
      action,
      solved: { residual, iterations, minimum },
    },
    found.trajectory.integrator,
  );
}

/**
 * The same path by shooting from its start (Gauss–Legendre of order 4, aimed by Newton): an independent check. Returns the
 * largest difference in a strength at any point. n + 1 flights per aim, so for a few strengths.
 * @throws MechanicsError `mechanics.not-converged`
 */
export function differenceByShooting(problem: StrengthProblem, path: StrengthPath): number {
  const { q_KN, times } = path.trajectory;
  const [steps, n] = [times.length - 1, problem.strengths];
  const rate = Array.from({ length: n }, (_, i) => (q_KN[n + i]! - q_KN[i]!) * steps);
  const { path: shot } = shoot(strengthLagrangian(problem, 1), {
    ...endsOf(problem),
    integrator: gaussLegendre4,
    steps,
    guess: rate,
  });
  let most = 0;
  shot.forEach((alpha_N, k) => {
    for (let i = 0; i < n; i++) most = Math.max(most, Math.abs(alpha_N[i]! - q_KN[k * n + i]!));
  });
  return most;
}

/** L = ½ α̇ᵀGα̇ + share · V. */
function strengthLagrangian(problem: StrengthProblem, share: number): Lagrangian {
  const { name, strengths, metric } = problem;
  const slopesTimes = metric.slopesTimes?.bind(metric);
  return metricLagrangian({
    name,
    dimension: strengths,
    metric: (alpha_N) => metric.at(alpha_N),
    ...(slopesTimes ? { slopesTimes } : {}),
    cost(alpha_N) {
      const { value, gradient_N, hessian_NN } = problem.potential(alpha_N);
      if (share === 1) return { value, slope: gradient_N, curvature: hessian_NN };
      const scaled = (row: ArrayLike<number>) => Float64Array.from(row, (x) => share * x);
      return { value: share * value, slope: scaled(gradient_N), curvature: hessian_NN.map(scaled) };
    },
  });
}

function endsOf({ strengths, pinned }: StrengthProblem) {
  const end: (number | null)[] = new Array(strengths).fill(null);
  for (const { index, target } of pinned) end[index] = target;
  return { start: new Array<number>(strengths).fill(1), end };
}

function pointsOf({ trajectory }: LeastAction, of: 'q_KN' | 'p_KN'): Float64Array[] {
  const n = trajectory.dimension;
  return Array.from(trajectory.times, (_, k) => trajectory[of].slice(k * n, (k + 1) * n));
}
