/** @file The self-check passes, and each row can fail. */
import { expect, test } from 'vitest';
import { checks } from '../../src/circuits/checks.ts';
import { silent } from '../../src/core/progress.ts';

test('every invariant of effects holds, with room that is neither zero nor infinite', async () => {
  // The second group opens the real model: test/real/effects.test.ts.
  const rows = await checks[0]!.rows({ progress: silent, threads: 1 });
  expect(rows).toHaveLength(10);
  for (const row of rows) {
    expect(row).toMatchObject({ area: 'circuits', pass: true });
    expect(row.value).toBeGreaterThan(0);
  }
});
