/** @file The self-check passes, and each row can fail. */
import { expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { checks } from '../../src/energy/checks.ts';

test('every invariant of energy holds, with room that is neither zero nor infinite', async () => {
  const rows = (await Promise.all(checks.map((c) => c.rows({ progress: silent, threads: 1 })))).flat();
  expect(rows).toHaveLength(3);
  for (const row of rows) {
    expect(row).toMatchObject({ area: 'energy', pass: true });
    expect(row.value).toBeGreaterThan(0);
  }
});
