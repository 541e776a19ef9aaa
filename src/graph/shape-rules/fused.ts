/** @file Shapes of fused operators: onnxruntime's own (com.microsoft) and the attention layers of ONNX 23. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import { addDims, divideDims, multiplyDims } from '../dims.ts';
import type { Dim } from '../types.ts';
import { badShape, type ShapeContext, type ShapeRule, type ValueType } from './rule.ts';

const same: ShapeRule = (c) => [c.type(0)];

/** A quotient of sizes that must be known. */
function share(c: ShapeContext, whole: Dim, parts: Dim): Dim {
  const size = divideDims(whole, parts);
  if (size === undefined) throw badShape(c.node, `${whole} does not divide into ${parts}`);
  return size;
}

/** Normalisation after a residual sum: output, mean, inverse deviation, the sum. */
const skipNormalisation: ShapeRule = (c) => {
  const x = c.type(0);
  const statistics: ValueType = { dtype: 'float32', shape: [...x.shape.slice(0, -1), 1] };
  return [x, statistics, statistics, x];
};

/** Rank 3 [batch, position, heads·width] or 4 [batch, heads, position, width]: batch, position and width. */
function laidOut(c: ShapeContext, i: number, heads: number): { batch: Dim; length: Dim; width: Dim } {
  const { shape } = c.type(i);
  if (shape.length === 4) return { batch: shape[0]!, length: shape[2]!, width: shape[3]! };
  if (shape.length !== 3) throw badShape(c.node, `input ${i} must have 3 or 4 axes, not ${shape.length}`);
  return { batch: shape[0]!, length: shape[1]!, width: share(c, shape[2]!, heads) };
}

const multiHead: ShapeRule = (c) => {
  const { dtype, shape: q } = c.type(0);
  const heads = intAttribute(c.node, 'num_heads', 1);
  const [batch, position] = [q[0]!, q[1]!];
  const past = c.has(6) ? c.type(6).shape[2]! : 0;
  if (q.length !== 3 || !c.has(1) || !c.has(2)) throw badShape(c.node, 'packed inputs are not read');
  const width = share(c, q[2]!, heads);
  const length = laidOut(c, 1, heads).length;
  const valueWidth = laidOut(c, 2, heads).width;
  const total = addDims(past, length);
  return [
    { dtype, shape: [batch, position, multiplyDims(heads, valueWidth)] },
    { dtype, shape: [batch, heads, total, width] },
    { dtype, shape: [batch, heads, total, valueWidth] },
    { dtype, shape: [batch, heads, position, total] },
  ];
};

const attention: ShapeRule = (c) => {
  const { dtype, shape: x } = c.type(0);
  const heads = intAttribute(c.node, 'num_heads', 1);
  const all = c.type(1).shape[1]!;
  const value = intsAttribute(c.node, 'qkv_hidden_sizes')?.[2] ?? share(c, all, 3);
  const past = c.has(4) ? c.type(4).shape[3]! : 0;
  return [
    { dtype, shape: [x[0]!, x[1]!, value] },
    { dtype, shape: [2, x[0]!, heads, addDims(past, x[1]!), share(c, value, heads)] },
  ];
};

const groupQuery: ShapeRule = (c) => {
  const { dtype, shape: q } = c.type(0);
  const [heads, kvHeads] = [intAttribute(c.node, 'num_heads', 1), intAttribute(c.node, 'kv_num_heads', 1)];
  const width = share(c, q[2]!, c.has(1) ? heads : heads + 2 * kvHeads);
  const past = c.has(3) ? c.type(3).shape[2]! : 0;
  const present: ValueType = { dtype, shape: [q[0]!, kvHeads, addDims(past, q[1]!), width] };
  return [{ dtype, shape: [q[0]!, q[1]!, multiplyDims(heads, width)] }, present, present];
};

/** Attention of ONNX 23: Y, present keys and values, the scores. */
const standardAttention: ShapeRule = (c) => {
  const { dtype, shape } = c.type(0);
  const flat = shape.length === 3;
  const heads = flat ? intAttribute(c.node, 'q_num_heads', 1) : Number(shape[1]);
  const kvHeads = flat ? intAttribute(c.node, 'kv_num_heads', heads) : Number(c.type(1).shape[1]);
  const [q, k, v] = [laidOut(c, 0, heads), laidOut(c, 1, kvHeads), laidOut(c, 2, kvHeads)];
  const total = addDims(c.has(4) ? c.type(4).shape[2]! : 0, k.length);
  return [
    {
      dtype,
      shape: flat ? [q.batch, q.length, multiplyDims(heads, v.width)] : [q.batch, heads, q.length, v.width],
    },
    { dtype, shape: [q.batch, kvHeads, total, k.width] },
    { dtype, shape: [q.batch, kvHeads, total, v.width] },
    { dtype, shape: [q.batch, heads, q.length, total] },
  ];
};

const embedding: ShapeRule = (c) => {
  const [ids, table] = [c.type(0).shape, c.type(2)];
  const shape = [...ids, table.shape[1]!];
  return [
    { dtype: table.dtype, shape },
    { dtype: 'int32', shape: [ids[0]!] },
    { dtype: table.dtype, shape },
  ];
};

export const fusedShapes: Readonly<Record<string, ShapeRule>> = {
  'com.microsoft:FastGelu': same,
  'com.microsoft:BiasGelu': same,
  'com.microsoft:RotaryEmbedding': same,
  RotaryEmbedding: same,
  'com.microsoft:SkipLayerNormalization': skipNormalisation,
  'com.microsoft:SkipSimplifiedLayerNormalization': skipNormalisation,
  'com.microsoft:EmbedLayerNormalization': embedding,
  'com.microsoft:MultiHeadAttention': multiHead,
  'com.microsoft:Attention': attention,
  'com.microsoft:GroupQueryAttention': groupQuery,
  Attention: standardAttention,
  'com.microsoft:MatMulNBits': (c) => {
    const { dtype, shape } = c.type(0);
    return [{ dtype, shape: [...shape.slice(0, -1), intAttribute(c.node, 'N', 1)] }];
  },
};

/** Recurrent layers (ONNX, LSTM/GRU/RNN): all hidden states, the last ones, for LSTM the last cells. */
const recurrent: ShapeRule = (c) => recurrentOf(c, c.type(2).shape[2]!);

/** The same with `hidden` numbers of state. */
function recurrentOf(c: ShapeContext, hidden: Dim): ValueType[] {
  const { dtype, shape } = c.type(0);
  const batchFirst = intAttribute(c.node, 'layout', 0) === 1;
  const [length, batch] = batchFirst ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!];
  const directions = c.type(2).shape[0]!;
  const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all = batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
  return [
    { dtype, shape: all },
    { dtype, shape: last },
    { dtype, shape: last },
  ];
}

export const recurrentShapes: Readonly<Record<string, ShapeRule>> = {
  LSTM: recurrent,
  /** Its weights are transposed: [directions, H, 4·H]. */
  'com.microsoft:DynamicQuantizeLSTM': (c) => recurrentOf(c, c.type(2).shape[1]!),
  GRU: recurrent,
  RNN: recurrent,
};
