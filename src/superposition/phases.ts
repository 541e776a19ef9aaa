/** @file Phase diagrams: what becomes of an extra feature as its importance and its density change. */
import { SuperpositionError } from '../core/errors.ts';
import { flattened, toyLandscape } from './landscape.ts';
import { measureToy } from './measures.ts';
import { type ToyContext, type ToyTraining, trainToys } from './train.ts';
import { cellTask, type Phase, phaseOf, twoInOne } from './two-in-one.ts';

/** A point of the diagram and what was learned there. */
export interface PhaseCell {
  /** Importance of the last feature; the others have 1. */
  readonly importance: number;
  /** 1 − S. */
  readonly density: number;
  readonly phase: Phase;
  /** Of the best seed. */
  readonly loss: number;
  /** ‖W‖ of the last feature, and its interference Σ (Ŵ·W_j)². */
  readonly norm: number;
  readonly interference: number;
}

/** A diagram, row by row: cell of importance r and density d at `r * densities.length + d`. */
export interface PhaseDiagram {
  readonly features: number;
  readonly neurons: number;
  readonly importances: readonly number[];
  readonly densities: readonly number[];
  readonly cells: readonly PhaseCell[];
}

/** What to draw: one feature more than neurons, unless more are asked for. */
export interface PhaseOptions extends ToyTraining {
  readonly features: number;
  readonly neurons: number;
  /** Relative importances of the last feature; 0.1 … 10 in equal ratios unless given. */
  readonly importances?: readonly number[];
  /** 1 … 0.01 in equal ratios unless given. */
  readonly densities?: readonly number[];
  /** Points along each axis of the usual grid; 20 unless given. */
  readonly points?: number;
  /** Trained for each cell, of which the best counts; 8 unless given. */
  readonly seeds?: number;
}

const ratios = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from * (to / from) ** (i / Math.max(1, count - 1)));

/**
 * Trains every cell from several seeds at once and keeps the one with the lowest expected loss (Elhage et al. 2022,
 * "Superposition as a Phase Change").
 * @throws SuperpositionError what `toyTask` and `trainToys` throw; InterruptedError.
 */
export async function phaseDiagram(options: PhaseOptions, context: ToyContext): Promise<PhaseDiagram> {
  const { features, neurons, points = 20, seeds = 8, importances, densities, ...training } = options;
  const rows = importances ?? ratios(0.1, 10, points);
  const columns = densities ?? ratios(1, 0.01, points);
  const bad = columns.find((density) => !(density > 0 && density <= 1));
  if (bad !== undefined)
    throw new SuperpositionError('superposition.sparsity', `the density is ${bad}`, {
      where: 'densities',
      hint: 'a density is 1 − sparsity: give numbers above 0, up to 1',
    });
  const places = rows.flatMap((importance) => columns.map((density) => ({ importance, density })));
  const trained = await trainToys(
    places.flatMap(({ importance, density }) => {
      const task = cellTask(features, neurons, importance, density);
      return Array.from({ length: seeds }, (_, seed) => ({ task, seed }));
    }),
    { steps: 2000, batch: 256, learningRate: 0.02, ...training },
    context,
  );
  const cells = places.map((place, i): PhaseCell => {
    const V = toyLandscape(trained[i * seeds]!.task);
    const slope = new Float64Array(V.dimension);
    const { toy, loss } = trained
      .slice(i * seeds, (i + 1) * seeds)
      .map((one) => ({ toy: one, loss: V.at(flattened(one.weights), slope) }))
      .reduce((a, b) => (b.loss < a.loss ? b : a));
    const { norm_N, interference_N } = measureToy(toy.weights);
    return {
      ...place,
      phase: phaseOf(toy),
      loss,
      norm: norm_N.at(-1)!,
      interference: interference_N.at(-1)!,
    };
  });
  return { features, neurons, importances: rows, densities: columns, cells };
}

/**
 * How far the trained boundary of a two-in-one diagram lies from that in closed form, in grid steps: the largest
 * distance from a cell to the nearest one where the closed form has the phase that was learned. 0 where all agree.
 */
export function boundaryDistance({ importances, densities, cells }: PhaseDiagram): number {
  const exact = importances.map((r) => densities.map((d) => twoInOne(r, d).phase));
  let worst = 0;
  for (let r = 0; r < importances.length; r++)
    for (let d = 0; d < densities.length; d++) {
      const { phase } = cells[r * densities.length + d]!;
      let nearest = Number.POSITIVE_INFINITY;
      for (const [i, row] of exact.entries())
        for (const [j, other] of row.entries())
          if (other === phase) nearest = Math.min(nearest, Math.max(Math.abs(i - r), Math.abs(j - d)));
      worst = Math.max(worst, nearest);
    }
  return worst;
}
