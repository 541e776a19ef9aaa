/** @file Norms of the residual stream from primitives that onnxruntime fuses, with their TransformerLens sites. */
import type { Parts } from './parts.ts';

/**
 * Root-mean-square norm (Zhang & Sennrich 2019, arXiv:1910.07467) or layer norm (Ba, Kiros & Hinton 2016,
 * arXiv:1607.06450) over the last axis: scale = √(mean x² + ε) [.., 1] of the (centred) x; normalized = x / scale;
 * returns normalized · w (+ b) as `{at}.output`.
 */
export function norm(parts: Parts, at: string, x: string, kind = parts.shape.norm): string {
  const { b, shape, scalar } = parts;
  const mean = (value: string) => b.op('ReduceMean', [value, b.ints(-1)], { keepdims: { int: 1 } });
  const centred = kind === 'layer' ? b.op('Sub', [x, mean(x)]) : x;
  const shifted = b.op('Add', [mean(b.op('Pow', [centred, scalar(2)])), scalar(shape.normEpsilon)]);
  const scale = b.op('Sqrt', [shifted], {}, `${at}.hook_scale`);
  const normalized = b.op('Div', [centred, scale], {}, `${at}.hook_normalized`);
  if (kind !== 'layer') return b.op('Mul', [normalized, `${at}.w`], {}, `${at}.output`);
  return b.op('Add', [b.op('Mul', [normalized, `${at}.w`]), `${at}.b`], {}, `${at}.output`);
}
