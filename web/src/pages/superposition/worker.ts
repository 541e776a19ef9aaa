/** @file What takes seconds, off the page's thread: phases, the barrier, the transition. */
import { makeOptimiser } from '../../../../src/mechanics/optimisers/table.ts';
import { basinPath } from '../../../../src/superposition/basins.ts';
import { openDescent } from '../../../../src/superposition/descent.ts';
import { flattened, toyLandscape, weightsAt } from '../../../../src/superposition/landscape.ts';
import { neuronResponses, type Responses } from '../../../../src/superposition/responses.ts';
import { startWeights } from '../../../../src/superposition/start.ts';
import { toyTask } from '../../../../src/superposition/task.ts';
import {
  type Transition,
  type TransitionMethod,
  transition,
} from '../../../../src/superposition/transition.ts';
import { type Phase, twoInOne } from '../../../../src/superposition/two-in-one.ts';

export type Job =
  | { readonly kind: 'phases'; readonly points: number }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'transition'; readonly method: TransitionMethod };

export interface PhaseRow {
  readonly importance: number;
  readonly densities: readonly number[];
  readonly phases: readonly Phase[];
}

export type Answer =
  | { readonly kind: 'phases'; readonly rows: readonly PhaseRow[]; readonly done: boolean }
  | { readonly kind: 'barrier'; readonly bands: readonly { name: string; energies: Float64Array }[] }
  | { readonly kind: 'transition'; readonly before: Responses; readonly way: Transition }
  | { readonly kind: 'failed'; readonly message: string };

const answer = (value: Answer) => postMessage(value);

function phases(points: number): void {
  const between = (from: number, to: number, i: number) => from * (to / from) ** (i / (points - 1));
  const densities = Array.from({ length: points }, (_, i) => between(0.01, 1, i));
  const rows: PhaseRow[] = [];
  for (let r = 0; r < points; r++) {
    const importance = between(0.1, 10, r);
    const found = densities.map((density) => twoInOne(importance, density).phase);
    rows.push({ importance, densities, phases: found });
    answer({ kind: 'phases', rows: [...rows], done: rows.length === points });
  }
}

/** Eight features in three neurons, rare enough to share: what is tangled before. */
const tangled = toyTask({ features: 8, neurons: 3, sparsity: 0.95 });

function disentangled(method: TransitionMethod): void {
  const landscape = toyLandscape(tangled, 24);
  const starts = [0, 1, 2].map((seed) => {
    const descent = openDescent(landscape, flattened(startWeights(tangled, seed)), {
      optimiser: makeOptimiser('adam', { learningRate: 0.02 }),
      every: 500,
    });
    descent.advance(500);
    return descent.frames.at(-1)!;
  });
  const best = starts.reduce((a, b) => (b.loss < a.loss ? b : a));
  const weights = weightsAt(tangled, best.x);
  answer({
    kind: 'transition',
    before: neuronResponses(weights),
    way: transition(tangled, weights, method, { steps: 1500, rows: 800 }),
  });
}

addEventListener('message', ({ data }: MessageEvent<Job>) => {
  try {
    if (data.kind === 'phases') phases(data.points);
    else if (data.kind === 'transition') disentangled(data.method);
    else {
      const bands = [15, 31].map((images) => ({
        name: `${images} images`,
        energies: basinPath({ images }).band.energies,
      }));
      answer({ kind: 'barrier', bands });
    }
  } catch (error) {
    answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});
