/** @file The printed report of a bias study, from a result as it is kept. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withTables } from '../../scripts/bias-table.ts';
import { report } from '../../src/cli/commands/study-bias-report.ts';
import { END_POINT } from '../../src/edits/bias/end-point.ts';
import type { BiasResult } from '../../src/edits/bias/types.ts';
import { biasPictures } from '../../src/study/bias/draw.ts';
import { besideRandom, besideRandomWords, taskTables } from '../../src/study/bias/task-columns.ts';
import { inventedBias } from '../support/invented-saved.ts';

test('it has the Brier score beside the calibration error, and the verdict on the end point that both comparisons give', () => {
  const invented = inventedBias();
  const [one] = invented.verdicts;
  const verdicts = (['supported', 'refuted'] as const).map((outcome, i) => ({
    ...one!,
    ...{ claim: `${END_POINT} better than ${i}`, quantity: 'hypervolume', outcome },
  }));
  const printed = report({ ...invented, verdicts } as BiasResult);
  expect(printed).toMatch(/ECE +Brier/);
  expect(printed).toContain(invented.rows[0]!.figures.brier.value.toFixed(3));
  const last = printed.slice(printed.indexOf('than direct optimisation, both'));
  expect(last).toMatch(/^than direct optimisation, both\n {4}refuted: hypervolume\n/);
});

test('other tasks: share moved beside random features, each task with its interval, what was not scored; nothing for results without them', () => {
  const invented = inventedBias();
  const printed = report(invented);
  expect(printed).toMatch(/leak.* other tasks/);
  // Least action: 0.06 · 0.8 of agreement goes, 0.6 · 0.8 of the task about gender.
  expect(printed).toMatch(/least action .*4\.8 \/ 0\.8/);
  expect(printed).toMatch(/agreement +pronoun \(gender\)/);
  expect(printed).toMatch(
    /least action +−4\.8 \(−6\.8 to −2\.8\) \/ −1\.0 +−48\.0 \(−50\.0 to −46\.0\) \/ −1\.0/,
  );
  expect(printed).toContain('not scored: capitals: the invented network knows none');
  // The interval of the smallest edit reaches that of random features.
  expect(besideRandomWords(besideRandom(invented.rows)!)).toBe(
    'Other tasks are moved more than by random features as large: LEACE; SHIFT by rule; straight line; least action; oracle. ' +
      'Not told from those: random features, equal ‖Δx‖.',
  );
  const { otherTasks, ...before } = invented;
  const old = { ...before, rows: invented.rows.map(({ otherTasks: _, ...row }) => row) };
  expect(report(old)).not.toMatch(/other tasks|logit difference/);
  expect(taskTables(old)).toEqual([]);
  expect(biasPictures(old).map(({ name }) => name)).not.toContain('other-tasks');
  const drawn = biasPictures(invented)
    .find(({ name }) => name === 'other-tasks')!
    .svg();
  expect(drawn).toContain('random features that move the prompts as far');
});

test('the tables of the docs are those of the committed results', () => {
  const page = readFileSync('docs/bias.md', 'utf8');
  expect(withTables(page)).toBe(page);
});
