/** @file Every method of the study, in the order of the table. */
import { bottleneck } from './bottleneck.ts';
import { inlp, leace, meanDifference } from './erasers.ts';
import { neurons } from './neurons.ts';
import {
  directEnd,
  gradientFlow,
  leastAction,
  leastActionEnds,
  straight,
  straightToEnd,
} from './path-rows.ts';
import { oracle, original } from './plain.ts';
import { randomCount, randomSize } from './random-features.ts';
import { shift, shiftChoice, shiftRetrained } from './shift.ts';
import { featureSkyline } from './skyline.ts';
import { tokenDeletion } from './token-deletion.ts';
import type { BiasMethodRow } from './types.ts';

export const biasMethods: readonly BiasMethodRow[] = [
  original,
  tokenDeletion,
  bottleneck,
  randomCount,
  randomSize,
  neurons,
  meanDifference,
  inlp,
  leace,
  shift,
  shiftChoice,
  shiftRetrained,
  straight,
  gradientFlow,
  leastAction,
  leastActionEnds,
  straightToEnd,
  directEnd,
  featureSkyline,
  oracle,
];
