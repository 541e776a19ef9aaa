/** @file Fused operators under test: how each is built, in the forms that files use. */
import { lower } from '../../src/autodiff/lower.ts';
import { random } from '../../src/core/random.ts';
import { f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import type { GraphBuilder } from '../../src/graph/build.ts';
import type { Attribute, Graph } from '../../src/graph/types.ts';
import { type Case, drawn, type Float } from './support.ts';

type Attributes = Record<string, Attribute>;

/** The graph with every composite operator taken apart. */
export function takenApart(graph: Graph): Graph {
  const { e } = lower(graph, (current) => ({ values: new Set(), nodes: current.nodes }));
  return e.finish(graph.outputs);
}

const int = (value: number) => ({ int: value });
const float = (value: number) => ({ float: value });
const i32 = (shape: number[], values: number[]): Tensor => tensor('int32', shape, Int32Array.from(values));
const bool = (shape: number[], values: number[]): Tensor => tensor('bool', shape, Uint8Array.from(values));
const bytes = (shape: number[], seed: number): Tensor => {
  const r = random(seed);
  return tensor(
    'uint8',
    shape,
    Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => r.integer(256)),
  );
};

/** One node of com.microsoft that reads inputs by name; the first of `outputs` results is looked at. */
const node =
  (
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    outputs = 1,
    look = 0,
    domain = 'com.microsoft',
  ) =>
  (b: GraphBuilder): string =>
    b.ops(op, inputs, outputs, attributes, domain)[look]!;

/** Tables of cosines and sines [positions, half] as constants of the graph. */
function tables(b: GraphBuilder, dtype: Float, positions: number, half: number): [string, string] {
  const r = random(17);
  const angles = Array.from({ length: positions * half }, () => r.normal());
  const table = (of: (a: number) => number, name: string) =>
    b.constant(
      (dtype === 'float32'
        ? f32([positions, half], angles.map(of))
        : tensor('float64', [positions, half], Float64Array.from(angles, of))) as Tensor,
      name,
    );
  return [table(Math.cos, 'cos'), table(Math.sin, 'sin')];
}

const heads = { num_heads: int(2) };
const groups = { num_heads: int(4), kv_num_heads: int(2) };
/** 3 new positions, none behind them, in a batch of 2. */
const prompt = { lengths: i32([2], [2, 2]), total: i32([], [3]) };

const apart = (cases: Record<string, Case>): Record<string, Case> =>
  Object.fromEntries(Object.entries(cases).map(([name, c]) => [name, { ...c, prepare: takenApart }]));

const rotary = (interleaved: boolean, rank: 3 | 4): Case => ({
  inputs: { x: rank === 3 ? [2, 3, 16] : [2, 2, 3, 8] },
  fixed: { p: i64([2, 3], [0, 2, 1, 4, 3, 0]) },
  build: (b, dtype) => {
    const [c, s] = tables(b, dtype, 6, 4);
    return node('RotaryEmbedding', ['x', 'p', c, s], { interleaved: int(interleaved ? 1 : 0) })(b);
  },
});

/** MatMulNBits of [2, K] with N = 3 rows in blocks of 16. */
const packed = (bits: number, K: number, zeros: 'none' | 'packed' | 'float', bias = false): Case => {
  const blocks = Math.ceil(K / 16);
  return {
    inputs: {
      a: [2, K],
      s: [3 * blocks],
      ...(zeros === 'float' ? { z: [3, blocks] } : {}),
      ...(bias ? { v: [3] } : {}),
    },
    build: (b) => {
      const B = b.constant(bytes([3, blocks, (16 * bits) / 8], 5));
      const z =
        zeros === 'packed'
          ? b.constant(bytes([3 * Math.ceil((blocks * bits) / 8)], 6))
          : zeros === 'float'
            ? 'z'
            : '';
      const inputs = ['a', B, 's', ...(zeros !== 'none' || bias ? [z] : []), ...(bias ? ['', 'v'] : [])];
      return node('MatMulNBits', inputs, { K: int(K), N: int(3), bits: int(bits), block_size: int(16) })(b);
    },
  };
};

const qkv = { q: [2, 3, 8], k: [2, 4, 8], v: [2, 4, 8] };
const groupedInputs = { q: [2, 3, 32], k: [2, 3, 16], v: [2, 3, 16] };
const grouped = (more: Attributes = {}, look = 0): Case => ({
  inputs: groupedInputs,
  fixed: prompt,
  build: node(
    'GroupQueryAttention',
    ['q', 'k', 'v', '', '', 'lengths', 'total'],
    { ...groups, ...more },
    3,
    look,
  ),
});
const standard = (inputs: readonly string[], attributes: Attributes = {}, outputs = 1, look = 0) =>
  node('Attention', inputs, attributes, outputs, look, '');
