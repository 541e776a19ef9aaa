/** @file TopK: the k largest pre-activations of a row. */
import type { Kind } from './kind.ts';

export const topk: Kind = {
  label: 'TopK',
  source: 'Gao et al. 2024, arXiv:2406.04093',
  activations: ['topk'],
};
