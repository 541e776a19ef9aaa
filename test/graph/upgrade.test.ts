/** @file Older operator sets rewritten as set 18 compute what onnxruntime computes of the old graph. */
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/vjp.ts';
import { f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { only } from '../../src/graph/interventions.ts';
import type { Attribute, Graph, Node, Weight } from '../../src/graph/types.ts';
import { upgrade } from '../../src/graph/upgrade.ts';
import { runOnce } from '../../src/runtime/session.ts';

interface Old {
  readonly opset: number;
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Record<string, Attribute>;
  readonly weights?: Record<string, Weight>;
  readonly shape?: readonly number[];
}

const ints = (...values: number[]): Attribute => ({ ints: values });
const cases: Record<string, Old> = {
  'softmax over all axes from the second on': { opset: 9, op: 'Softmax', attributes: { axis: { int: 1 } } },
  'softmax, axis not given': { opset: 12, op: 'Softmax' },
  'softmax of the last axis': { opset: 11, op: 'LogSoftmax', attributes: { axis: { int: 2 } } },
  'squeeze with an attribute': { opset: 11, op: 'Squeeze', shape: [2, 1, 3], attributes: { axes: ints(1) } },
  'unsqueeze with an attribute': { opset: 12, op: 'Unsqueeze', attributes: { axes: ints(0, 2) } },
  'reduce with an attribute': {
    opset: 12,
    op: 'ReduceSum',
    attributes: { axes: ints(1), keepdims: { int: 0 } },
  },
  'reduce mean of set 17': { opset: 17, op: 'ReduceMean', attributes: { axes: ints(-1) } },
  'dropout is nothing in inference': { opset: 9, op: 'Dropout', attributes: { ratio: { float: 0.5 } } },
  'dropout with its mask, which was a number once': { opset: 9, op: 'Dropout', outputs: ['y', 'mask'] },
  'split into equal parts': {
    opset: 13,
    op: 'Split',
    outputs: ['y', 'z'],
    attributes: { axis: { int: 2 } },
    shape: [2, 3, 4],
  },
  'split with sizes': {
    opset: 11,
    op: 'Split',
    outputs: ['y', 'z'],
    attributes: { axis: { int: 1 }, split: ints(1, 2) },
  },
  'slice with attributes': {
    opset: 9,
    op: 'Slice',
    attributes: { starts: ints(1, 0), ends: ints(3, 1), axes: ints(1, 0) },
  },
  'clip with attributes': { opset: 7, op: 'Clip', attributes: { min: { float: -0.3 }, max: { float: 0.4 } } },
  'clip with one bound': { opset: 10, op: 'Clip', attributes: { max: { float: 0.4 } } },
  'pad with attributes': {
    opset: 10,
    op: 'Pad',
    attributes: { pads: ints(0, 1, 0, 0, 0, 2), value: { float: 7 } },
  },
  'top-k with an attribute': { opset: 9, op: 'TopK', outputs: ['y', 'z'], attributes: { k: { int: 2 } } },
  'upsample with an attribute': {
    opset: 7,
    op: 'Upsample',
    shape: [1, 1, 2, 3],
    attributes: { scales: { floats: [1, 1, 2, 2] }, mode: { string: 'nearest' } },
  },
  'upsample, linear': {
    opset: 9,
    op: 'Upsample',
    shape: [1, 1, 2, 3],
    inputs: ['x', 's'],
    weights: { s: f32([4], [1, 1, 2, 2]) },
    attributes: { mode: { string: 'linear' } },
  },
  'the first resize': {
    opset: 10,
    op: 'Resize',
    shape: [1, 1, 4, 6],
    inputs: ['x', 's'],
    weights: { s: f32([4], [1, 1, 1.6, 1.5]) },
  },
  'the first resize, smaller': {
    opset: 10,
    op: 'Resize',
    shape: [1, 1, 4, 6],
    inputs: ['x', 's'],
    weights: { s: f32([4], [1, 1, 0.6, 0.7]) },
  },
  'batch normalisation with more outputs named': {
    opset: 9,
    op: 'BatchNormalization',
    inputs: ['x', 'g', 'b', 'm', 'v'],
    weights: {
      g: f32([3], [1, 2, 3]),
      b: f32([3], [0, 1, 0]),
      m: f32([3], [0.1, 0, 0]),
      v: f32([3], [1, 2, 1]),
    },
  },
  scatter: {
    opset: 10,
    op: 'Scatter',
    inputs: ['x', 'i', 'u'],
    weights: { i: i64([1, 1, 2], [0, 1]), u: f32([1, 1, 2], [9, 8]) },
    attributes: { axis: { int: 2 } },
  },
};

function graphOf({
  opset,
  op,
  inputs = ['x'],
  outputs = ['y'],
  attributes = {},
  weights = {},
  shape,
}: Old): Graph {
  const node: Node = { op, domain: '', inputs, outputs, attributes };
  const x = { name: 'x', dtype: 'float32' as const, shape: shape ?? [2, 3, 4] };
  return { inputs: [x], outputs, nodes: [node], weights: new Map(Object.entries(weights)), opset };
}

const numbers = (t: Tensor) => Array.from(t.data as Float32Array, Number);
const feed = (shape: readonly number[]) =>
  f32(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(3 * i)),
  );

