/** @file Forward runs over pairs: states at cuts with the metric, and attribution patching's costates at every cut. */
import { vjp } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import { only, read } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Network } from './cuts.ts';
import { answerFeeds, chunks, type Pairs, range, tokenFeed } from './examples.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** Values of one run over B examples: states [B, T, D] by site, and the metric of each example. */
export interface ForwardResult {
  readonly states: Readonly<Record<string, Float32Array>>;
  readonly metric_B: Float64Array;
}

/** Clean or patched states of all `sites` and the metric (answers as in the clean example, in both). */
export async function forwardStates(
  network: Network,
  pairs: Pairs,
  side: 'clean' | 'patch',
  sites: readonly string[],
  options: RunOptions,
): Promise<ForwardResult> {
  const graph = read(metricGraph(network), sites);
  return collect(graph, network, pairs, side, sites, (site) => site, options);
}

/** States [B, T, D] of any token ids [B, T] at `sites`; the run goes no deeper than the deepest of them. */
export async function tokenStates(
  network: Network,
  ids_BT: Int32Array,
  positions: number,
  sites: readonly string[],
  options: RunOptions,
): Promise<Record<string, Float32Array>> {
  const examples = ids_BT.length / positions;
  const size = positions * network.width;
  const states = Object.fromEntries(sites.map((site) => [site, new Float32Array(examples * size)]));
  const session = await options.open(only(network.graph, sites));
  try {
    for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const out = await session.run({ tokens: tokenFeed(ids_BT, positions, from, to) });
      for (const site of sites) states[site]!.set(out[site]!.data as Float32Array, from * size);
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
  }
  return states;
}

/** λ = ∂m/∂x at the clean (or patched) state of every cut asked for, from one backward pass. */
export async function costates(
  network: Network,
  pairs: Pairs,
  side: 'clean' | 'patch',
  sites: readonly string[],
  options: RunOptions,
): Promise<ForwardResult> {
  const graph = vjp(metricGraph(network), { of: METRIC, wrt: [...sites] });
  return collect(graph, network, pairs, side, sites, (site) => `grad:${site}`, options);
}

async function collect(
  graph: Graph,
  network: Network,
  pairs: Pairs,
  side: 'clean' | 'patch',
  sites: readonly string[],
  output: (site: string) => string,
  options: RunOptions,
): Promise<ForwardResult> {
  const { examples, positions } = pairs;
  const ids = side === 'clean' ? pairs.clean_BT : pairs.patch_BT;
  const size = positions * network.width;
  const states = Object.fromEntries(sites.map((site) => [site, new Float32Array(examples * size)]));
  const metric_B = new Float64Array(examples);
  const session = await options.open(graph);
  try {
    for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const out = await session.run({
        tokens: tokenFeed(ids, positions, from, to),
        ...answerFeeds(pairs, range(from, to)),
      });
      for (const site of sites) states[site]!.set(out[output(site)]!.data as Float32Array, from * size);
      metric_B.set(out[METRIC]!.data as Float32Array, from);
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
  }
  return { states, metric_B };
}
