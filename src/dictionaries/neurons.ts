/** @file Neurons as a dictionary: the identity, so that every tool works on them as its own baseline. */
import type { Dictionary } from './types.ts';

/** Each of the `width` coordinates of the site is a feature, positive or negative, all active; no error is left. */
export function neurons(width: number, site: string, modelHash: string): Dictionary {
  const identity = new Float32Array(width * width);
  for (let i = 0; i < width; i++) identity[i * width + i] = 1;
  return {
    architecture: 'neurons',
    activation: { kind: 'identity' },
    site,
    modelHash,
    width,
    features: width,
    W_enc_FD: identity,
    b_enc_F: new Float32Array(width),
    W_dec_FD: identity,
    b_dec_D: new Float32Array(width),
    sinkNorm: Number.POSITIVE_INFINITY,
  };
}
