/** @file Path work on SmolLM2 balances at every node, and its leak is the same at every cut. */
import { describe, expect, test } from 'vitest';
import { checks } from '../../src/circuits/checks.ts';
import { silent } from '../../src/core/progress.ts';
import { hasRealModel } from '../support/real-model.ts';

describe.runIf(await hasRealModel())('on SmolLM2', () => {
  test('inflow and outflow of every node balance, and all cuts leak the same', async () => {
    const rows = await checks.at(-1)!.rows({ progress: silent, threads: 2 });
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row).toMatchObject({ area: 'circuits', pass: true, bar: 1e-4 });
      expect(row.value).toBeGreaterThan(0);
    }
  }, 120_000);
});
