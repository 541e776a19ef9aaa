/** @file Gradients, or relevance, of the metric at all places of the clean runs at once: one backward pass. */
import { type VjpOptions, vjp } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import { only } from '../graph/interventions.ts';
import { type Network, placeOf } from './cuts.ts';
import { chunks, exampleFeeds, type Pairs, range } from './examples.ts';
import { longCostates } from './long-prompts.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/**
 * ∂m/∂x at `sites`, [B, T, D] each: λ of attribution patching, or with `relp` the coefficients of linear relevance
 * (Jafari et al. 2025, arXiv:2508.21258). Total derivatives: an attention's output counts through all that reads it.
 * Prompts longer than `options.tokensPerRun` go one by one and block by block.
 */
export async function costatesAt(
  network: Network,
  sites: readonly string[],
  pairs: Pairs,
  options: RunOptions,
  rules: NonNullable<VjpOptions['rules']> = 'gradient',
): Promise<Record<string, Float32Array>> {
  const { examples, positions } = pairs;
  const sizes = new Map(sites.map((site) => [site, positions * placeOf(network, site).width]));
  const all = Object.fromEntries(sites.map((s) => [s, new Float32Array(examples * sizes.get(s)!)]));
  const put = (found: Readonly<Record<string, ArrayLike<number>>>, from: number) => {
    for (const site of sites) all[site]!.set(found[site]!, from * sizes.get(site)!);
  };
  if (positions > options.tokensPerRun) {
    for (const b of range(0, examples)) {
      throwIfAborted(options.signal);
      put(await longCostates(network, sites, pairs, b, rules, options), b);
      options.advance?.(1);
    }
    return all;
  }
  const gradients = sites.map((site) => `grad:${site}`);
  const session = await options.open(
    only(vjp(metricGraph(network), { of: METRIC, wrt: sites, rules }), gradients),
  );
  try {
    for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const rows = range(from, to);
      const out = await session.run(exampleFeeds(pairs, 'clean', rows));
      put(Object.fromEntries(sites.map((s) => [s, out[`grad:${s}`]!.data as Float32Array])), from);
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
  }
  return all;
}
