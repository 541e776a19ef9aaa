import { expect, test } from 'vitest';
import { furtherRows } from '../../src/mechanics/diagnostics/check-rows.ts';

test('every row of the self-check of optimisers, samplers, least action and fields passes', () => {
  const rows = furtherRows();
  expect(rows.length).toBeGreaterThan(14);
  expect(rows.filter((row) => !row.pass)).toEqual([]);
});
