/** @file ReLU with an Lp penalty whose p falls from 1. */
import type { Kind } from './kind.ts';

export const pAnneal: Kind = {
  label: 'p-annealed',
  source: 'Karvonen et al. 2024, arXiv:2408.00113, §4',
  activations: ['relu'],
};
