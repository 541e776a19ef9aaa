/** @file A dictionary as nodes of a graph: encode, decode, and which positions it reads. */
import { f32, i64 } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { type Dictionary, dictionaryTensors } from './types.ts';

/** A matrix of the dictionary as a weight of the graph under construction. */
const matrix = (
  b: GraphBuilder,
  d: Dictionary,
  name: 'W_enc_FD' | 'b_enc_F' | 'W_dec_FD' | 'b_dec_D',
): string => b.constant(dictionaryTensors(d)[name]!, `${d.site}:${name}`);

/** W_dec as a weight, [F, D]. */
export const decoderWeight = (b: GraphBuilder, d: Dictionary): string => matrix(b, d, 'W_dec_FD');

/** Pre-activations W_enc·x + b_enc of x [..., D] → [..., F]. */
export function preActivationsInGraph(b: GraphBuilder, x: string, d: Dictionary): string {
  const W_DF = b.op('Transpose', [matrix(b, d, 'W_enc_FD')], { perm: { ints: [1, 0] } });
  return b.op('Add', [b.op('MatMul', [x, W_DF]), matrix(b, d, 'b_enc_F')]);
}

/**
 * Features of `x` [..., D] as a dense [..., F] value, at every position (see `positionsRead` for those it passes by).
 * Of equal pre-activations the lower index wins, in ONNX's TopK as in our kernels.
 */
export function encodeInGraph(b: GraphBuilder, x: string, d: Dictionary): string {
  if (d.architecture === 'neurons') return b.op('Identity', [x]);
  const a = preActivationsInGraph(b, x, d);
  const [values, indices] = b.ops('TopK', [a, b.ints(d.k)], 2, {
    axis: { int: -1 },
    largest: { int: 1 },
    sorted: { int: 0 },
  });
  const zeros = b.op('ConstantOfShape', [b.op('Shape', [a])], { value: { tensor: f32([1], [0]) } });
  return b.op('ScatterElements', [zeros, indices!, b.op('Relu', [values!])], { axis: { int: -1 } });
}

/** Σ f_i W_dec[i] + b_dec of dense features [..., F] → [..., D]. */
export function decodeInGraph(b: GraphBuilder, features: string, d: Dictionary): string {
  if (d.architecture === 'neurons') return b.op('Identity', [features]);
  return b.op('Add', [b.op('MatMul', [features, decoderWeight(b, d)]), matrix(b, d, 'b_dec_D')]);
}

/**
 * 1 where the dictionary reads, 0 where a position passes by (position 0 and norms above sinkNorm), for x
 * [batch, position, D]: float32 [batch, position, 1]. In a graph that goes on from earlier positions `before`, int64
 * [1], is their number.
 */
export function positionsRead(b: GraphBuilder, x: string, d: Dictionary, before?: string): string {
  const norm = b.op('ReduceL2', [x, b.ints(-1)], { keepdims: { int: 1 } });
  const quiet = b.op('LessOrEqual', [norm, b.constant(f32([], [d.sinkNorm]), 'sink-norm')]);
  const read = b.op('Cast', [quiet], { to: { int: 1 } });
  const length = b.op('Shape', [x], { start: { int: 1 }, end: { int: 2 } });
  const scalar = b.op('Squeeze', [length, b.ints(0)]);
  const zero = b.constant(i64([], [0]), 'zero');
  const one = b.constant(i64([], [1]), 'one');
  const counted = b.op('Range', [zero, scalar, one]);
  const position = before === undefined ? counted : b.op('Add', [counted, before]);
  const later = b.op('Cast', [b.op('Greater', [position, zero])], { to: { int: 1 } });
  return b.op('Mul', [read, b.op('Unsqueeze', [later, b.ints(-1)])]);
}

/**
 * The dictionary at x [batch, position, D]: dense features [batch, position, F], 0 where it passes by, and the
 * reconstruction [batch, position, D], which is x itself there.
 */
export function fragment(
  d: Dictionary,
): (b: GraphBuilder, x: string) => { features: string; reconstruction: string } {
  return (b, x) => {
    const read = positionsRead(b, x, d);
    const all = encodeInGraph(b, x, d);
    const features = b.op('Mul', [all, read]);
    const error = b.op('Sub', [decodeInGraph(b, all, d), x]);
    return { features, reconstruction: b.op('Add', [x, b.op('Mul', [error, read])]) };
  };
}
