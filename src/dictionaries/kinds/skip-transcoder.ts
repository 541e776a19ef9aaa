/** @file Skip transcoder: a transcoder with a linear map past its features. */
import type { Kind } from './kind.ts';

export const skipTranscoder: Kind = {
  label: 'Skip transcoder',
  source: 'Paulo et al. 2025, arXiv:2501.18823',
  activations: ['topk', 'relu', 'threshold'],
  transcodes: true,
};
