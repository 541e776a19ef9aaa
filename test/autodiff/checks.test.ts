/** @file The self-check of differentiation passes here, and fails when the answers are wrong. */
import { expect, test } from 'vitest';
import { autodiffChecks } from '../../src/autodiff/checks.ts';
import { silent } from '../../src/core/progress.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { Graph } from '../../src/graph/types.ts';
import { runOnce } from '../../src/runtime/session.ts';

const context = { progress: silent, threads: 1 };
const run = (graph: Graph, feeds: Readonly<Record<string, Tensor>>, threads: number) =>
  runOnce(graph, feeds, { threads });

test('all rows pass', async () => {
  const rows = await autodiffChecks(run)[0]!.rows(context);
  // The last row is a time, which says something about this machine only.
  expect(rows.slice(0, -1).map((row) => row.pass)).toEqual([true, true, true, true, true]);
  expect(rows.every((row) => row.value > 0)).toBe(true);
});

test('a gradient that is off by a thousandth does not', async () => {
  const wrong: typeof run = async (graph, feeds, threads) => {
    const out = await run(graph, feeds, threads);
    const gradient = out['grad:x'];
    return gradient
      ? {
          ...out,
          'grad:x': { ...gradient, data: (gradient.data as Float64Array).map((v) => v * 1.001) } as Tensor,
        }
      : out;
  };
  const rows = await autodiffChecks(wrong)[0]!.rows(context);
  expect(rows.slice(0, -1).map((row) => row.pass)).toEqual([false, false, true, false, false]);
});
