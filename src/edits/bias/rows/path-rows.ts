/** @file Rows of the paths over strengths: straight, gradient flow, least action, and what tells end point and way apart. */
import { EditError, MechanicsError } from '../../../core/errors.ts';
import type { BiasMethod, BiasPath } from '../types.ts';
import type { BiasMethodRow, EditStep, MadeRow, Paths } from './types.ts';

const common = {
  sees: 'the confounded rows; the protected attribute in auxiliary rows; plain text for the metric',
  skyline: false,
  dictionary: true,
} as const;

/** Points of a path at which its curve is measured. */
const POINTS = 5;

/** Some points of a path as edits, the start left out. */
function alongPath(path: BiasPath): EditStep[] {
  const last = path.times_K.length - 1;
  const count = Math.min(POINTS, last);
  return Array.from({ length: count }, (_, i) => {
    const k = Math.round(((i + 1) * last) / count);
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
