/** @file Crosscoder: one code for several sites, or for the same site of several models. */
import type { Kind } from './kind.ts';

export const crosscoder: Kind = {
  label: 'Crosscoder',
  source: 'Lindsey et al. 2024, Sparse Crosscoders',
  activations: ['topk', 'relu', 'threshold'],
  crosses: true,
};
