/** @file Neurons: coordinates of the state chosen by the same rule as features, set to their mean over the confounded rows. */

import type { BiasProblem } from '../problem.ts';
import { coordinateParts, selectByRule } from '../selection.ts';
import { type BiasMethodRow, countsUpTo } from './types.ts';

export const neurons: BiasMethodRow = {
  method: 'neurons',
  title: 'neurons by the same rule, mean-ablated',
  sees: 'the confounded rows; the protected attribute in auxiliary rows',
  skyline: false,
  dictionary: false,
  strengthUnit: 'coordinates set to their mean',
  make({ problem }) {
    const { chosen } = selectByRule(problem, coordinateParts(problem));
    const mean_D = meanState(problem);
    return {
      steps: countsUpTo(chosen.length).map((count) => ({
        strength: count,
        edit: { kind: 'coordinates', coordinates: chosen.slice(0, count), mean_D, strength: 1 },
      })),
      classifier: 'given',
      changed: chosen.length,
    };
  },
};

function meanState({ train: { x_ND }, width: D }: BiasProblem): Float64Array {
  const mean_D = new Float64Array(D);
  for (let i = 0; i < x_ND.length; i++) mean_D[i % D]! += (x_ND[i]! * D) / x_ND.length;
  return mean_D;
}