const q4 = { q: [2, 4, 3, 8], k: [2, 2, 5, 8], v: [2, 2, 5, 6] };

export const fusedCases: Record<string, Record<string, Case>> = {
  'com.microsoft:FastGelu': apart({
    plain: { inputs: { x: [2, 5] }, build: node('FastGelu', ['x']) },
    bias: { inputs: { x: [2, 5], v: [5] }, build: node('FastGelu', ['x', 'v']) },
  }),
  'com.microsoft:BiasGelu': apart({
    bias: { inputs: { x: [2, 5], v: [5] }, build: node('BiasGelu', ['x', 'v']) },
  }),
  'com.microsoft:SkipLayerNormalization': apart({
    plain: {
      inputs: { x: [2, 3, 4], y: [2, 3, 4], w: [4], v: [4] },
      build: node('SkipLayerNormalization', ['x', 'y', 'w', 'v'], { epsilon: float(1e-5) }),
    },
    'bias of the sum': {
      inputs: { x: [2, 3, 4], y: [2, 3, 4], w: [4], v: [4], u: [4] },
      build: node('SkipLayerNormalization', ['x', 'y', 'w', 'v', 'u'], { epsilon: float(1e-5) }),
    },
    'the sum itself': {
      inputs: { x: [2, 3, 4], y: [2, 3, 4], w: [4], v: [4] },
      build: (b) =>
        b.ops(
          'SkipLayerNormalization',
          ['x', 'y', 'w', 'v'],
          ['n', '', '', 's'],
          { epsilon: float(1e-5) },
          'com.microsoft',
        )[3]!,
    },
  }),
  'com.microsoft:SkipSimplifiedLayerNormalization': apart({
    plain: {
      inputs: { x: [2, 3, 4], y: [2, 3, 4], w: [4] },
      build: node('SkipSimplifiedLayerNormalization', ['x', 'y', 'w'], { epsilon: float(1e-5) }),
    },
    'the sum itself, with a bias': {
      inputs: { x: [2, 3, 4], y: [2, 3, 4], w: [4], u: [4] },
      build: (b) =>
        b.ops(
          'SkipSimplifiedLayerNormalization',
          ['x', 'y', 'w', 'u'],
          ['n', '', '', 's'],
          { epsilon: float(1e-5) },
          'com.microsoft',
        )[3]!,
    },
  }),
  'com.microsoft:EmbedLayerNormalization': apart({
    segments: {
      inputs: { words: [7, 4], places: [6, 4], kinds: [2, 4], w: [4], v: [4] },
      fixed: { ids: i32([2, 3], [0, 6, 2, 2, 1, 5]), segments: i32([2, 3], [0, 0, 1, 1, 1, 0]) },
      build: node(
        'EmbedLayerNormalization',
        ['ids', 'segments', 'words', 'places', 'kinds', 'w', 'v'],
        { epsilon: float(1e-5) },
        2,
      ),
    },
    'mask and positions': {
      inputs: { words: [7, 4], places: [6, 4], w: [4], v: [4] },
      fixed: {
        ids: i32([2, 3], [0, 6, 2, 2, 1, 5]),
        mask: i32([2, 3], [1, 1, 0, 1, 1, 1]),
        at: i32([2, 3], [3, 1, 0, 5, 5, 2]),
      },
      build: node(
        'EmbedLayerNormalization',
        ['ids', '', 'words', 'places', '', 'w', 'v', 'mask', 'at'],
        { epsilon: float(1e-5) },
        2,
      ),
    },
  }),
  'com.microsoft:RotaryEmbedding': apart({
    'half apart': rotary(false, 3),
    interleaved: rotary(true, 3),
    'rank 4': rotary(false, 4),
    offset: {
      inputs: { x: [2, 3, 16] },
      fixed: { p: i64([1], [2]) },
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 6, 4);
        return node('RotaryEmbedding', ['x', 'p', c, s])(b);
      },
    },
    'a part of each head': {
      inputs: { x: [2, 3, 16] },
      fixed: { p: i64([2, 3], [0, 2, 1, 4, 3, 0]) },
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 6, 2);
        return node('RotaryEmbedding', ['x', 'p', c, s], { num_heads: int(2), rotary_embedding_dim: int(4) })(
          b,
        );
      },
    },
  }),
  RotaryEmbedding: apart({
    positions: {
      inputs: { x: [2, 2, 3, 8] },
      fixed: { p: i64([2, 3], [0, 2, 1, 4, 3, 0]) },
      opset: 23,
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 6, 4);
        return node('RotaryEmbedding', ['x', c, s, 'p'], {}, 1, 0, '')(b);
      },
    },
    'interleaved, flat, in part': {
      inputs: { x: [2, 3, 16] },
      fixed: { p: i64([2, 3], [0, 2, 1, 4, 3, 0]) },
      opset: 23,
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 6, 2);
        const attributes = { num_heads: int(2), interleaved: int(1), rotary_embedding_dim: int(4) };
        return node('RotaryEmbedding', ['x', c, s, 'p'], attributes, 1, 0, '')(b);
      },
    },
  }),
  'com.microsoft:MultiHeadAttention': apart({
    cross: { inputs: qkv, build: node('MultiHeadAttention', ['q', 'k', 'v'], heads) },
    'bias, padding and added scores': {
      inputs: { ...qkv, b: [24], a: [1, 2, 3, 4] },
      fixed: { mask: i32([2, 4], [1, 1, 1, 0, 1, 1, 1, 1]) },
      build: node('MultiHeadAttention', ['q', 'k', 'v', 'b', 'mask', 'a'], heads),
    },
    'causal with a past': {
      inputs: { q: [2, 3, 8], k: [2, 3, 8], v: [2, 3, 8], pk: [2, 2, 2, 4], pv: [2, 2, 2, 4] },
      build: node(
        'MultiHeadAttention',
        ['q', 'k', 'v', '', '', '', 'pk', 'pv'],
        { ...heads, unidirectional: int(1), scale: float(0.3) },
        3,
      ),
    },
    'its present keys': {
      inputs: { q: [2, 3, 8], k: [2, 3, 8], v: [2, 3, 8], pk: [2, 2, 2, 4], pv: [2, 2, 2, 4] },
      build: node('MultiHeadAttention', ['q', 'k', 'v', '', '', '', 'pk', 'pv'], heads, 3, 1),
    },
  }),
  'com.microsoft:Attention': apart({
    plain: {
      inputs: { x: [2, 3, 6], w: [6, 24], b: [24] },
      build: node('Attention', ['x', 'w', 'b'], heads),
    },
    'causal, sizes of its own': {
      inputs: { x: [2, 3, 6], w: [6, 20], b: [20] },
      build: node('Attention', ['x', 'w', 'b'], {
        ...heads,
        unidirectional: int(1),
        qkv_hidden_sizes: { ints: [8, 8, 4] },
      }),
    },
    'padding and a past': {
      inputs: { x: [2, 3, 6], w: [6, 24], b: [24], past: [2, 2, 2, 2, 4] },
      fixed: { mask: i32([2, 5], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]) },
      build: node('Attention', ['x', 'w', 'b', 'mask', 'past'], heads, 2),
    },
    'lengths as mask': {
      inputs: { x: [2, 3, 6], w: [6, 24], b: [24] },
      fixed: { mask: i32([2], [2, 3]) },
      build: node('Attention', ['x', 'w', 'b', 'mask'], heads),
    },
  }),
  'com.microsoft:GroupQueryAttention': apart({
    prompt: grouped(),
    'its present values': grouped({}, 2),
    'capped, windowed': grouped({ softcap: float(0.8), local_window_size: int(2), scale: float(0.5) }),
    'smooth softmax': grouped({ smooth_softmax: int(1) }),
    'packed, rotated': {
      inputs: { q: [2, 3, 128] },
      fixed: prompt,
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 8, 8);
        return node(
          'GroupQueryAttention',
          ['q', '', '', '', '', 'lengths', 'total', c, s],
          { ...groups, do_rotary: int(1) },
          3,
        )(b);
      },
    },
    'a past, rotated, interleaved': {
      inputs: { q: [1, 1, 64], k: [1, 1, 32], v: [1, 1, 32], pk: [1, 2, 4, 16], pv: [1, 2, 4, 16] },
      fixed: { lengths: i32([1], [4]), total: i32([], [5]) },
      build: (b, dtype) => {
        const [c, s] = tables(b, dtype, 8, 8);
        return node(
          'GroupQueryAttention',
          ['q', 'k', 'v', 'pk', 'pv', 'lengths', 'total', c, s],
          { ...groups, do_rotary: int(1), rotary_interleaved: int(1) },
          3,
        )(b);
      },
    },
  }),
  Attention: apart({
    'grouped, flat': {
      inputs: { q: [2, 3, 32], k: [2, 5, 16], v: [2, 5, 12] },
      opset: 23,
      build: standard(['q', 'k', 'v'], { q_num_heads: int(4), kv_num_heads: int(2) }),
    },
    'causal, capped': {
      inputs: { ...q4, q: [2, 4, 5, 8] },
      opset: 23,
      build: standard(['q', 'k', 'v'], { is_causal: int(1), softcap: float(0.7), scale: float(0.4) }),
    },
    'boolean mask': {
      inputs: q4,
      fixed: { mask: bool([3, 5], [1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1]) },
      opset: 23,
      build: standard(['q', 'k', 'v', 'mask']),
    },
    'added mask, a past': {
      inputs: {
        q: [2, 4, 3, 8],
        k: [2, 4, 3, 8],
        v: [2, 4, 3, 8],
        mask: [3, 5],
        pk: [2, 4, 2, 8],
        pv: [2, 4, 2, 8],
      },
      opset: 23,
      build: standard(['q', 'k', 'v', 'mask', 'pk', 'pv'], {}, 3),
    },
    'its scores': {
      inputs: q4,
      opset: 23,
      build: (b) =>
        b.ops('Attention', ['q', 'k', 'v'], ['y', '', '', 'scores'], { qk_matmul_output_mode: int(3) })[3]!,
    },
  }),
  'com.microsoft:MatMulNBits': apart({
    '4 bits': packed(4, 32, 'none'),
    '4 bits, zero points, a rest': packed(4, 40, 'packed'),
    '4 bits, zero points as numbers, bias': packed(4, 32, 'float', true),
    '8 bits': packed(8, 32, 'packed'),
    '2 bits': packed(2, 32, 'none'),
  }),
  DequantizeLinear: apart({
    'one scale': {
      inputs: { s: [] },
      build: (b) => {
        const q = b.constant(bytes([2, 3], 7));
        const zero = b.constant(tensor('uint8', [], Uint8Array.of(120)) as Tensor);
        return node('DequantizeLinear', [q, 's', zero], {}, 1, 0, '')(b);
      },
    },
    'a scale per row': {
      inputs: { s: [2] },
      build: (b) =>
        node('DequantizeLinear', [b.constant(bytes([2, 3], 7)), 's'], { axis: int(0) }, 1, 0, '')(b),
    },
  }),
  LSTM: apart({
    'both ways, from a state': {
      inputs: { x: [3, 2, 4], w: [2, 12, 4], r: [2, 12, 3], b: [2, 24], h: [2, 2, 3], c: [2, 2, 3] },
      build: node(
        'LSTM',
        ['x', 'w', 'r', 'b', '', 'h', 'c'],
        { hidden_size: int(3), direction: { string: 'bidirectional' } },
        3,
        0,
        '',
      ),
    },
    'the last cell, from nothing': {
      inputs: { x: [3, 2, 4], w: [1, 12, 4], r: [1, 12, 3] },
      build: node('LSTM', ['x', 'w', 'r'], { hidden_size: int(3) }, 3, 2, ''),
    },
  }),
  GRU: apart({
    'reset before': {
      inputs: { x: [3, 2, 4], w: [1, 9, 4], r: [1, 9, 3], b: [1, 18] },
      build: node('GRU', ['x', 'w', 'r', 'b'], { hidden_size: int(3) }, 2, 0, ''),
    },
    'reset after, backwards': {
      inputs: { x: [3, 2, 4], w: [1, 9, 4], r: [1, 9, 3], b: [1, 18], h: [1, 2, 3] },
      build: node(
        'GRU',
        ['x', 'w', 'r', 'b', '', 'h'],
        { hidden_size: int(3), linear_before_reset: int(1), direction: { string: 'reverse' } },
        2,
        1,
        '',
      ),
    },
  }),
  RNN: apart({
    plain: {
      inputs: { x: [3, 2, 4], w: [1, 3, 4], r: [1, 3, 3], b: [1, 6] },
      build: node('RNN', ['x', 'w', 'r', 'b'], { hidden_size: int(3) }, 2, 0, ''),
    },
  }),
};

/** Feeds of a case in float32, from its seed. */
export function feedsOf(spec: Case): Record<string, Tensor> {
  const r = random(spec.seed ?? 1);
  const inputs = Object.entries(spec.inputs).map(
    ([name, shape]) => [name, drawn('float32', shape, () => r.normal())] as const,
  );
  return { ...Object.fromEntries(inputs), ...spec.fixed };
}
