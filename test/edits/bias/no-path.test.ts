/** @file A study in which least action has no solution, not even in the mean metric: said, and the rest is measured. */
import { expect, test, vi } from 'vitest';
import { MechanicsError } from '../../../src/core/errors.ts';
import { silent } from '../../../src/core/progress.ts';
import { biasStudy } from '../../../src/edits/bias/study.ts';
import { toyProblem } from './toy.ts';

vi.mock('../../../src/edits/paths/least-along.ts', async (original) => ({
  ...(await original<object>()),
  leastActionAlong() {
    throw new MechanicsError('mechanics.not-converged', 'no solution after 100 iterations', {
      hint: 'a test',
    });
  },
}));

test('ways that need least action are left out with the reason, the others are measured', async () => {
  const methods = [
    'straight',
    'gradient-flow',
    'least-action',
    'least-action-ends',
    'straight-to-end',
  ] as const;
  const found = await biasStudy(
    [toyProblem(1)],
    { ...{ probes: 1, curve: 1, resamples: 20 }, methods },
    { progress: silent },
  );
  expect(found.rows.map((one) => one.method)).toEqual(['straight', 'gradient-flow']);
  expect(found.paths.map((one) => one.method)).toEqual(['straight', 'gradient-flow']);
  expect(found.left.map((one) => one.method)).toEqual(methods.slice(2));
  for (const { why } of found.left) expect(why).toBe('no solution after 100 iterations');
  expect(found.rows[1]!.note).toContain('every way takes the mean of the measured metrics');
});
