/** @file The end of a study: the document others script against, and the sentence for people. */
import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../src/core/statistics.ts';
import type { EditResult } from '../../src/edits/types.ts';
import { noResults, type StudyResults, withResult } from '../../src/study/results.ts';
import { plainSentence } from '../../src/study/sentence.ts';
import { summarise } from '../../src/study/summary.ts';
import { inventedStudy } from '../support/invented-study.ts';

const inventedResults = inventedStudy().results;

const totals = { stepSeconds: new Map<string, number>(), totalSeconds: 1.234, peakBytes: 7 };
const at = (value: number, n = 40): Estimate => ({ value, low: value - 0.1, high: value + 0.1, n });

/** Only an edit: bias `before` to `after`, agreement from 0.9 to `agreement`. */
function edited(before: number, after: number, agreement: Estimate): StudyResults {
  const row = {
    ...{ method: 'features', strength: 1, biasBefore: before, biasAfter: at(after) },
    ...{ agreementBefore: 0.9, agreementAfter: agreement, kl: at(0.2) },
  };
  const edit = { features: [{}, {}], rows: [row] } as unknown as EditResult;
  return { ...noResults, ...(inventedResults.model ? { model: inventedResults.model } : {}), edit };
}

describe('the sentence', () => {
  it('tells how far a bias is cut, with the interval that follows from the bias after', () => {
    expect(plainSentence(edited(1, 0.25, at(0.88)))).toMatch(
      /removing 2 features cuts the bias by 75 % \(65–85 %\) and costs 2\.0 points of agreement accuracy\.$/,
    );
  });
  it('does not hide a bias that grew, nor an accuracy that was not measured', () => {
    expect(plainSentence(edited(1, 1.5, at(0.9)))).toMatch(
      /raises the bias by 50 % \(40–60 %\) and leaves agreement accuracy as it was\.$/,
    );
    const nothing = { value: null, low: null, high: null, n: 0 } as unknown as Estimate;
    expect(plainSentence(edited(1, 0.5, nothing))).toMatch(/cuts the bias by 50 % \(40–60 %\)\.$/);
  });
  it('says so when nothing is known yet', () => {
    expect(plainSentence(noResults)).toBe('Nothing has been measured yet.');
  });
});

describe('the document', () => {
  it('has every part that others script against', () => {
    const summary = summarise({ ...totals, results: inventedResults });
    expect(Object.keys(summary)).toEqual(
      expect.arrayContaining(['model', 'logits', 'dictionaries', 'circuits', 'energy', 'edit', 'seconds']),
    );
    expect(Object.keys(summary.dictionaries[0] ?? {})).toEqual([
      'site',
      'architecture',
      'features',
      'l0',
      'fve',
      'ceRecovered',
      'dead',
      'tokensPerSecond',
    ]);
    const circuit = summary.circuits[0];
    expect(circuit?.interval[0]).toBeLessThanOrEqual(circuit?.faithfulness ?? Number.NaN);
    expect(circuit?.interval[1]).toBeGreaterThanOrEqual(circuit?.faithfulness ?? Number.NaN);
    expect(summary.edit.length).toBe(inventedResults.edit?.rows.length);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });
  it('adds the seconds of each stage up; the total is this run’s', () => {
    const stepSeconds = new Map([
      ['train/a', 1],
      ['train/b', 2.5],
      ['edit', 4],
    ]);
    const { seconds } = summarise({ ...totals, stepSeconds, results: noResults });
    expect(seconds).toEqual({ total: 1.23, train: 3.5, edit: 4 });
  });
});

it('a result that comes again takes the place of the old one', () => {
  const dictionary = (k: number) => ({ site: 'blocks.1', k });
  const once = withResult(noResults, 'evaluate/blocks.1', dictionary(1));
  const twice = withResult(
    withResult(once, 'evaluate/blocks.2', { site: 'blocks.2' }),
    'evaluate/blocks.1',
    dictionary(2),
  );
  expect(twice.dictionaries.map((d) => [d.site, d.k])).toEqual([
    ['blocks.2', undefined],
    ['blocks.1', 2],
  ]);
  expect(withResult(noResults, 'train/blocks.1', {})).toBe(noResults);
});
