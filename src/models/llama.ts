/** @file A Llama (Touvron et al. 2023, arXiv:2302.13971) as a graph in which every TransformerLens site is a value. */
import { ModelError } from '../core/errors.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../graph/build.ts';
import type { Graph, Weight } from '../graph/types.ts';
import { ROTARY, rotaryTables, rotate } from './rotary.ts';
import type { ModelShape } from './types.ts';
import { llamaWeights } from './weights.ts';

export interface LlamaOptions {
  readonly dtype?: 'float32' | 'float64';
}

/** What masked attention scores get: finite, so that differences of scores stay numbers; exp of it is 0. */
const MASKED = -1e30;

/** What the parts of one graph share. */
interface Parts {
  readonly b: GraphBuilder;
  readonly shape: ModelShape;
  scalar(value: number): string;
}

/**
 * The graph of a Llama: input `tokens` int64 [batch, position], output `logits` [batch, position, vocabulary].
 * `weights` by the names of llamaWeights(), in memory or external; rotary tables are made when absent.
 * Attention is causal, so padding on the right changes nothing before it. Each block takes the number of
 * positions from its own residual input, so the graph still runs when it is fed at any residual site.
 * @throws ModelError `model.missing-tensor`, `model.tensor-shape`
 */
export function buildLlama(
  shape: ModelShape,
  weights: ReadonlyMap<string, Weight>,
  { dtype = 'float32' }: LlamaOptions = {},
): Graph {
  const b = graphBuilder();
  for (const spec of llamaWeights(shape)) {
    const weight = weights.get(spec.name);
    if (!weight) throw new ModelError('model.missing-tensor', `the model has no weight "${spec.name}"`);
    if (`${weight.shape}` !== `${spec.shape}`) {
      throw new ModelError(
        'model.tensor-shape',
        `weight "${spec.name}" is [${weight.shape}], expected [${spec.shape}]`,
        { where: spec.name },
      );
    }
    b.weight(spec.name, weight);
  }
  const tables = weights.has(ROTARY.cos) ? undefined : rotaryTables(shape, dtype);
  b.weight(ROTARY.cos, weights.get(ROTARY.cos) ?? tables!.cos);
  b.weight(ROTARY.sin, weights.get(ROTARY.sin) ?? tables!.sin);

  const scalars = new Map<number, string>();
  const parts: Parts = {
    b,
    shape,
    scalar(value) {
      const known = scalars.get(value) ?? b.constant(scalarTensor(dtype, value), 'scalar');
      scalars.set(value, known);
      return known;
    },
  };

  const tokens = b.input('tokens', 'int64', ['batch', 'position']);
  let residual = b.op('Gather', ['W_E', tokens], { axis: { int: 0 } }, 'hook_embed');
  for (let i = 0; i < shape.layers; i++) residual = block(parts, i, residual);
  return b.finish([unembed(parts, norm(parts, 'ln_final', residual))]);
}

const scalarTensor = (dtype: 'float32' | 'float64', value: number): Tensor =>
  dtype === 'float32'
    ? tensor('float32', [], Float32Array.of(value))
    : tensor('float64', [], Float64Array.of(value));

/** One block: x + attention(norm(x)), then + mlp(norm(·)). Returns blocks.{i}.hook_resid_post. */
function block(parts: Parts, i: number, input: string): string {
  const { b } = parts;
  const at = `blocks.${i}`;
  const pre = b.site(`${at}.hook_resid_pre`, input);
  const attn = attention(parts, at, norm(parts, `${at}.ln1`, pre), pre);
  const mid = b.op('Add', [pre, attn], {}, `${at}.hook_resid_mid`);
  const mlp = feedForward(parts, at, norm(parts, `${at}.ln2`, mid));
  return b.op('Add', [mid, mlp], {}, `${at}.hook_resid_post`);
}

/**
 * Root-mean-square norm (Zhang & Sennrich 2019, arXiv:1910.07467) from primitives that onnxruntime fuses:
 * scale = √(mean x² + ε) [batch, position, 1]; normalized = x / scale; returns normalized · w.
 */
function norm({ b, shape, scalar }: Parts, at: string, x: string): string {
  const squares = b.op('Pow', [x, scalar(2)]);
  const mean = b.op('ReduceMean', [squares, b.ints(-1)], { keepdims: { int: 1 } });
  const shifted = b.op('Add', [mean, scalar(shape.normEpsilon)]);
  const scale = b.op('Sqrt', [shifted], {}, `${at}.hook_scale`);
  const normalized = b.op('Div', [x, scale], {}, `${at}.hook_normalized`);
  return b.op('Mul', [normalized, `${at}.w`], {}, `${at}.output`);
}

