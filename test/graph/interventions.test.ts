/** @file Interventions: each rewrite does what its name says to the numbers that come out. */
import { describe, expect, test } from 'vitest';
import { f32, type Tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { checkGraph } from '../../src/graph/check-graph.ts';
import { extend, feedAt, only, read, replaceAt } from '../../src/graph/interventions.ts';
import { prune } from '../../src/graph/prune.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

/** h = 2x, k = h + 1, y = h · k. */
function net(): Graph {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['n']);
  b.weight('two', f32([], [2]));
  b.weight('one', f32([], [1]));
  b.op('Mul', [x, 'two'], {}, 'h');
  b.op('Add', ['h', 'one'], {}, 'k');
  b.op('Mul', ['h', 'k'], {}, 'y');
  return b.finish(['y']);
}

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, number[]>> {
  checkGraph(graph);
  const session = await openSession(graph, { threads: 1 });
  const out = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(out).map(([name, t]) => [name, Array.from(t.data as Float32Array)]),
  );
}
const x = f32([2], [1, 3]);

test('read adds outputs and keeps the old ones', async () => {
  expect(await run(read(net(), ['h', 'y', 'x']), { x })).toEqual({ y: [6, 42], h: [2, 6], x: [1, 3] });
});

test('only goes no deeper than asked', async () => {
  const cut = only(net(), ['h']);
  expect(cut.nodes.map((n) => n.outputs[0])).toEqual(['h']);
  expect([...cut.weights.keys()]).toEqual(['two']);
  expect(await run(cut, { x })).toEqual({ h: [2, 6] });
});

test('prune keeps a node of which one result is needed, and what subgraphs read from outside', () => {
  const inner = graphBuilder();
  inner.op('Identity', ['h'], {}, 'inside');
  const b = graphBuilder(net());
  b.ops('Split', ['k'], ['left', 'right']);
  b.op('If', ['left'], { then_branch: { graph: inner.finish(['inside']) } }, 'z');
  const pruned = prune(b.finish(['z']));
  expect(pruned.nodes.map((n) => n.op)).toEqual(['Mul', 'Add', 'Split', 'If']);
});

describe('feedAt', () => {
  test('runs from a cut: the value becomes an input of the same name, what only fed it goes', async () => {
    const cut = feedAt(net(), ['k']);
    expect(cut.inputs.map((i) => [i.name, 'shape' in i && i.shape])).toEqual([
      ['x', ['n']],
      ['k', ['n']],
    ]);
    expect(await run(cut, { x, k: f32([2], [10, 0]) })).toEqual({ y: [20, 0] });
    const both = feedAt(net(), ['h', 'k']);
    expect(both.inputs.map((i) => i.name)).toEqual(['h', 'k']);
  });

  test('feeds one of several results, and an input or a weight', async () => {
    const b = graphBuilder(net());
    b.ops('Split', ['y', b.ints(1, 1)], ['left', 'right']);
    b.op('Add', ['left', 'right'], {}, 'z');
    const graph = only(b.finish(['z']), ['z']);
    expect(await run(feedAt(graph, ['left']), { x, left: f32([1], [100]) })).toEqual({ z: [142] });
    expect(await run(feedAt(net(), ['x', 'two']), { x, two: f32([], [0]) })).toEqual({ y: [0, 0] });
  });
});

describe('replaceAt', () => {
  test('gives every consumer the replacement and leaves the value itself readable', async () => {
    const changed = replaceAt(net(), 'h', (b, v) => b.op('Neg', [v]));
    expect(await run(read(changed, ['h', 'h:replaced', 'k']), { x })).toEqual({
      y: [2, 30],
      h: [2, 6],
      'h:replaced': [-2, -6],
      k: [-1, -5],
    });
  });

  test('stacks: a second replacement reads the first', async () => {
    const once = replaceAt(net(), 'h', (b, v) => b.op('Add', [v, 'one']));
    const twice = replaceAt(once, 'h', (b, v) => b.op('Mul', [v, 'two']));
    expect(await run(only(twice, ['h:replaced', 'h:replaced2', 'y']), { x })).toEqual({
      'h:replaced': [3, 7],
      'h:replaced2': [6, 14],
      y: [42, 210],
    });
  });

  test('works at an input, at the last value, and with new inputs and weights', async () => {
    const scaled = replaceAt(net(), 'x', (b, v) => b.op('Mul', [v, b.input('scale', 'float32', [])]));
    expect(await run(scaled, { x, scale: f32([], [0]) })).toEqual({ y: [0, 0] });
    const last = replaceAt(net(), 'y', (b, v) => b.op('Mul', [v, b.constant(f32([], [10]))]));
    expect(await run(read(last, ['y:replaced']), { x })).toEqual({ y: [6, 42], 'y:replaced': [60, 420] });
  });
});

test('extend adds a metric at the end', async () => {
  const graph = extend(net(), (b) => [b.op('ReduceSum', ['y'], { keepdims: { int: 0 } }, 'total')]);
  expect(await run(graph, { x })).toEqual({ y: [6, 42], total: [48] });
});

test('rewrites share, they never change the graph they were given', () => {
  const graph = net();
  const before = JSON.stringify([graph.inputs, graph.outputs, graph.nodes, [...graph.weights.keys()]]);
  extend(
    feedAt(
      replaceAt(graph, 'h', (b, v) => b.op('Neg', [v])),
      ['k'],
    ),
    (b) => [b.op('Neg', ['y'])],
  );
  expect(JSON.stringify([graph.inputs, graph.outputs, graph.nodes, [...graph.weights.keys()]])).toBe(before);
});

test.each(['read', 'only', 'feedAt', 'replaceAt'] as const)(
  '%s names the nearest values for one that is not there',
  (name) => {
    const attempt = () =>
      name === 'replaceAt'
        ? replaceAt(net(), 'hh', (_b, v) => v)
        : { read, only, feedAt }[name](net(), ['hh']);
    expect(attempt).toThrow(expect.objectContaining({ code: 'graph.unknown-site', where: 'hh' }));
    expect(attempt).toThrow(expect.objectContaining({ hint: expect.stringContaining('"h"') }));
  },
);
