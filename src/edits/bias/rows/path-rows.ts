/** @file Rows of the paths over strengths: straight, gradient flow, least action, and what tells end point and way apart. */
import { EditError, MechanicsError } from '../../../core/errors.ts';
import type { BiasMethod, BiasPath } from '../types.ts';
import { type BiasMethodRow, type EditStep, type MadeRow, type Paths, SHARES } from './types.ts';

const common = {
  sees: 'the confounded rows; the protected attribute in auxiliary rows',
  skyline: false,
  dictionary: true,
} as const;

/** The points of a path at s = SHARES as edits: as many as the rows of end points have, since a volume grows with points. */
function alongPath(path: BiasPath): EditStep[] {
  const last = path.times_K.length - 1;
  return SHARES.map((share) => {
    const k = Math.round(share * last);
    return {
      strength: path.times_K[k]!,
      edit: { kind: 'strengths', features: path.features, alpha: Float64Array.from(path.alpha_KN[k]!) },
    };
  });
}

const way = (path: BiasPath, note: string): MadeRow => ({
  steps: alongPath(path),
  classifier: 'given',
  changed: path.features.length,
  path,
  note,
});

const ends = (steps: readonly EditStep[], note: string): MadeRow => {
  const edit = steps.at(-1)!.edit;
  return {
    steps,
    classifier: 'given',
    ...(edit.kind === 'strengths' ? { changed: edit.features.length } : {}),
    note,
  };
};

const row = (
  method: BiasMethod,
  title: string,
  strengthUnit: string,
  make: (paths: Paths) => MadeRow,
): BiasMethodRow => ({
  method,
  title,
  strengthUnit,
  ...common,
  make: async ({ shared }) => {
    const paths = await shared.paths();
    try {
      return { ...make(paths), seconds: paths.seconds[method] ?? 0 };
    } catch (error) {
      // A way that has no solution, or leads out of range, is a finding about this way alone.
      if (error instanceof MechanicsError || error instanceof EditError) return { left: error.message };
      throw error;
    }
  },
});

export const straight = row('straight', 'straight line, free strengths at 1', 's', (paths) =>
  way(paths.straight(), ''),
);
export const gradientFlow = row('gradient-flow', 'gradient flow', 's', (paths) =>
  way(paths.gradientFlow(), paths.note),
);
export const leastAction = row('least-action', 'least action', 's', (paths) =>
  way(paths.leastAction(), paths.note),
);
export const straightToEnd = row('straight-to-end', "straight line to least action's end", 's', (paths) =>
  way(paths.straightToEnd(), ''),
);
export const leastActionEnds = row(
  'least-action-ends',
  'least action, end points only',
  'share removed',
  (paths) => ends(paths.leastActionEnds(), paths.note),
);
export const directEnd = row('direct-end', 'end point by direct optimisation', 'share removed', (paths) =>
  ends(paths.directEnds(), paths.note),
);
