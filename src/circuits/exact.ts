/** @file Exact effects: one run for each node, which alone takes another value; only nodes that differ are run. */
import { throwIfAborted } from '../core/errors.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt } from '../graph/interventions.ts';
import { type Network, placeOf } from './cuts.ts';
import { collectEffects, featureChanges, nodeIndex, type PlaceEffects } from './effects.ts';
import { chunks, type Pairs, range } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { dtypeAt, floats } from './floats.ts';
import type { ForwardResult } from './forward.ts';
import { contextFeeds, graphFrom, type Start } from './line.ts';
import { METRIC } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** A change of a state: `by` times a direction at one position. */
export interface Move {
  readonly position: number;
  readonly by: number;
  readonly direction_D: ArrayLike<number>;
}

/** What happens to a state when feature f at `position` changes by `by`: x + by · d_f. */
export const featureMove = (
  { W_dec_FD, width }: Pick<Dictionary, 'W_dec_FD' | 'width'>,
  feature: number,
  position: number,
  by: number,
): Move => ({ position, by, direction_D: W_dec_FD.subarray(feature * width, (feature + 1) * width) });

/**
 * The metric of runs that each take the state of one example, moved; all before the place is clean.
 * @param x_BTD states of the examples of `pairs`
 * @param rows the example of each run
 * @param moves of a run; asked for when it is its turn
 */
export async function metricMoved(
  network: Network,
  site: string,
  x_BTD: ArrayLike<number>,
  pairs: Pairs,
  { rows, moves }: { readonly rows: readonly number[]; readonly moves: (run: number) => readonly Move[] },
  options: RunOptions,
  start?: Start,
): Promise<Float64Array> {
  const { width } = placeOf(network, site);
  const { positions } = pairs;
  const size = positions * width;
  const dtype = dtypeAt(network.graph, site);
  const metric = new Float64Array(rows.length);
  const session = await options.open(feedAt(graphFrom(network, site, start), [site]));
  try {
    for (const { from, to } of chunks(rows.length, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const some = rows.slice(from, to);
      const x = new Float64Array(some.length * size);
      some.forEach((example, j) => {
        for (let i = 0; i < size; i++) x[j * size + i] = x_BTD[example * size + i]!;
        for (const { position, by, direction_D } of moves(from + j)) {
          const at = j * size + position * width;
          for (let d = 0; d < width; d++) x[at + d]! += by * direction_D[d]!;
        }
      });
      const out = await session.run({
        ...contextFeeds(network, session.inputs, pairs, some, start),
        [site]: floats(dtype, [some.length, positions, width], x),
      });
      metric.set(out[METRIC]!.data as Float32Array, from);
      options.advance?.(some.length);
    }
  } finally {
    await session.release();
  }
  return metric;
}

/** The metric of every example when the whole place takes the states given, all before it being clean. */
export const metricWith = (
  network: Network,
  site: string,
  x_BTD: ArrayLike<number>,
  pairs: Pairs,
  options: RunOptions,
  start?: Start,
): Promise<Float64Array> => {
  const runs = { rows: range(0, pairs.examples), moves: () => [] };
  return metricMoved(network, site, x_BTD, pairs, runs, options, start);
};

/**
 * m(do(place = patched)) − m(clean) of each example, what the effects of a place should add up to: at a complete cut what
 * the patched prompts do.
 */
export async function placeChange(
  network: Network,
  site: string,
  pairs: Pairs,
  { clean, patch }: { readonly clean: ForwardResult; readonly patch: ForwardResult },
  options: RunOptions,
  start?: Start,
): Promise<Float64Array> {
  const metric_B = placeOf(network, site).complete
    ? patch.metric_B
    : await metricWith(network, site, patch.states[site]!, pairs, options, start);
  return metric_B.map((m, b) => m - clean.metric_B[b]!);
}

export interface ExactOptions {
  /** Which nodes are run, of those that differ; all by default. Others stay 0. */
  readonly wanted?: (node: number, example: number) => boolean;
  readonly start?: Start;
}

/**
 * IE(a) = m(do(a = a_patch)) − m for features and error nodes of a place, one run each (Marks et al. 2024, §3). Error
 * nodes are patched whole.
 * @param clean_B the metric of the clean runs
 * @param change_B what PlaceEffects.change_B says; exact effects need not add up to it
 */
export async function exactEffects(
  network: Network,
  dictionary: Dictionary,
  states: { readonly clean: FeatureState; readonly patch: FeatureState },
  pairs: Pairs,
  metric: { readonly clean_B: ArrayLike<number>; readonly change_B: Float64Array },
  options: RunOptions,
  { wanted = () => true, start }: ExactOptions = {},
): Promise<PlaceEffects> {
  const { clean, patch } = states;
  const { site, features } = dictionary;
  const { positions, examples, width } = clean;
  const jobs: { readonly example: number; readonly feature: number; readonly move: Move }[] = [];
  for (let example = 0; example < examples; example++) {
    for (let position = 0; position < positions; position++) {
      const row = (example * positions + position) * width;
      const error_D = Float64Array.from(
        { length: width },
        (_, d) => patch.x_BTD[row + d]! - clean.x_BTD[row + d]!,
      );
      const moved = error_D.some((v) => v !== 0);
      const put = (feature: number, move: Move) => {
        if (wanted(nodeIndex(features, position, feature), example)) jobs.push({ example, feature, move });
      };
      for (const [feature, by] of featureChanges(clean, patch, example, position)) {
        if (by === 0) continue;
        const move = featureMove(dictionary, feature, position, by);
        for (let d = 0; d < width; d++) error_D[d]! -= by * move.direction_D[d]!;
        put(feature, move);
      }
      if (moved) put(-1, { position, by: 1, direction_D: error_D });
    }
  }
  const runs = { rows: jobs.map((job) => job.example), moves: (j: number) => [jobs[j]!.move] };
  const metric_J = await metricMoved(network, site, clean.x_BTD, pairs, runs, options, start);
  const byRow: { readonly feature: number; readonly effect: number }[][] = Array.from(
    { length: examples * positions },
    () => [],
  );
  jobs.forEach(({ example, feature, move: { position } }, j) => {
    const effect = metric_J[j]! - metric.clean_B[example]!;
    byRow[example * positions + position]!.push({ feature, effect });
  });
  const shape = { site, depth: placeOf(network, site).depth, examples, positions, features };
  return collectEffects(shape, metric.change_B, (b, t, put) => {
    for (const { feature, effect } of byRow[b * positions + t]!) put(feature, effect);
  });
}
