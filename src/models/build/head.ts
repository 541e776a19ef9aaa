/** @file From the last state to what the model says: logits of tokens, of masked tokens, of classes, or the state itself. */
import type { ModelShape } from '../types.ts';
import { activate } from './mlp.ts';
import { norm } from './norm.ts';
import { linear, type Parts, softCap } from './parts.ts';

/** The value that unembedRows() takes, [batch, position, width]; absent where there are no logits per token. */
export function stateBeforeLogits(shape: ModelShape): string | undefined {
  if (shape.kind === undefined) return 'ln_final.output';
  return shape.head === 'masked' ? 'mlm_head.ln.output' : undefined;
}

/** Outputs over the last block's state. */
export function head(parts: Parts, last: string): string[] {
  const { b, shape } = parts;
  if (shape.kind === undefined) return [unembed(parts, norm(parts, 'ln_final', last))];
  if (shape.kind === 'vision') {
    const state = norm(parts, 'ln_final', last);
    const first = firstPosition(parts, state);
    return shape.head === 'classes'
      ? [unembedRows(parts, first, 'logits')]
      : [b.site('last_hidden_state', state)];
  }
  const outputs = [b.site('last_hidden_state', last)];
  if (shape.head === 'pooler') {
    const pooled = b.op(
      'Tanh',
      [linear(parts, firstPosition(parts, last), 'pooler.W', 'pooler.b')],
      {},
      'pooler_output',
    );
    outputs.push(pooled);
  }
  if (shape.head === 'masked') {
    const turned = linear(parts, last, 'mlm_head.W', 'mlm_head.b');
    const active = activate(parts, shape.activation ?? 'silu', turned);
    outputs.unshift(unembed(parts, norm(parts, 'mlm_head.ln', active)));
  }
  return outputs;
}

const firstPosition = ({ b }: Parts, state: string): string =>
  b.op('Gather', [state, b.constant(zero, 'first')], { axis: { int: 1 } });
const zero = { dtype: 'int64', shape: [], data: BigInt64Array.of(0n) } as const;

/** logits [batch, position, vocabulary] of x [batch, position, width]. */
function unembed(parts: Parts, x: string): string {
  const { b, shape } = parts;
  const flat = unembedRows(parts, b.op('Reshape', [x, b.ints(-1, shape.width)]));
  const leading = b.op('Shape', [x], { start: { int: 0 }, end: { int: 2 } });
  const size = b.op('Concat', [leading, b.ints(shape.vocabulary)], { axis: { int: 0 } });
  return b.op('Reshape', [flat, size], {}, 'logits');
}

/** x·Uᵀ (+ b) for rows x [rows, width], U [vocabulary, width]: the embedding itself when tied, never copied or transposed. */
export function unembedRows(parts: Parts, rows: string, name?: string): string {
  const { b, shape } = parts;
  const table = shape.tied ? 'W_E' : 'W_U';
  const operands = shape.kind === undefined ? [rows, table] : [rows, table, 'b_U'];
  const { logitCap } = shape;
  const products = b.op('Gemm', operands, { transB: { int: 1 } }, logitCap === undefined ? name : undefined);
  return logitCap === undefined ? products : softCap(parts, products, logitCap, name);
}
