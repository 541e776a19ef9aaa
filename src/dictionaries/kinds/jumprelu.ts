/** @file JumpReLU: a threshold of its own for each feature, trained through a kernel of some width. */
import type { Kind } from './kind.ts';

export const jumprelu: Kind = {
  label: 'JumpReLU',
  source: 'Rajamanoharan et al. 2024, arXiv:2407.14435',
  activations: ['threshold'],
};
