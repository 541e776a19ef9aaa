/** @file The straight line α(s) = 1 + s (end − 1): free strengths stay at 1, or go with it to any end point. */
import { EditError } from '../../core/errors.ts';
import { reportPath } from './report.ts';
import { pinnedEnd, requireProblem, requireSteps, type StrengthPath, type StrengthProblem } from './types.ts';

/**
 * The straight line to `end_N`, at constant pace; without one the pinned strengths go to their targets and the free
 * ones stay at 1.
 * @throws EditError `edit.strengths`, `edit.strength-range` (a pinned target)
 */
export function straightLine(
  problem: StrengthProblem,
  { steps, end_N }: { readonly steps: number; readonly end_N?: ArrayLike<number> },
): StrengthPath {
  requireProblem(problem);
  requireSteps(steps, problem.name);
  const to = Float64Array.from(end_N ?? pinnedEnd(problem));
  if (to.length !== problem.strengths || !to.every(Number.isFinite)) {
    throw new EditError('edit.strengths', `the end of the line is not ${problem.strengths} finite numbers`, {
      where: problem.name,
      hint: 'give one strength for each feature, e.g. the end of another path',
    });
  }
  const velocity_N = to.map((a) => a - 1);
  const points = Array.from({ length: steps + 1 }, (_, k) => velocity_N.map((v) => 1 + (v * k) / steps));
  return reportPath(
    problem,
    'straight',
    { alpha_KN: points, velocity_KN: points.map(() => velocity_N) },
    'straight line',
  );
}
