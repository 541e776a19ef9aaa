/** @file Self-check of superposition: the closed form, learned geometry, the phase boundary, the barrier, and a dictionary that finds the features. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import { basinPath } from './basins.ts';
import { disentangle } from './before-after.ts';
import { polytopes } from './geometry.ts';
import { flattened, toyLandscape } from './landscape.ts';
import { openLanes } from './lanes.ts';
import { measureToy } from './measures.ts';
import { boundaryDistance, phaseDiagram } from './phases.ts';
import { startWeights } from './start.ts';
import { type ToyOptions, toyTask } from './task.ts';
import { type ToyContext, trainToys } from './train.ts';

const area = 'superposition';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

/** Bars of the project. */
const BARS = { dimensionality: 0.02, boundary: 1, barrier: 0.01, mcc: 0.05 };

/** Models that learn a polytope, and the dimensionality of its corners. */
export const learnedPolytopes: readonly { name: string; value: number; options: ToyOptions }[] = [
  { name: 'digon', value: 1 / 2, options: { features: 2, neurons: 1, sparsity: 0.9 } },
  { name: 'triangle', value: 2 / 3, options: { features: 12, neurons: 8, sparsity: 0.5 } },
  { name: 'tetrahedron', value: 3 / 4, options: { features: 12, neurons: 8, sparsity: 0.5 } },
  { name: 'pentagon', value: 2 / 5, options: { features: 5, neurons: 2, sparsity: 0.95 } },
  { name: 'square antiprism', value: 3 / 8, options: { features: 8, neurons: 3, sparsity: 0.95 } },
];

export const checks: Check[] = [
  { area, rows: async () => closedFormRows() },
  { area, rows: async (context) => polytopeRows(context) },
  {
    area,
    rows: async (context) => {
      const diagram = await phaseDiagram({ features: 2, neurons: 1, points: 8, seeds: 4 }, context);
      return [
        row(
          'two in one: learned phase boundary, grid steps from the closed form',
          boundaryDistance(diagram),
          BARS.boundary,
        ),
      ];
    },
  },
  {
    area,
    rows: async () => {
      const [a, b] = [15, 31].map((images) => basinPath({ images, frequencies: 32 }).band.barrier.forward);
      return [
        row(
          'five in two: barrier of the digons at two resolutions, relative',
          Math.abs(b! / a! - 1),
          BARS.barrier,
        ),
      ];
    },
  },
  { area, rows: async (context) => [await dictionaryRow(context)] },
];

/** The gradient against finite differences, and the loss against samples in standard errors. */
function closedFormRows(): CheckRow[] {
  const task = toyTask({ features: 5, neurons: 2, sparsity: 0.9, importance: 0.9 });
  const start = startWeights(task, 3);
  // Biases off 0, where the second derivative of u₊² jumps.
  const weights = { ...start, b_N: start.b_N.map((_, i) => 0.1 * Math.sin(i + 1)) };
  const V = toyLandscape(task);
  const x = flattened(weights);
  const [slope, scratch] = [new Float64Array(x.length), new Float64Array(x.length)];
  const loss = V.at(x, slope);
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    const at = (by: number) =>
      V.at(
        x.map((value, j) => (i === j ? value + by : value)),
        scratch,
      );
    worst = Math.max(worst, Math.abs((at(1e-5) - at(-1e-5)) / 2e-5 - slope[i]!));
  }
  const lanes = openLanes(
    [0, 1, 2, 3].map((seed) => ({ task, seed })),
    { steps: 1, batch: 100_000, learningRate: 1, pace: () => 1 },
    [weights, weights, weights, weights],
  );
  const losses = lanes.sampleGradients();
  const mean = losses.reduce((a, b) => a + b, 0) / 4;
  return [
    row('expected loss: gradient against finite differences', worst, 1e-8),
    row('expected loss against 400,000 samples, relative', Math.abs(mean / loss - 1), 0.02),
  ];
}

async function polytopeRows(context: ToyContext): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const { name, value, options } of learnedPolytopes) {
    const off = await deviation(name, value, options, context);
    rows.push(
      row(`${name}: learned dimensionality, distance from ${value.toFixed(4)}`, off, BARS.dimensionality),
    );
  }
  return rows;
}

/** Mean distance of the dimensionality of corners of a learned polytope from its fraction, over four seeds; NaN if none. */
export async function deviation(
  name: string,
  value: number,
  options: ToyOptions,
  context: ToyContext,
): Promise<number> {
  const task = toyTask(options);
  const trained = await trainToys(
    [0, 1, 2, 3].map((seed) => ({ task, seed })),
    { steps: 3000, batch: 1024, learningRate: 0.01 },
    context,
  );
  const found = trained.flatMap(({ weights }) => {
    const { dimensionality_N } = measureToy(weights);
    return polytopes(weights)
      .filter((one) => one.name === name)
      .flatMap(({ features }) => features.map((i) => Math.abs(dimensionality_N[i]! - value)));
  });
  return found.reduce((sum, off) => sum + off, 0) / found.length;
}

async function dictionaryRow(context: ToyContext): Promise<CheckRow> {
  const task = toyTask({ features: 20, neurons: 5, sparsity: 0.9 });
  const [toy] = await trainToys([{ task, seed: 1 }], { steps: 2000, learningRate: 0.01 }, context);
  const { mcc } = await disentangle(task, toy!.weights, { rows: 20_000 }, context);
  return row('dictionary of a toy’s hidden states: 1 − MCC to the represented features', 1 - mcc, BARS.mcc);
}
