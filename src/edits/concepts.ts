/** @file A task's contrast as a concept: states at a site with the answer that each prompt calls for, and edits fitted to them. */
import { type Network, placeOf } from '../circuits/cuts.ts';
import { chunks, type Pairs } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { EditError, throwIfAborted } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { f64, i64 } from '../core/tensor.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { only, replaceAt, standingAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Eraser, LabelledRows } from './erasure/eraser.ts';
import { inlp } from './erasure/inlp.ts';
import { leace } from './erasure/leace.ts';
import { meanDifference } from './erasure/mean-difference.ts';
import { moments } from './erasure/moments.ts';
import { eraserChange } from './kinds/erase.ts';
import type { Change } from './kinds/registry.ts';
import type { Positions } from './kinds/types.ts';
import type { Feeds } from './measure.ts';
import { withoutFeatures, withoutNeurons } from './serving.ts';
import { findSubspace, type Subspace, subspaceEraser } from './subspace.ts';
import { metricPart } from './subspace-metric.ts';

/** Edits that are fitted to a concept. */
export const conceptKinds = [
  'leace',
  'inlp',
  'mean-difference',
  'subspace',
  'steer',
  'neurons',
  'features',
] as const;
export type ConceptKind = (typeof conceptKinds)[number];

/**
 * The concept of each prompt, clean sides first: 0 or 1 where a task has two answers, else one column for each answer
 * but the first.
 */
export function conceptOf(pairs: Pairs): Pick<LabelledRows, 'z_NZ' | 'concepts'> {
  const called = [...pairs.answer_B, ...pairs.wrong_B];
  const answers = [...new Set(called)].sort((a, b) => a - b);
  const concepts = Math.max(1, answers.length - 1);
  const z_NZ = new Float64Array(called.length * concepts);
  called.forEach((answer, n) => {
    const at = answers.indexOf(answer) - 1;
    if (at >= 0) z_NZ[n * concepts + at] = 1;
  });
  return { z_NZ, concepts };
}

/** States at the last position of both sides of all pairs, clean sides first: [2 · examples, D]. */
export async function lastStates(
  graph: Graph,
  site: string,
  pairs: Pairs,
  run: RunOptions,
  feeds: Feeds = {},
): Promise<{ readonly x_ND: Float32Array; readonly width: number }> {
  const last = replaceAt(graph, site, (b, x) => b.op('Gather', [x, b.ints(-1)], { axis: { int: 1 } }));
  return statesOf(last, standingAt(last, site), pairs, run, feeds);
}

/** A value of the graph for both sides of all pairs, one row for each of its rows. */
async function statesOf(
  graph: Graph,
  value: string,
  { examples, positions, clean_BT, patch_BT }: Pairs,
  run: RunOptions,
  feeds: Feeds = {},
): Promise<{ readonly x_ND: Float32Array; readonly width: number }> {
  const session = await run.open(only(graph, [value]));
  const rows: Float32Array[] = [];
  try {
    for (const ids of [clean_BT, patch_BT]) {
      for (const { from, to } of chunks(examples, run.tokensPerRun / positions)) {
        throwIfAborted(run.signal);
        const tokens = i64([to - from, positions], ids.subarray(from * positions, to * positions));
        rows.push((await session.run({ tokens, ...feeds }))[value]!.data as Float32Array);
      }
    }
  } finally {
    await session.release();
  }
  const x_ND = new Float32Array(rows.reduce((sum, r) => sum + r.length, 0));
  let at = 0;
  for (const r of rows) {
    x_ND.set(r, at);
    at += r.length;
  }
  return { x_ND, width: x_ND.length / (2 * examples) };
}

/**
 * States at `site` with the concept of their prompt: those at the first position in which the sides of a pair differ and
 * after it, where the concept may be carried. (Before it both sides are equal; the last position alone where they do not differ.)
 */
export async function conceptRows(
  graph: Graph,
  site: string,
  pairs: Pairs,
  run: RunOptions,
): Promise<LabelledRows> {
  const { examples, positions: T, clean_BT, patch_BT } = pairs;
  const { x_ND, width: whole } = await statesOf(graph, site, pairs, run);
  const { z_NZ, concepts } = conceptOf(pairs);
  const width = whole / T;
  const kept: number[] = [];
  for (let row = 0; row < 2 * examples; row++) {
    const from = (row % examples) * T;
    const positions = Array.from({ length: T }, (_, t) => t);
    const first = positions.find((t) => clean_BT[from + t] !== patch_BT[from + t]) ?? T - 1;
    for (let t = first; t < T; t++) kept.push(row * T + t);
  }
  const some = new Float32Array(kept.length * width);
  const labels = new Float64Array(kept.length * concepts);
  kept.forEach((at, n) => {
    some.set(x_ND.subarray(at * width, (at + 1) * width), n * width);
    const row = Math.floor(at / T);
    for (let z = 0; z < concepts; z++) labels[n * concepts + z] = Number(z_NZ[row * concepts + z]);
  });
  return { x_ND: some, width, z_NZ: labels, concepts };
}

