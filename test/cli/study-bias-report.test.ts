/** @file The printed report of a bias study, from a result as it is kept. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withTables } from '../../scripts/bias-table.ts';
import { report } from '../../src/cli/commands/study-bias-report.ts';
import { END_POINT } from '../../src/edits/bias/end-point.ts';
import type { BiasResult } from '../../src/edits/bias/types.ts';
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

test('the tables of the docs are those of the committed results', () => {
  const page = readFileSync('docs/bias.md', 'utf8');
  expect(withTables(page)).toBe(page);
});
