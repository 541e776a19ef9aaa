/** @file The feed-forward part of a block: plain or gated, with the usual nonlinearities. */
import type { Activation } from '../types.ts';
import { linear, type Parts } from './parts.ts';

/**
 * Gated (Shazeer 2020, arXiv:2002.05202): (f(x·W_gate) ∘ x·W_in)·W_out; plain: f(x·W_in)·W_out. `name` is given
 * to the result.
 */
export function feedForward(parts: Parts, block: string, x: string, name?: string): string {
  const { b, shape } = parts;
  const { activation = 'silu', gated = true } = shape;
  const at = `${block}.mlp`;
  const bias = (of: string) => (shape.biases?.includes('mlp') ? `${at}.b_${of}` : undefined);
  const into = (of: string, hook: string) => linear(parts, x, `${at}.W_${of}`, bias(of), `${at}.${hook}`);
  const pre = into(gated ? 'gate' : 'in', 'hook_pre');
  let post: string;
  if (gated) {
    const straight = into('in', 'hook_pre_linear');
    post = b.op('Mul', [activate(parts, activation, pre), straight], {}, `${at}.hook_post`);
  } else post = activate(parts, activation, pre, `${at}.hook_post`);
  return linear(parts, post, `${at}.W_out`, bias('out'), name);
}

/** f(x), from primitives that have derivatives and that onnxruntime fuses. */
export function activate({ b, scalar }: Parts, kind: Activation, x: string, name?: string): string {
  const half = (x: string, bounded: string) =>
    b.op('Mul', [b.op('Mul', [x, b.op('Add', [bounded, scalar(1)])]), scalar(0.5)], {}, name);
  switch (kind) {
    case 'silu':
      return b.op('Mul', [x, b.op('Sigmoid', [x])], {}, name);
    case 'relu':
      return b.op('Relu', [x], {}, name);
    case 'quick_gelu':
      return b.op('Mul', [x, b.op('Sigmoid', [b.op('Mul', [x, scalar(1.702)])])], {}, name);
    case 'gelu':
      // Hendrycks & Gimpel 2016, arXiv:1606.08415: x·Φ(x).
      return half(x, b.op('Erf', [b.op('Div', [x, scalar(Math.SQRT2)])]));
    case 'gelu_tanh': {
      const cubed = b.op('Mul', [b.op('Pow', [x, scalar(3)]), scalar(0.044715)]);
      const inner = b.op('Mul', [b.op('Add', [x, cubed]), scalar(Math.sqrt(2 / Math.PI))]);
      return half(x, b.op('Tanh', [inner]));
    }
  }
}
