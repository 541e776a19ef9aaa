/** @file Forward runs over prompts: states at cuts, and the metric of both sides of pairs. */
import { throwIfAborted } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { only, read } from '../graph/interventions.ts';
import { type Network, placeOf } from './cuts.ts';
import { chunks, exampleFeeds, type Pairs, range, tokenFeed } from './examples.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** States [B, T, D] by site. */
export type States = Readonly<Record<string, Float32Array>>;

/** One side of pairs: states at cuts, and the metric of each example. */
export interface ForwardResult {
  readonly states: States;
  readonly metric_B: Float64Array;
}

/** Both sides of all pairs: states at `sites` and the metric (scored with the clean example's answers on both sides). */
export async function forwardPairs(
  network: Network,
  pairs: Pairs,
  sites: readonly string[],
  options: RunOptions,
): Promise<{ readonly clean: ForwardResult; readonly patch: ForwardResult }> {
  const session = await options.open(read(metricGraph(network), sites));
  const one = async (side: 'clean' | 'patch'): Promise<ForwardResult> => {
    const metric_B = new Float64Array(pairs.examples);
    const states = await gather(network, pairs, sites, options, async (from, to) => {
      const rows = range(from, to);
      const out = await session.run(exampleFeeds(pairs, side, rows));
      metric_B.set(out[METRIC]!.data as Float32Array, from);
      return out;
    });
    return { states, metric_B };
  };
  try {
    return { clean: await one('clean'), patch: await one('patch') };
  } finally {
    await session.release();
  }
}

/** States of several sets of prompts, given as token ids [B, T] each; runs go no deeper than the deepest site. */
export async function tokenStates(
  network: Network,
  prompts: readonly { readonly ids_BT: Int32Array; readonly positions: number }[],
  sites: readonly string[],
  options: RunOptions,
): Promise<States[]> {
  const session = await options.open(only(network.graph, sites));
  try {
    const all: States[] = [];
    for (const { ids_BT, positions } of prompts) {
      const shape = { examples: ids_BT.length / positions, positions };
      all.push(
        await gather(network, shape, sites, options, (from, to) =>
          session.run({ tokens: tokenFeed(ids_BT, positions, from, to) }),
        ),
      );
    }
    return all;
  } finally {
    await session.release();
  }
}

/** Runs prompts in batches and puts the values of `sites` together. */
async function gather(
  network: Network,
  { examples, positions }: Pick<Pairs, 'examples' | 'positions'>,
  sites: readonly string[],
  options: RunOptions,
  run: (from: number, to: number) => Promise<Record<string, Tensor>>,
): Promise<States> {
  const sizes = new Map(sites.map((site) => [site, positions * placeOf(network, site).width]));
  const states = Object.fromEntries(sites.map((s) => [s, new Float32Array(examples * sizes.get(s)!)]));
  for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
    throwIfAborted(options.signal);
    const out = await run(from, to);
    for (const site of sites) states[site]!.set(out[site]!.data as Float32Array, from * sizes.get(site)!);
    options.advance?.(to - from);
  }
  return states;
}