describe('upgrade', () => {
  test.each(Object.entries(cases))('%s', async (_, old) => {
    const graph = graphOf(old);
    const x = feed(old.shape ?? [2, 3, 4]);
    const made = upgrade(graph);
    expect(made.opset).toBe(18);
    expect(made.outputs).toEqual(graph.outputs);
    const [before, after] = [
      await runOnce(graph, { x }, { threads: 1 }),
      await runOnce(made, { x }, { threads: 1 }),
    ];
    for (const name of graph.outputs.filter((output) => output !== 'mask')) {
      expect(after[name]!.shape).toEqual(before[name]!.shape);
      expect(numbers(after[name]!)).toEqual(numbers(before[name]!));
    }
  });

  test('reaches into subgraphs', async () => {
    const branch = (end: number): Attribute => ({
      graph: {
        inputs: [],
        outputs: ['part'],
        nodes: [
          {
            op: 'Slice',
            domain: '',
            inputs: ['x'],
            outputs: ['part'],
            attributes: { starts: ints(0), ends: ints(end) },
          },
        ],
        weights: new Map(),
        opset: 9,
      },
    });
    const graph: Graph = {
      inputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
      outputs: ['y'],
      nodes: [
        {
          op: 'If',
          domain: '',
          inputs: ['c'],
          outputs: ['y'],
          attributes: { then_branch: branch(1), else_branch: branch(2) },
        },
      ],
      weights: new Map([['c', tensor('bool', [], Uint8Array.of(0)) as Weight]]),
      opset: 9,
    };
    const { y } = await runOnce(upgrade(graph), { x: f32([3], [5, 6, 7]) }, { threads: 1 });
    expect(numbers(y!)).toEqual([5, 6]);
  });

  test('leaves a newer graph as it is', () => {
    const graph = graphOf({ opset: 20, op: 'Neg' });
    expect(upgrade(graph)).toBe(graph);
  });

  test('a derivative upgrades by itself: the old softmax over two axes sums to one over both', async () => {
    const graph = graphOf({ opset: 9, op: 'Softmax', shape: [2, 3, 4] });
    const made = only(vjp(graph, { of: 'y', wrt: ['x'], cotangent: 'ones' }), ['grad:x']);
    const { 'grad:x': g } = await runOnce(made, { x: feed([2, 3, 4]) }, { threads: 1 });
    for (const v of numbers(g!)) expect(Math.abs(v)).toBeLessThan(1e-7);
  });

  test.each([
    ['below set 7', { ...graphOf({ opset: 6, op: 'Neg' }) }],
    [
      'statistics per element',
      graphOf({ opset: 8, op: 'BatchNormalization', attributes: { spatial: { int: 0 } } }),
    ],
    [
      'a resize that grows and shrinks',
      graphOf({ opset: 10, op: 'Resize', inputs: ['x', 's'], weights: { s: f32([3], [1, 2, 0.5]) } }),
    ],
    ['the batched scan', graphOf({ opset: 8, op: 'Scan' })],
  ])('refuses %s', (_, graph) => {
    expect(() => upgrade(graph)).toThrow(expect.objectContaining({ code: 'graph.old-opset' }));
  });
});
