/** @file Matryoshka BatchTopK: nested dictionaries, each of which reconstructs by itself. */
import type { Kind } from './kind.ts';

export const matryoshka: Kind = {
  label: 'Matryoshka',
  source: 'Bussmann et al. 2025, arXiv:2503.17547',
  activations: ['threshold', 'topk'],
};
