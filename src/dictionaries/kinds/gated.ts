/** @file Gated: one linear map decides which features are open, a scaled copy of it how much. */
import type { Kind } from './kind.ts';

export const gated: Kind = {
  label: 'Gated',
  source: 'Rajamanoharan et al. 2024, arXiv:2404.16014',
  activations: ['gated'],
};
