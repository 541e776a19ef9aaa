/** @file What the parts of one transformer's graph share while it is built: the builder, the shape, named scalars. */
import { type Tensor, tensor } from '../../core/tensor.ts';
import type { GraphBuilder } from '../../graph/build.ts';
import type { ModelShape } from '../types.ts';

export interface Parts {
  readonly b: GraphBuilder;
  readonly shape: ModelShape;
  readonly dtype: 'float32' | 'float64';
  /** Whether the step graph of generation is built (cache.ts). */
  readonly cache: boolean;
  /** A constant of the model's element type; equal ones share a name. */
  scalar(value: number): string;
}

/** Parts over a builder. */
export function partsOf(
  b: GraphBuilder,
  shape: ModelShape,
  dtype: 'float32' | 'float64',
  cache = false,
): Parts {
  const scalars = new Map<number, string>();
  return {
    b,
    shape,
    dtype,
    cache,
    scalar(value) {
      const known = scalars.get(value) ?? b.constant(scalarTensor(dtype, value), 'scalar');
      scalars.set(value, known);
      return known;
    },
  };
}

const scalarTensor = (dtype: 'float32' | 'float64', value: number): Tensor =>
  dtype === 'float32'
    ? tensor('float32', [], Float32Array.of(value))
    : tensor('float64', [], Float64Array.of(value));

/** x·W, plus `bias` when it has a name. */
export function linear(
  { b }: Parts,
  x: string,
  weight: string,
  bias: string | undefined,
  name?: string,
): string {
  if (bias === undefined) return b.op('MatMul', [x, weight], {}, name);
  return b.op('Add', [b.op('MatMul', [x, weight]), bias], {}, name);
}

/** cap·tanh(x / cap). */
export function softCap({ b, scalar }: Parts, x: string, cap: number, name?: string): string {
  const bounded = b.op('Tanh', [b.op('Div', [x, scalar(cap)])]);
  return b.op('Mul', [bounded, scalar(cap)], {}, name);
}
