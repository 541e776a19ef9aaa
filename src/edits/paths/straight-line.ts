/** @file The straight line α(s) = 1 + s (end − 1): free strengths stay at 1, or go with it to any end point. */
import { reportPath } from './report.ts';
import {
  pinnedEnd,
  requireProblem,
  requireSteps,
  requireStrength,
  type StrengthPath,
  type StrengthProblem,
} from './types.ts';

/**
 * The straight line to `end_N`, at constant pace; without one the pinned strengths go to their targets and the free
 * ones stay at 1.
 * @throws EditError `edit.strengths`, `edit.strength-range`
 */
export function straightLine(
  problem: StrengthProblem,
  { steps, end_N }: { readonly steps: number; readonly end_N?: ArrayLike<number> },
): StrengthPath {
  requireProblem(problem);
  requireSteps(steps, problem.name);
  const to = Float64Array.from(end_N ?? pinnedEnd(problem));
  to.forEach((strength, i) => {
    requireStrength(strength, `${problem.name}, strength ${i}`);
  });
  const velocity_N = to.map((a) => a - 1);
  const points = Array.from({ length: steps + 1 }, (_, k) => velocity_N.map((v) => 1 + (v * k) / steps));
  return reportPath(
    problem,
    'straight',
    { alpha_KN: points, velocity_KN: points.map(() => velocity_N) },
    'straight line',
  );
}
