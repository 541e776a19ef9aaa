/** @file The key of a checkpoint: equal where a run would go on to the bit, another where it would not. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';

type Frequent = typeof import('../../src/dictionaries/frequent.ts');

const width = 4;
const rows = { x_ND: Float32Array.from({ length: 40 * width }, (_, i) => Math.sin(i)), width };
const plan = (options: Partial<DictionaryConfig>) =>
  planTraining(
    {
      ...{ architecture: 'relu', site: 'x', modelHash: '', features: 8, batch: 8, passes: 1 },
      ...options,
    } as DictionaryConfig,
    { rows: 40, width },
  );

/** Keys by a build of this program whose constants of frequent features are others. */
async function keys(
  plans: readonly ReturnType<typeof plan>[],
  changed: (own: Frequent) => Partial<Frequent>,
) {
  vi.resetModules();
  vi.doMock('../../src/dictionaries/frequent.ts', async (original) => {
    const own = await original<Frequent>();
    return { ...own, ...changed(own) };
  });
  const { checkpointKey } = await import('../../src/dictionaries/checkpoint.ts');
  return plans.map((one) => checkpointKey(one, rows));
}

afterEach(() => {
  vi.doUnmock('../../src/dictionaries/frequent.ts');
  vi.resetModules();
});

describe('the constants of frequent features are in the key', () => {
  const [relu, gated, jump] = [plan({}), plan({ architecture: 'gated' }), plan({ architecture: 'jumprelu' })];
  const topk = plan({ architecture: 'topk', k: 2 });
  const onGraph = plan({ interference: 0.1 });

  test.each<[string, (own: Frequent) => Partial<Frequent>]>([
    ['share', ({ FREQUENT }) => ({ FREQUENT: { ...FREQUENT, share: FREQUENT.share / 2 } })],
    ['gain', ({ FREQUENT }) => ({ FREQUENT: { ...FREQUENT, gain: FREQUENT.gain + 1 } })],
    ['most', ({ FREQUENT }) => ({ FREQUENT: { ...FREQUENT, most: FREQUENT.most / 2 } })],
    ['slices', ({ FREQUENT }) => ({ FREQUENT: { ...FREQUENT, slices: 2 } })],
    ['cost of an entry', ({ ENTRY_COST }) => ({ ENTRY_COST: (ENTRY_COST + 1) as 4 })],
    ['rows decoded at once', ({ DECODED }) => ({ DECODED: (DECODED / 2) as 256 })],
    ['rows of a sum', ({ SPAN }) => ({ SPAN: (SPAN / 2) as 1024 })],
  ])('%s: another key where features may be frequent, the same elsewhere', async (_name, changed) => {
    const usual = await keys([relu, gated, jump, topk, onGraph], () => ({}));
    const other = await keys([relu, gated, jump, topk, onGraph], changed);
    expect(other.map((key, i) => key === usual[i])).toEqual([false, false, false, true, true]);
  });

  test('plans and rows are told apart', async () => {
    const { checkpointKey } = await import('../../src/dictionaries/checkpoint.ts');
    const found = [relu, gated, jump, topk, onGraph].map((one) => checkpointKey(one, rows));
    const shorter = { ...rows, x_ND: rows.x_ND.subarray(width) };
    expect(new Set([...found, checkpointKey(relu, shorter)]).size).toBe(6);
    expect(checkpointKey(plan({}), { ...rows, x_ND: rows.x_ND.slice() })).toBe(found[0]);
  });
});
