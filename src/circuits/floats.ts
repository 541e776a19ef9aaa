/** @file Numbers as a tensor of the type that a network computes in. */
import { type DType, f32, f64, type Tensor } from '../core/tensor.ts';
import { inferShapes } from '../graph/shapes.ts';
import type { Graph } from '../graph/types.ts';

/** float64 where the network computes in it, else float32. */
export const floats = (dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor =>
  dtype === 'float64' ? f64(shape, values) : f32(shape, values);

/** Element type of a value of the graph. */
export const dtypeAt = (graph: Graph, name: string): DType =>
  inferShapes(graph).get(name)?.dtype ?? 'float32';
