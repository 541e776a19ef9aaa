/** @file ReLU with an L1 penalty: Σ f, or Σ f‖d‖ with decoder rows of any length. */
import type { Kind } from './kind.ts';

export const relu: Kind = {
  label: 'ReLU',
  source: 'Bricken et al. 2023, Towards Monosemanticity; Conerly et al. 2024 (penalty times decoder norm)',
  activations: ['relu'],
};
