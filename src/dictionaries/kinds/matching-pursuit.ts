/** @file Matching pursuit: features found one after another on what is left. */
import type { Kind } from './kind.ts';

export const matchingPursuit: Kind = {
  label: 'Matching pursuit',
  source: 'Mallat & Zhang 1993; Costa et al. 2025, arXiv:2506.03093',
  activations: ['pursuit'],
};
