/** @file A multilayer perceptron with tanh between its layers, as nodes of a graph. */
import type { Random } from '../core/random.ts';
import { f32, f64, sizeOf, type Tensor } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';

export type FloatType = 'float32' | 'float64';

export interface PerceptronShape {
  readonly inputs: number;
  /** Width of each hidden layer. */
  readonly hidden: readonly number[];
  readonly outputs: number;
}

/**
 * Adds the perceptron's weights to the graph, drawn from `chance`, and its nodes; returns [batch, outputs]. Maps start
 * orthogonal (Saxe, McClelland & Ganguli 2014), biases uniform within ±1/√inputs.
 */
export function perceptron(
  b: GraphBuilder,
  x: string,
  { inputs, hidden, outputs }: PerceptronShape,
  { chance, dtype }: { readonly chance: Random; readonly dtype: FloatType },
): string {
  const widths = [inputs, ...hidden, outputs];
  let value = x;
  for (let layer = 1; layer < widths.length; layer++) {
    const [from, to] = [widths[layer - 1]!, widths[layer]!];
    const weight = b.weight(`W_${layer}`, floats(dtype, [from, to], orthogonal(from, to, chance)));
    const product = b.op('MatMul', [value, weight]);
    // A constant added to the outputs would have no effect on a Hamiltonian and little on a field: none is learned.
    if (layer === widths.length - 1) return product;
    const spread = Array.from({ length: to }, () => (2 * chance.uniform() - 1) / Math.sqrt(from));
    const bias = b.weight(`b_${layer}`, floats(dtype, [to], spread));
    value = b.op('Tanh', [b.op('Add', [product, bias])]);
  }
  return value;
}

/** [rows, columns] whose rows (or columns, if those are fewer) are orthonormal, by Gram and Schmidt. */
function orthogonal(rows: number, columns: number, chance: Random): number[] {
  const [few, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors: Float64Array[] = [];
  while (vectors.length < few) {
    const v = Float64Array.from({ length: long }, () => chance.normal());
    // Twice, so that rounding leaves nothing behind.
    for (const u of [...vectors, ...vectors]) {
      const along = v.reduce((sum, value, i) => sum + value * u[i]!, 0);
      for (let i = 0; i < long; i++) v[i]! -= along * u[i]!;
    }
    const norm = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
    vectors.push(v.map((value) => value / norm));
  }
  const at =
    rows <= columns ? (r: number, c: number) => vectors[r]![c]! : (r: number, c: number) => vectors[c]![r]!;
  return Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
}

/** Numbers as a tensor of either type. */
export function floats(dtype: FloatType, shape: readonly number[], values: ArrayLike<number>): Tensor {
  return dtype === 'float32' ? f32(shape, values) : f64(shape, values);
}

/** Normal numbers of a standard deviation. */
export const normals = (
  dtype: FloatType,
  shape: readonly number[],
  deviation: number,
  chance: Random,
): Tensor =>
  floats(
    dtype,
    shape,
    Array.from({ length: sizeOf(shape) }, () => deviation * chance.normal()),
  );
