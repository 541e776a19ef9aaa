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

/** Runs over one place with other states there: the metric of each row. */
interface PlaceRun {
  /**
   * @param rows examples of the runs
   * @param write writes the states of a run into `x_TD`, which holds zeros
   */
  metrics(rows: readonly number[], write: (run: number, x_TD: Float64Array) => void): Promise<Float64Array>;
  release(): Promise<void>;
}

async function openPlaceRun(
  network: Network,
  site: string,
  pairs: Pairs,
  options: RunOptions,
  start?: Start,
): Promise<PlaceRun> {
  const { width } = placeOf(network, site);
  const { positions } = pairs;
  const size = positions * width;
  const dtype = dtypeAt(network.graph, site);
  const session = await options.open(feedAt(graphFrom(network, site, start), [site]));
  return {
    async metrics(rows, write) {
      const metric = new Float64Array(rows.length);
      for (const { from, to } of chunks(rows.length, options.tokensPerRun / positions)) {
        throwIfAborted(options.signal);
        const x = new Float64Array((to - from) * size);
        for (let j = from; j < to; j++) write(j, x.subarray((j - from) * size, (j - from + 1) * size));
        const out = await session.run({
          ...contextFeeds(network, session.inputs, pairs, rows.slice(from, to), start),
          [site]: floats(dtype, [to - from, positions, width], x),
        });
        metric.set(out[METRIC]!.data as Float32Array, from);
        options.advance?.(to - from);
      }
      return metric;
    },
    release: () => session.release(),
  };
}

/** The metric of every example when the whole place takes the states given, all before it being clean. */
export async function metricWith(
  network: Network,
  site: string,
  x_BTD: ArrayLike<number>,
  pairs: Pairs,
  options: RunOptions,
  start?: Start,
): Promise<Float64Array> {
  const run = await openPlaceRun(network, site, pairs, options, start);
  const size = x_BTD.length / pairs.examples;
  try {
    return await run.metrics(range(0, pairs.examples), (b, x_TD) => {
      for (let i = 0; i < size; i++) x_TD[i] = x_BTD[b * size + i]!;
    });
  } finally {
    await run.release();
  }
}

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
  const jobs: {
    readonly example: number;
    readonly position: number;
    readonly feature: number;
    readonly move_D: Float64Array;
  }[] = [];
  for (let example = 0; example < examples; example++) {
    for (let position = 0; position < positions; position++) {
      const row = (example * positions + position) * width;
      const error_D = Float64Array.from(
        { length: width },
        (_, d) => patch.x_BTD[row + d]! - clean.x_BTD[row + d]!,
      );
      const moved = error_D.some((v) => v !== 0);
      const put = (feature: number, move_D: Float64Array) => {
        if (wanted(nodeIndex(features, position, feature), example))
          jobs.push({ example, position, feature, move_D });
      };
      for (const [feature, change] of featureChanges(clean, patch, example, position)) {
        if (change === 0) continue;
        const move_D = Float64Array.from(
          { length: width },
          (_, d) => change * dictionary.W_dec_FD[feature * width + d]!,
        );
        for (let d = 0; d < width; d++) error_D[d]! -= move_D[d]!;
        put(feature, move_D);
      }
      if (moved) put(-1, error_D);
    }
  }
  const run = await openPlaceRun(network, site, pairs, options, start);
  try {
    const size = positions * width;
    const metric_J = await run.metrics(
      jobs.map((job) => job.example),
      (j, x_TD) => {
        const { example, position, move_D } = jobs[j]!;
        for (let i = 0; i < size; i++) x_TD[i] = clean.x_BTD[example * size + i]!;
        for (let d = 0; d < width; d++) x_TD[position * width + d]! += move_D[d]!;
      },
    );
    const byRow: { readonly feature: number; readonly effect: number }[][] = Array.from(
      { length: examples * positions },
      () => [],
    );
    jobs.forEach(({ example, position, feature }, j) => {
      const effect = metric_J[j]! - metric.clean_B[example]!;
      byRow[example * positions + position]!.push({ feature, effect });
    });
    const shape = { site, depth: placeOf(network, site).depth, examples, positions, features };
    return collectEffects(shape, metric.change_B, (b, t, put) => {
      for (const { feature, effect } of byRow[b * positions + t]!) put(feature, effect);
    });
  } finally {
    await run.release();
  }
}
