/** @file A dictionary as nodes of a graph: encode, decode, and which positions it reads. */
import { f32, i64 } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { pursuitFeatures, pursuitInGraph } from './pursuit.ts';
import { type Dictionary, dictionaryTensors, inPlace, LEAST_SCALE, SPREAD_EPSILON } from './types.ts';

/** An array of the dictionary as a weight of the graph under construction. */
function matrix(b: GraphBuilder, d: Dictionary, name: string): string {
  return b.constant(dictionaryTensors(d)[name]!, `${d.site}:${name}`);
}

/** W_dec as a weight, [F, E]. */
export const decoderWeight = (b: GraphBuilder, d: Dictionary): string => matrix(b, d, 'W_dec_FD');

/** W_enc·x of x [..., D] → [..., F]. */
function project(b: GraphBuilder, x: string, d: Dictionary): string {
  const W_DF = b.op('Transpose', [matrix(b, d, 'W_enc_FD')], { perm: { ints: [1, 0] } });
  return b.op('MatMul', [x, W_DF]);
}

/** Pre-activations W_enc·x + b_enc of x [..., D] → [..., F]. */
const preActivationsInGraph = (b: GraphBuilder, x: string, d: Dictionary): string =>
  b.op('Add', [project(b, x, d), matrix(b, d, 'b_enc_F')]);

/** What rows of a dictionary with `rowNorm` are scaled back by: ‖x‖ / rowNorm of x [..., D], [..., 1]. */
function rowScale(b: GraphBuilder, x: string, rowNorm: number): string {
  const norm = b.op('ReduceL2', [x, b.ints(-1)], { keepdims: { int: 1 } });
  const scale = b.op('Div', [norm, b.constant(f32([], [rowNorm]), 'row-norm')]);
  return b.op('Max', [scale, b.constant(f32([], [LEAST_SCALE]), 'least-scale')]);
}

/** Mean of each row, [..., 1]. */
const rowMean = (b: GraphBuilder, x: string): string =>
  b.op('ReduceMean', [x, b.ints(-1)], { keepdims: { int: 1 } });

/** Rows without their mean, where the dictionary takes it off. */
const rowsFrom = (b: GraphBuilder, x: string, { rowCentred }: Dictionary): string =>
  rowCentred ? b.op('Sub', [x, rowMean(b, x)]) : x;

/**
 * Features of `x` [..., D] as a dense [..., F] value, at every position (see `positionsRead` for those it passes by).
 * Of equal pre-activations the lower index wins, in ONNX's TopK as in our kernels.
 */
export function encodeInGraph(b: GraphBuilder, x: string, d: Dictionary): string {
  if (d.rowNorm === undefined) return activate(b, x, d);
  const rows = rowsFrom(b, x, d);
  const scale = rowScale(b, rows, d.rowNorm);
  const by = d.rowCentred
    ? b.op('Add', [scale, b.constant(f32([], [SPREAD_EPSILON]), 'spread-epsilon')])
    : scale;
  return b.op('Mul', [activate(b, b.op('Div', [rows, by]), d), scale]);
}

function activate(b: GraphBuilder, x: string, d: Dictionary): string {
  const { activation } = d;
  switch (activation.kind) {
    case 'identity':
      return b.op('Identity', [x]);
    case 'pursuit':
      return pursue(b, x, d, activation.k);
    case 'relu':
      return b.op('Relu', [preActivationsInGraph(b, x, d)]);
    case 'threshold': {
      const a = b.op('Relu', [preActivationsInGraph(b, x, d)]);
      return b.op('Mul', [a, above(b, a, matrix(b, d, 'threshold_F'))]);
    }
    case 'gated': {
      const product = project(b, x, d);
      const gate = b.op('Add', [product, matrix(b, d, 'b_enc_F')]);
      const scaled = b.op('Mul', [product, b.op('Exp', [matrix(b, d, 'r_mag_F')])]);
      const magnitude = b.op('Relu', [b.op('Add', [scaled, matrix(b, d, 'b_mag_F')])]);
      return b.op('Mul', [magnitude, above(b, gate, b.constant(f32([], [0]), 'zero'))]);
    }
    case 'topk': {
      const a = preActivationsInGraph(b, x, d);
      const [values, indices] = b.ops('TopK', [a, b.ints(activation.k)], 2, {
        axis: { int: -1 },
        largest: { int: 1 },
        sorted: { int: 0 },
      });
      const zeros = b.op('ConstantOfShape', [b.op('Shape', [a])], { value: { tensor: f32([1], [0]) } });
      return b.op('ScatterElements', [zeros, indices!, b.op('Relu', [values!])], { axis: { int: -1 } });
    }
  }
}

function pursue(b: GraphBuilder, x: string, d: Dictionary, k: number): string {
  const rows = b.op('Reshape', [b.op('Sub', [x, matrix(b, d, 'b_dec_D')]), b.ints(-1, d.width)]);
  const found = pursuitInGraph(b, rows, decoderWeight(b, d), k);
  const count = b.op('Shape', [rows], { start: { int: 0 }, end: { int: 1 } });
  const size = b.op('Concat', [count, b.ints(d.features)], { axis: { int: 0 } });
  const zeros = b.op('ConstantOfShape', [size], { value: { tensor: f32([1], [0]) } });
  const before = b.op('Shape', [x], { start: { int: 0 }, end: { int: -1 } });
  const shape = b.op('Concat', [before, b.ints(d.features)], { axis: { int: 0 } });
  return b.op('Reshape', [pursuitFeatures(b, found, zeros), shape]);
}

/** 1 where a > bound, else 0. */
const above = (b: GraphBuilder, a: string, bound: string): string =>
  b.op('Cast', [b.op('Greater', [a, bound])], { to: { int: 1 } });

/**
 * Σ f_i W_dec[i] + b_dec (+ W_skip·x) of dense features [..., F] → [..., E]. `x` is what was encoded: dictionaries with
 * a skip or a row norm need it.
 */
export function decodeInGraph(b: GraphBuilder, features: string, d: Dictionary, x: string): string {
  if (d.activation.kind === 'identity') return b.op('Identity', [features]);
  const written = b.op('MatMul', [features, decoderWeight(b, d)]);
  const bias = matrix(b, d, 'b_dec_D');
  const scaled =
    d.rowNorm === undefined ? bias : b.op('Mul', [rowScale(b, rowsFrom(b, x, d), d.rowNorm), bias]);
  const sum = b.op('Add', [written, scaled]);
  const out = d.rowCentred ? b.op('Add', [sum, rowMean(b, x)]) : sum;
  if (!d.W_skip_ED) return out;
  const skip = b.op('Transpose', [matrix(b, d, 'W_skip_ED')], { perm: { ints: [1, 0] } });
  return b.op('Add', [out, b.op('MatMul', [x, skip])]);
}

/**
 * 1 where the dictionary reads, 0 where a position passes by (position 0 and norms above sinkNorm), for x
 * [batch, position, D]: float32 [batch, position, 1]. In a graph that goes on from earlier positions `before`, int64
 * [1], is their number.
 */
export function positionsRead(
  b: GraphBuilder,
  x: string,
  d: Pick<Dictionary, 'sinkNorm'>,
  before?: string,
): string {
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
  inPlace(d);
  return (b, x) => {
    const read = positionsRead(b, x, d);
    const all = encodeInGraph(b, x, d);
    const features = b.op('Mul', [all, read]);
    const error = b.op('Sub', [decodeInGraph(b, all, d, x), x]);
    return { features, reconstruction: b.op('Add', [x, b.op('Mul', [error, read])]) };
  };
}
