/** @file Erasers fitted on the auxiliary rows: difference in means, INLP, LEACE, each by degrees. */
import type { Eraser } from '../../erasure/eraser.ts';
import { inlp as fitInlp } from '../../erasure/inlp.ts';
import { leace as fitLeace } from '../../erasure/leace.ts';
import { meanDifference as fitMeanDifference } from '../../erasure/mean-difference.ts';
import { labelled } from '../selection.ts';
import { type BiasMethodRow, type MadeRow, type RowContext, SHARES } from './types.ts';

const sees = 'the confounded rows; the protected attribute in auxiliary rows';
const common = { sees, skyline: false, dictionary: false, strengthUnit: 'share of the projection' } as const;

/** Rounds of INLP at most: beyond them it takes field and all. */
const INLP_DIRECTIONS = 8;

const source = ({ problem: { auxiliary, width } }: RowContext) =>
  labelled(auxiliary.x_ND, width, auxiliary.protected_N);

const byDegrees = (eraser: Eraser): MadeRow => ({
  steps: SHARES.map((strength) => ({ strength, edit: { kind: 'eraser', eraser, strength } })),
  classifier: 'given',
  changed: eraser.rank,
});

export const meanDifference: BiasMethodRow = {
  method: 'mean-difference',
  title: 'difference in means projected out',
  ...common,
  make: (context) => byDegrees(fitMeanDifference(source(context))),
};

export const inlp: BiasMethodRow = {
  method: 'inlp',
  title: 'INLP',
  ...common,
  make: async (context) =>
    byDegrees(
      await fitInlp(source(context), {
        directions: INLP_DIRECTIONS,
        ...(context.signal ? { signal: context.signal } : {}),
      }),
    ),
};

export const leace: BiasMethodRow = {
  method: 'leace',
  title: 'LEACE',
  ...common,
  make: (context) => byDegrees(fitLeace(source(context))),
};
