/** @file A toy model in pictures: its neurons as stacks, its features as bars, WᵀW, and its directions in the plane. */
import { categories } from '../pictures/colours.ts';
import { heatMapPicture } from '../pictures/heat-map.ts';
import { linesPicture } from '../pictures/lines.ts';
import { phasePicture } from '../pictures/phase.ts';
import { extent, logarithmic, number, plain } from '../pictures/scale.ts';
import { featureBarsPicture, stackPicture } from '../pictures/stack.ts';
import { el, picture, type Size } from '../pictures/svg.ts';
import { vectorsPicture } from '../pictures/vectors.ts';
import { measureToy } from './measures.ts';
import type { PhaseDiagram } from './phases.ts';
import type { Responses } from './responses.ts';
import type { Transition } from './transition.ts';
import type { Phase } from './two-in-one.ts';
import type { ToyWeights } from './types.ts';

/** One column for each neuron, its weights stacked by feature (Elhage et al. 2022, "Computation in Superposition"). */
export const neuronStacks = (
  { features, neurons, W_NM }: ToyWeights,
  size: Size,
  reach?: readonly number[],
): string =>
  stackPicture(
    Array.from({ length: neurons }, (_, k) => ({
      name: `neuron ${k}`,
      parts: Array.from({ length: features }, (__, i) => W_NM[i * neurons + k]!),
    })),
    {
      ...size,
      label: `${features} features in ${neurons} neurons: weights of each neuron, stacked by feature`,
      y: 'weight of each feature in the neuron',
      ...(reach ? { reach } : {}),
    },
  );

/** One bar for each feature: how long it is, and whether others use its direction. */
export function featureBars(weights: ToyWeights, size: Size): string {
  const { norm_N, interference_N } = measureToy(weights);
  return featureBarsPicture(
    Array.from(norm_N, (norm, i) => ({ name: `${i}`, norm, interference: interference_N[i]! })),
    size,
    `length and interference of ${weights.features} features`,
  );
}

/** WᵀW: the diagonal is what a feature keeps of itself, the rest what it does to others. */
export const gramMatrix = (weights: ToyWeights, size: Size): string =>
  heatMapPicture(measureToy(weights).gram_NN, [weights.features, weights.features], {
    ...size,
    label: `WᵀW of ${weights.features} features`,
    colours: { kind: 'signed', reach: 1.2 },
    x: 'feature j',
    y: 'W_i · W_j, feature i downwards',
    cell: (i, j, value) =>
      i === j
        ? `feature ${i} keeps ${number(value)} of itself`
        : `feature ${j} shows up in ${i}: ${number(value)}`,
  });

/** The features of a two-neuron model as arrows. */
export const featurePlane = ({ features, W_NM }: ToyWeights, size: Size, caption?: string): string =>
  vectorsPicture(
    Array.from({ length: features }, (_, i) => ({
      name: `feature ${i}`,
      x: W_NM[2 * i]!,
      y: W_NM[2 * i + 1]!,
      feature: i,
    })),
    {
      ...size,
      label: `${features} features as directions in the plane of two neurons`,
      reach: 1.35,
      ...(caption ? { caption } : {}),
    },
  );

const phases: readonly Phase[] = ['ignored', 'dedicated', 'superposed'];

