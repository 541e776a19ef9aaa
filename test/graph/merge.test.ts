/** @file Graphs put together: shared inputs, what one computes for another, and names that clash. */
import { expect, test } from 'vitest';
import { f32 } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { merged, prefixed, renamed } from '../../src/graph/merge.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

/** y = factor · x. */
function times(factor: number): Graph {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['n']);
  return b.finish([b.op('Mul', [x, b.constant(f32([], [factor]), 'factor')], {}, 'y')]);
}

async function run(graph: Graph, x: number[]): Promise<Record<string, number[]>> {
  const session = await openSession(graph, { threads: 1 });
  try {
    const out = await session.run({ x: f32([x.length], x) });
    return Object.fromEntries(
      Object.entries(out).map(([name, { data }]) => [name, Array.from(data, Number)]),
    );
  } finally {
    await session.release();
  }
}

const keep = new Set(['x']);

test('two graphs that read the same input are one graph with both outputs', async () => {
  const both = merged([prefixed(times(2), 'a/', keep), prefixed(times(3), 'b/', keep)]);
  expect(both.inputs.map((input) => input.name)).toEqual(['x']);
  expect(await run(both, [1, 4])).toEqual({ 'a/y': [2, 8], 'b/y': [3, 12] });
});

test('what an earlier graph computes is an input of a later one no more', async () => {
  const second = renamed(prefixed(times(3), 'b/', keep), new Map([['x', 'a/y']]));
  const chain = merged([prefixed(times(2), 'a/', keep), second]);
  expect(chain.inputs.map((input) => input.name)).toEqual(['x']);
  expect(await run(chain, [1])).toEqual({ 'a/y': [2], 'b/y': [6] });
});

test('values of one name clash', () => {
  expect(() => merged([times(2), times(3)])).toThrow(expect.objectContaining({ code: 'graph.name-taken' }));
});
