/** @file Derivatives through rounding: the quantised network's own values, the gradient of what it stands for. */
import { describe, expect, test } from 'vitest';
import { straightThrough } from '../../src/autodiff/straight-through.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import type { Graph } from '../../src/graph/types.ts';
import { runOnce } from '../../src/runtime/session.ts';

const i8 = (shape: number[], values: number[]): Tensor => tensor('int8', shape, Int8Array.from(values));
const u8 = (shape: number[], values: number[]): Tensor => tensor('uint8', shape, Uint8Array.from(values));
const numbers = (t: Tensor | undefined) => Array.from(t!.data as Float32Array, Number);

/** Values of the quantised graph and gradients of its sum, through its twin. */
async function measured(graph: Graph, feeds: Record<string, Tensor>) {
  const { graph: real, stop } = straightThrough(graph);
  const wrt = graph.inputs.map((i) => i.name);
  const both = vjp(real, { of: 'y', wrt, cotangent: 'ones', stop });
  const [quantised, out] = [
    await runOnce(graph, feeds, { threads: 1 }),
    await runOnce(both, feeds, { threads: 1 }),
  ];
  return { quantised: numbers(quantised.y), real: numbers(out.y), grad: numbers(out['grad:x']) };
}

const of = (build: (b: GraphBuilder) => void, shape: number[]): Graph => {
  const b = graphBuilder();
  b.input('x', 'float32', shape);
  build(b);
  return b.finish(['y']);
};

describe('straightThrough', () => {
  test('a pair of Quantize and Dequantize passes the gradient on, and stops it where it clips', async () => {
    const graph = of(
      (b) => {
        b.weight('s', f32([], [0.1]));
        b.weight('z', i8([], [3]));
        b.op('QuantizeLinear', ['x', 's', 'z'], {}, 'q');
        b.op('DequantizeLinear', ['q', 's', 'z'], {}, 'y');
      },
      [5],
    );
    const found = await measured(graph, { x: f32([5], [0.234, -1.26, 20, -20, 12.39]) });
    expect(found.quantised[0]).toBeCloseTo(0.2, 6);
    expect(found.quantised[2]).toBeCloseTo(12.4, 5);
    found.real.forEach((v, i) => {
      expect(v).toBeCloseTo(found.quantised[i]!, 5);
    });
    expect(found.grad).toEqual([1, 1, 0, 0, 1]);
  });

  test('scales per channel stand along their axis', async () => {
    const graph = of(
      (b) => {
        b.weight('s', f32([2], [0.5, 0.01]));
        b.weight('z', u8([2], [128, 0]));
        b.op('QuantizeLinear', ['x', 's', 'z'], { axis: { int: 1 } }, 'q');
        b.op('DequantizeLinear', ['q', 's', 'z'], { axis: { int: 1 } }, 'y');
      },
      [1, 2, 2],
    );
    const found = await measured(graph, { x: f32([1, 2, 2], [1.1, -2.2, 0.123, -1]) });
    found.real.forEach((v, i) => {
      expect(v).toBeCloseTo(found.quantised[i]!, 5);
    });
    expect(found.grad).toEqual([1, 1, 1, 0]);
  });

  test('a dynamically quantised product has the gradient of its dequantised weights', async () => {
    const graph = of(
      (b) => {
        b.weight('W', u8([3, 2], [100, 130, 128, 120, 160, 128]));
        b.weight('zw', u8([], [128]));
        b.weight('sw', f32([], [0.02]));
        b.ops('DynamicQuantizeLinear', ['x'], ['q', 'sx', 'zx']);
        b.op('MatMulInteger', ['q', 'W', 'zx', 'zw'], {}, 'whole');
        b.op('Cast', ['whole'], { to: { int: 1 } }, 'numbers');
        b.op('Mul', ['numbers', b.op('Mul', ['sx', 'sw'])], {}, 'y');
      },
      [2, 3],
    );
    const found = await measured(graph, { x: f32([2, 3], [0.3, -0.7, 1.1, 0.2, 0.05, -0.4]) });
    found.real.forEach((v, i) => {
      expect(v).toBeCloseTo(found.quantised[i]!, 5);
    });
    const rows = [-28 + 2, 0 - 8, 32 + 0].map((sum) => sum * 0.02);
    [...rows, ...rows].forEach((v, i) => {
      expect(found.grad[i]).toBeCloseTo(v, 5);
    });
  });

  test('a quantised convolution (QLinearConv) has the gradient of the real one', async () => {
    const graph = of(
      (b) => {
        b.weight('sx', f32([], [0.05]));
        b.weight('zx', u8([], [100]));
        b.weight('W', i8([1, 1, 1, 2], [40, -20]));
        b.weight('sw', f32([1], [0.01]));
        b.weight('zw', i8([1], [0]));
        b.weight('sy', f32([], [0.02]));
        b.weight('zy', u8([], [128]));
        b.op('QuantizeLinear', ['x', 'sx', 'zx'], {}, 'q');
        b.op('QLinearConv', ['q', 'sx', 'zx', 'W', 'sw', 'zw', 'sy', 'zy'], {}, 'p');
        b.op('DequantizeLinear', ['p', 'sy', 'zy'], {}, 'y');
      },
      [1, 1, 1, 3],
    );
    const found = await measured(graph, { x: f32([1, 1, 1, 3], [1, -0.5, 0.25]) });
    found.real.forEach((v, i) => {
      expect(v).toBeCloseTo(found.quantised[i]!, 5);
    });
    [0.4, 0.2, -0.2].forEach((v, i) => {
      expect(found.grad[i]).toBeCloseTo(v, 5);
    });
  });

  test('moves of quantised values take the twin along; other readers are refused by name', async () => {
    const graph = of(
      (b) => {
        b.weight('s', f32([], [0.1]));
        b.weight('z', u8([], [0]));
        b.op('QuantizeLinear', ['x', 's', 'z'], {}, 'q');
        b.op('Reshape', ['q', b.constant(i64([1], [-1]))], {}, 'flat');
        b.op('DequantizeLinear', ['flat', 's', 'z'], {}, 'y');
      },
      [2, 2],
    );
    const found = await measured(graph, { x: f32([2, 2], [1, 2, -3, 4]) });
    expect(found.grad).toEqual([1, 1, 0, 1]);
    const other = of(
      (b) => {
        b.weight('s', f32([], [0.1]));
        b.weight('z', u8([], [0]));
        b.op('QuantizeLinear', ['x', 's', 'z'], {}, 'q');
        b.op('BitShift', ['q', 'q'], { direction: { string: 'LEFT' } }, 'y');
      },
      [2],
    );
    expect(() => straightThrough(other)).toThrow(
      expect.objectContaining({ code: 'graph.no-rule', where: 'y' }),
    );
  });

  test('a network without quantised values is returned as it is', () => {
    const graph = of((b) => b.op('Neg', ['x'], {}, 'y'), [2]);
    expect(straightThrough(graph)).toEqual({ graph, stop: [] });
  });
});
