/** @file The self-check passes, and each row can fail. */
import { expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { checks } from '../../src/energy/checks.ts';

test('every invariant of energy holds, with room that is neither zero nor infinite', async () => {
  // The second group opens the real model: test/real/energy.test.ts holds it to the same bars.
  const rows = await checks[0]!.rows({ progress: silent, threads: 1 });
  expect(rows).toHaveLength(14);
  for (const row of rows) {
    expect(row).toMatchObject({ area: 'energy', pass: true });
    // Coordinates are exact; what is computed leaves some rounding.
    if (!row.name.includes('δ_ij')) expect(row.value).toBeGreaterThan(0);
  }
});

test('the sequence clock, the learning clock and ensembles hold too, each by something that could fail', async () => {
  const rows = await checks[2]!.rows({ progress: silent, threads: 1 });
  expect(rows).toHaveLength(10);
  for (const row of rows) expect(row, row.name).toMatchObject({ area: 'energy', pass: true });
  // First order is not exact, sums round, samplers scatter.
  expect(rows.filter((row) => row.value > 0).length).toBeGreaterThanOrEqual(7);
});

test('importance and masks hold on a planted network', async () => {
  const rows = await checks[3]!.rows({ progress: silent, threads: 1 });
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row).toMatchObject({ area: 'energy', pass: true });
  // H does vary: the row could fail.
  expect(rows[1]!.value).toBeGreaterThan(0);
});
