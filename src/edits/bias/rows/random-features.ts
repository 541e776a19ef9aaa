/** @file Random features: as many as SHIFT takes, and scaled so that rows move as far. */
import { editedStates, meanMove } from '../apply.ts';
import { type BiasMethodRow, countsUpTo, type RowContext, removal, SHARES } from './types.ts';

const common = { sees: 'the confounded rows', skyline: false, dictionary: true } as const;

export const randomCount: BiasMethodRow = {
  method: 'random-count',
  title: 'random features, as many',
  ...common,
  strengthUnit: 'features switched off',
  make(context) {
    const features = draw(context);
    return {
      steps: countsUpTo(features.length).map((count) => ({
        strength: count,
        edit: removal(features.slice(0, count)),
      })),
      classifier: 'given',
      changed: features.length,
    };
  },
};

export const randomSize: BiasMethodRow = {
  method: 'random-size',
  title: 'random features, equal ‖Δx‖',
  ...common,
  strengthUnit: "share of SHIFT's ‖Δx‖",
  make(context) {
    const { problem, shared } = context;
    const features = draw(context);
    const size = (chosen: readonly number[]) =>
      meanMove(problem.train.x_ND, editedStates(problem, problem.train, removal(chosen)), problem.width);
    const full = size(shared.selection().chosen) / Math.max(size(features), Number.MIN_VALUE);
    return {
      steps: SHARES.map((share) => ({
        strength: share,
        edit: {
          kind: 'strengths',
          features,
          // Beyond 1 a feature is turned round: the size is what is matched.
          alpha: new Float64Array(features.length).fill(1 - share * full),
        },
      })),
      classifier: 'given',
      changed: features.length,
    };
  },
};

/** Features that are active on the confounded rows, in random order, without those that SHIFT takes. */
function draw({ problem, shared, random }: RowContext): number[] {
  const { chosen } = shared.selection();
  const taken = new Set(chosen);
  const { features_NF } = problem.train;
  const active = new Set<number>();
  for (let i = 0; i < features_NF.length; i++) {
    const feature = i % problem.features;
    if (features_NF[i] !== 0 && !taken.has(feature)) active.add(feature);
  }
  return random.shuffle([...active]).slice(0, chosen.length);
}