/** What becomes of the last feature over its importance and its density, with the boundary in closed form where given. */
export function phaseMap(
  { importances, densities, cells, features, neurons }: PhaseDiagram,
  size: Size,
): string {
  const [rows, columns] = [importances.length, densities.length];
  // Rows upwards by density, columns by importance, as the published figure.
  const byDensity = densities.map((_, d) => d).sort((a, b) => densities[a]! - densities[b]!);
  const values = byDensity.flatMap((d) =>
    importances.map((_, r) => phases.indexOf(cells[r * columns + d]!.phase)),
  );
  /** Outer edges of the grid: half a step beyond the outer points, in equal ratios. */
  const edges = (points: readonly number[]): [number, number] => {
    const [low, high] = [Math.min(...points), Math.max(...points)];
    const half = points.length > 1 ? (high / low) ** (0.5 / (points.length - 1)) : 1.2;
    return [low / half, high * half];
  };
  return heatMapPicture(values, [columns, rows], {
    ...size,
    label: `${features} features in ${neurons} neurons: phase of the last feature`,
    colours: { kind: 'category', names: phases },
    x: 'importance of the last feature (others: 1)',
    y: 'density 1 − S',
    upward: true,
    xScale: (range) => logarithmic(edges(importances), range),
    yScale: (range) => logarithmic(edges(densities), range),
    formatX: plain,
    formatY: plain,
    cell: (row, column) => {
      const cell = cells[column * columns + byDensity[row]!]!;
      return `importance ${number(cell.importance)}, density ${number(cell.density)}: ${cell.phase}, length ${number(cell.norm)}`;
    },
  });
}

/** Height of the path between two basins, at one or more resolutions. */
export const barrierProfile = (
  bands: readonly { readonly name: string; readonly energies: ArrayLike<number> }[],
  size: Size,
): string =>
  linesPicture(
    bands.map(({ name, energies }, i) => ({
      name,
      colour: categories[i % categories.length]!,
      points: Array.from(energies, (y, k) => ({ x: k / (energies.length - 1), y: y * 1e3 })),
    })),
    {
      ...size,
      label: 'expected loss along the path from two digons to the pentagon',
      x: 'way from two digons (0) to the pentagon (1)',
      y: 'expected loss × 1000',
      reach: [Math.min(...bands.flatMap(({ energies }) => Array.from(energies))) * 1e3],
    },
  );

/** One column for each neuron or unit, its answers to the features stacked. */
export const responseStacks = (
  { units, response_UN }: Responses,
  size: Size,
  label: string,
  named: (unit: number) => string,
): string => {
  const features = response_UN.length / units;
  return stackPicture(
    Array.from({ length: units }, (_, u) => ({
      name: named(u),
      parts: response_UN.subarray(u * features, (u + 1) * features),
    })),
    { ...size, label, y: label },
  );
};

/** Ways from the tangled to the disentangled state in phase space, the share `until` of each. */
export function transitionPortrait(
  ways: readonly Pick<Transition, 'method' | 'frames'>[],
  size: Size,
  until = 1,
): string {
  const orbits = ways.map(({ method, frames }) => {
    const largest = Math.max(...frames.map((frame) => Math.abs(frame.p))) || 1;
    return {
      name: method,
      x: frames.map((frame) => frame.q),
      y: frames.map((frame) => frame.p / largest),
    };
  });
  return phasePicture(
    orbits,
    {
      ...size,
      label: 'the way from tangled to disentangled in phase space',
      xName: 'q: way along the line from the first state to the last',
      yName: 'p along it, of its largest',
      x: extent(
        orbits.flatMap(({ x }) => x),
        [0],
        0.04,
      ),
      y: extent(
        orbits.flatMap(({ y }) => y),
        [0],
        0.06,
      ),
    },
    until,
  );
}

/** The whole transition at one moment: the neurons, the way so far, and what the units answer then. */
export function transitionScene(before: Responses, way: Transition, share: number): string {
  const step = share * way.frames.at(-1)!.step;
  const now = way.states.reduce((a, b) => (Math.abs(b.step - step) < Math.abs(a.step - step) ? b : a));
  const panel = { width: 380, height: 320 };
  const panels = [
    responseStacks(before, panel, 'tangled: weights of the neurons', (u) => `neuron ${u}`),
    transitionPortrait([way], panel, Math.max(share, 1e-3)),
    responseStacks(now.responses, panel, `step ${now.step}: answers of the units`, (u) => `${u}`),
  ];
  return picture(
    { width: 1180, height: 320 },
    `from tangled neurons to features by ${way.method}, step ${now.step}`,
    ...panels.map((drawn, i) => el('g', { transform: `translate(${i * 400} 0)` }, drawn)),
  );
}
