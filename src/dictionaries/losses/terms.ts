/** @file The arithmetic that losses are written in: named steps over a graph builder, and values that no gradient passes. */
import { f32, type Tensor } from '../../core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../graph/build.ts';
import type { Graph } from '../../graph/types.ts';

/** A graph of a loss under construction. */
export interface Terms {
  readonly b: GraphBuilder;
  scalar(value: number): string;
  add(a: string, b: string): string;
  sub(a: string, b: string): string;
  mul(a: string, b: string): string;
  div(a: string, b: string): string;
  relu(a: string): string;
  /** a·Wᵀ + c of rows a [B, D] and a matrix [F, D]. */
  read(a: string, W: string, bias?: string): string;
  /** f·W + c of rows f [B, F] and a matrix [F, D]. */
  write(f: string, W: string, bias?: string): string;
  /** Sum over axes; over everything without axes (a scalar). */
  sum(a: string, ...axes: number[]): string;
  /** Σ a². */
  squares(a: string): string;
  /** 1 where a > b, else 0; no gradient. */
  above(a: string, b: string): string;
  /** a where the mask (0 or 1) is 1, else b. */
  choose(mask: string, a: string, b: string): string;
  /** Columns `from` to `to` of a [·, n] (axis 1), or rows (axis 0). */
  part(a: string, axis: 0 | 1, from: number, to: number): string;
  /** The same value as a constant of differentiation (stop-gradient). */
  held(a: string): string;
  weight(name: string, value: Tensor): string;
  finish(outputs: readonly string[]): Graph;
}

/** An empty graph of a loss. */
export function terms(): Terms {
  const b = graphBuilder();
  const frozen: string[] = [];
  const scalars = new Map<number, string>();
  const two = (op: string) => (x: string, y: string) => b.op(op, [x, y]);
  const gemm = (x: string, W: string, bias: string | undefined, transB: number) =>
    b.op('Gemm', bias === undefined ? [x, W] : [x, W, bias], { transB: { int: transB } });
  const sum = (x: string, ...axes: number[]) =>
    axes.length === 0
      ? b.op('ReduceSum', [x], { keepdims: { int: 0 } })
      : b.op('ReduceSum', [x, b.ints(...axes)], { keepdims: { int: 0 } });
  const mul = two('Mul');
  const above = (x: string, y: string) => b.op('Cast', [b.op('Greater', [x, y])], { to: { int: 1 } });
  return {
    b,
    scalar(value) {
      const name = scalars.get(value) ?? b.constant(f32([], [value]), 'number');
      scalars.set(value, name);
      return name;
    },
    add: two('Add'),
    sub: two('Sub'),
    mul,
    div: two('Div'),
    relu: (x) => b.op('Relu', [x]),
    read: (x, W, bias) => gemm(x, W, bias, 1),
    write: (f, W, bias) => gemm(f, W, bias, 0),
    sum,
    squares: (x) => sum(mul(x, x)),
    above,
    choose: (mask, x, y) => b.op('Where', [b.op('Cast', [mask], { to: { int: 9 } }), x, y]),
    part: (x, axis, from, to) => b.op('Slice', [x, b.ints(from), b.ints(to), b.ints(axis)]),
    held(x) {
      const name = b.op('Identity', [x]);
      frozen.push(name);
      return name;
    },
    weight: (name, value) => b.weight(name, value),
    finish: (outputs) => ({ ...b.finish(outputs), frozen }),
  };
}
