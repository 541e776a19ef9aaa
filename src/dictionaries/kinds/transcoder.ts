/** @file Transcoder: features of one site that predict another. */
import type { Kind } from './kind.ts';

export const transcoder: Kind = {
  label: 'Transcoder',
  source: 'Dunefsky et al. 2024, arXiv:2406.11944',
  activations: ['topk', 'relu', 'threshold'],
  transcodes: true,
};