/** Causal grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245); returns blocks.{i}.hook_attn_out. */
function attention(parts: Parts, block: string, x: string, residual: string): string {
  const { b, shape, scalar } = parts;
  const { heads, kvHeads, headWidth } = shape;
  const at = `${block}.attn`;
  const group = heads / kvHeads;
  const project = (name: string, weight: string, count: number) =>
    b.op(
      'Reshape',
      [b.op('MatMul', [x, `${at}.${weight}`]), b.ints(0, 0, count, headWidth)],
      {},
      `${at}.${name}`,
    );
  const q = project('hook_q', 'W_Q', heads);
  const k = project('hook_k', 'W_K', kvHeads);
  const v = project('hook_v', 'W_V', kvHeads);

  const positions = b.op('Shape', [residual], { start: { int: 1 }, end: { int: 2 } });
  const table = (name: string) =>
    b.op('Unsqueeze', [b.op('Slice', [name, b.ints(0), positions, b.ints(0)]), b.ints(1)]);
  const [cos, sin] = [table(ROTARY.cos), table(ROTARY.sin)];
  const rotQ = rotate(b, q, cos, sin, headWidth, `${at}.hook_rot_q`);
  const rotK = rotate(b, k, cos, sin, headWidth, `${at}.hook_rot_k`);

  // The query heads of one group lie below each other, so that each key head is multiplied once, not copied.
  const stacked = b.ints(0, kvHeads, -1, headWidth);
  const perHead = b.op('Transpose', [rotQ], { perm: { ints: [0, 2, 1, 3] } });
  const queries = group === 1 ? perHead : b.op('Reshape', [perHead, stacked]);
  const scaledK = b.op('Mul', [rotK, scalar(1 / Math.sqrt(headWidth))]);
  const keys = b.op('Transpose', [scaledK], { perm: { ints: [0, 2, 3, 1] } });
  const products = b.op('MatMul', [queries, keys]);
  const perQuery = group === 1 ? products : b.op('Reshape', [products, b.ints(0, heads, -1, 0)]);
  const scores = b.op('Add', [perQuery, causalMask(parts, positions)], {}, `${at}.hook_attn_scores`);
  const pattern = b.op('Softmax', [scores], { axis: { int: -1 } }, `${at}.hook_pattern`);

  const values = b.op('Transpose', [v], { perm: { ints: [0, 2, 1, 3] } });
  const weights = group === 1 ? pattern : b.op('Reshape', [pattern, b.ints(0, kvHeads, -1, 0)]);
  const mixed = b.op('MatMul', [weights, values]);
  const unstacked = group === 1 ? mixed : b.op('Reshape', [mixed, b.ints(0, heads, -1, headWidth)]);
  const z = b.op('Transpose', [unstacked], { perm: { ints: [0, 2, 1, 3] } }, `${at}.hook_z`);
  const flat = b.op('Reshape', [z, b.ints(0, 0, heads * headWidth)]);
  return b.op('MatMul', [flat, `${at}.W_O`], {}, `${block}.hook_attn_out`);
}

/** [position, position]: 0 where the key is not after the query, MASKED above the diagonal. */
function causalMask({ b, scalar }: Parts, positions: string): string {
  const square = b.op('Concat', [positions, positions], { axis: { int: 0 } });
  const full = b.op('Expand', [scalar(MASKED), square]);
  return b.op('Trilu', [full, b.constant(tensor('int64', [], BigInt64Array.of(1n)), 'diagonal')], {
    upper: { int: 1 },
  });
}

/** SwiGLU (Shazeer 2020, arXiv:2002.05202): (silu(x·W_gate) ∘ x·W_in)·W_out; returns blocks.{i}.hook_mlp_out. */
function feedForward({ b }: Parts, block: string, x: string): string {
  const at = `${block}.mlp`;
  const pre = b.op('MatMul', [x, `${at}.W_gate`], {}, `${at}.hook_pre`);
  const linear = b.op('MatMul', [x, `${at}.W_in`], {}, `${at}.hook_pre_linear`);
  const silu = b.op('Mul', [pre, b.op('Sigmoid', [pre])]);
  const post = b.op('Mul', [silu, linear], {}, `${at}.hook_post`);
  return b.op('MatMul', [post, `${at}.W_out`], {}, `${block}.hook_mlp_out`);
}

/** logits = x·Uᵀ with U [vocabulary, width]: the embedding itself when tied, never copied or transposed. */
function unembed({ b, shape }: Parts, x: string): string {
  const rows = b.op('Reshape', [x, b.ints(-1, shape.width)]);
  const flat = b.op('Gemm', [rows, shape.tied ? 'W_E' : 'W_U'], { transB: { int: 1 } });
  const leading = b.op('Shape', [x], { start: { int: 0 }, end: { int: 2 } });
  const size = b.op('Concat', [leading, b.ints(shape.vocabulary)], { axis: { int: 0 } });
  return b.op('Reshape', [flat, size], {}, 'logits');
}
