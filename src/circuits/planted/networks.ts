/** @file The planted networks that are compiled by hand, each with distractors and noise. */
import { andOr, gate, parity, twoPaths } from './boolean.ts';
import { induction, parallel } from './heads.ts';
import type { Planted } from './planted.ts';

/** All planted networks that are compiled by hand. */
export const plantedNetworks = (): Planted[] => [
  andOr(),
  parity(),
  gate(),
  twoPaths(),
  parallel(),
  induction(),
];
