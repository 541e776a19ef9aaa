/** @file BatchTopK: the k·B largest of a batch in training, a learned threshold afterwards. */
import type { Kind } from './kind.ts';

export const batchtopk: Kind = {
  label: 'BatchTopK',
  source: 'Bussmann et al. 2024, arXiv:2412.06410',
  activations: ['threshold', 'topk'],
};