export interface FitOptions {
  /** Directions of a subspace; 1 when absent. */
  readonly rank?: number;
  /** Gradient steps of the search for a subspace. */
  readonly iterations?: number;
  readonly seed?: number;
  /** The first position is changed too; else it is passed by. */
  readonly everyPosition?: boolean;
  /** Whose features are taken away; for `features`. */
  readonly dictionary?: Dictionary;
  /** How many features or neurons; 8 when absent. */
  readonly count?: number;
}

/**
 * A change at `site` that takes a task's contrast out (or, by `steer`, adds the difference of its answers' means),
 * fitted to its train pairs (conceptRows()). `subspace` finds the directions by what the network answers when they
 * are swapped between the sides of a pair at the last position (distributed alignment search), and sets them to their mean.
 * `neurons` and `features` take away the coordinates or features that serve the answer most.
 * @throws EditError `edit.no-carrier` (nothing there tells the answers apart), `edit.one-value`, `edit.shape`,
 *   `edit.no-dictionary`; CircuitError `circuit.nothing-to-edit`, `circuit.not-a-place`
 */
export async function fitConcept(
  network: Network,
  kind: ConceptKind,
  site: string,
  pairs: Pairs,
  run: RunOptions,
  options: FitOptions = {},
): Promise<Change> {
  if (kind === 'features' || kind === 'neurons') return serving(network, kind, site, pairs, run, options);
  const source = await conceptRows(network.graph, site, pairs, run);
  const where = options.everyPosition ? undefined : ({ skipFirst: true } as const);
  if (kind === 'steer') return differenceOfMeans(site, source, where);
  if (kind === 'subspace') {
    const { R_DK, width, rank } = await subspaceOf(network, site, pairs, source.width, run, options);
    const eraser = subspaceEraser({ R_DK, width, rank }, moments(source).mean_D);
    return eraserChange(site, eraser, where);
  }
  const eraser =
    kind === 'leace'
      ? leace(source)
      : kind === 'inlp'
        ? await inlp(source, run.signal ? { signal: run.signal } : {})
        : meanDifference(source);
  return eraserChange(site, carried(eraser, site), where);
}

/** The strongest by attribution patching: one gradient for all. */
async function serving(
  network: Network,
  kind: 'features' | 'neurons',
  site: string,
  pairs: Pairs,
  run: RunOptions,
  { dictionary, count = 8 }: FitOptions,
): Promise<Change> {
  const how = { count, method: 'attribution-patching' };
  if (kind === 'neurons') {
    const { width } = placeOf(network, site);
    return withoutNeurons(network, { name: site, width }, pairs, how, run);
  }
  if (dictionary) return withoutFeatures(network, dictionary, pairs, how, run);
  throw new EditError('edit.no-dictionary', 'there is no dictionary whose features could be taken away', {
    where: site,
    hint: 'give --dictionary FOLDER',
  });
}

async function subspaceOf(
  network: Network,
  site: string,
  pairs: Pairs,
  width: number,
  run: RunOptions,
  { rank = 1, iterations = 30, seed = 0 }: FitOptions,
): Promise<Subspace> {
  const { part, release } = await metricPart(network, site, pairs, 'patch', run);
  const { signal } = run;
  const stopping = signal ? { signal } : {};
  try {
    const search = { width, rank, iterations, starts: 1, random: random(seed).fork('subspace') };
    return await findSubspace([part], { ...search, ...stopping });
  } finally {
    await release();
  }
}

function carried(eraser: Eraser, site: string): Eraser {
  if (eraser.rank > 0) return eraser;
  throw noCarrier(site);
}

const noCarrier = (site: string) =>
  new EditError('edit.no-carrier', `nothing at "${site}" carries the concept`, {
    where: site,
    hint: 'the answers cannot be told apart there: choose a later site, or other examples',
  });

/** The difference of the means of the two answers; its direction is that of the eraser, its length is found here. */
function differenceOfMeans(site: string, source: LabelledRows, where: Positions | undefined): Change {
  const { x_ND, width, z_NZ } = source;
  const { U_DK } = meanDifference(source);
  const sums = [0, 0];
  const counts = [0, 0];
  for (let n = 0; n < z_NZ.length; n++) {
    const group = z_NZ[n]! > 0.5 ? 1 : 0;
    counts[group]!++;
    for (let d = 0; d < width; d++) sums[group]! += U_DK[d]! * x_ND[n * width + d]!;
  }
  const length = sums[1]! / counts[1]! - sums[0]! / counts[0]!;
  return {
    kind: 'steer',
    site,
    strength: 1,
    by: 1,
    unit: 'raw',
    vector: f64(
      [width],
      U_DK.map((u) => length * u),
    ),
    ...(where ? { positions: where } : {}),
  };
}
