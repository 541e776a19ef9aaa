/** @file Feature skyline: the choice of features that balanced data would make. A bound, no competitor. */
import { fitStandardProbe } from '../../../activations/probes/standard.ts';
import { editedStates } from '../apply.ts';
import { sharesOf } from '../metrics.ts';
import { groupsOf, rightCounts, rightOf, unitsOf } from '../runs.ts';
import { featureParts, logitsOf, rankByBalanced } from '../selection.ts';
import { type BiasMethodRow, countsUpTo, removal } from './types.ts';

/** Features at most that the skyline tries. */
const MOST = 100;

export const featureSkyline: BiasMethodRow = {
  method: 'feature-skyline',
  title: 'feature skyline: chosen on balanced rows',
  sees: 'balanced rows (other people than the test): ranking and number of features',
  skyline: true,
  dictionary: true,
  strengthUnit: 'features switched off',
  make({ problem }) {
    const ranked = rankByBalanced(problem, featureParts(problem)).slice(0, MOST);
    if (ranked.length === 0) return { left: `no feature carries ${problem.protected.name}` };
    const { train, oracleTrain, width } = problem;
    const probe = fitStandardProbe(train.x_ND, train.outcome_N, width);
    const units = unitsOf(oracleTrain);
    const once = new Float64Array(units.count).fill(1);
    const worst = (count: number): number => {
      const logits = logitsOf(probe, editedStates(problem, oracleTrain, removal(ranked.slice(0, count))));
      const right = rightCounts(oracleTrain, units, rightOf(logits, oracleTrain.outcome_N));
      return sharesOf(groupsOf(right, once)).worstGroup;
    };
    const counts = [...countsUpTo(ranked.length), 40, 60, 80].filter((count) => count <= ranked.length);
    const best = counts.reduce((a, b) => (worst(b) > worst(a) ? b : a));
    return {
      steps: countsUpTo(best).map((count) => ({ strength: count, edit: removal(ranked.slice(0, count)) })),
      classifier: 'given',
      changed: best,
    };
  },
};
