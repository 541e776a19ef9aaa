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
