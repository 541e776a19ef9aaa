/** @file Prompts longer than a run may be: gradients block by block, so that memory holds one block and the cuts. */

import { joinRules, type Quadrature } from '../autodiff/quadrature.ts';
import type { VjpOptions } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import { feedAt } from '../graph/interventions.ts';
import { gradientsByCuts } from '../models/by-cuts.ts';
import { type Network, placeOf } from './cuts.ts';
import { exampleFeeds, type Pairs } from './examples.ts';
import { dtypeAt, floats } from './floats.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

const byCuts = (network: Network, options: RunOptions) => ({
  of: METRIC,
  cuts: network.cuts,
  threads: options.threads ?? 1,
  ...(options.signal ? { signal: options.signal } : {}),
});

/** What lineCostates() gives at a complete cut, one example and point after the other, block by block. */
export async function longLineCostates(
  network: Network,
  site: string,
  pairs: Pairs,
  clean_BTD: Float32Array,
  patch_BTD: Float32Array,
  rules: readonly Quadrature[],
  options: RunOptions,
): Promise<Float32Array[]> {
  const { points, weights } = joinRules(rules);
  const { width, depth } = placeOf(network, site);
  const size = pairs.positions * width;
  const sums = rules.map(() => new Float32Array(clean_BTD.length));
  const dtype = dtypeAt(network.graph, site);
  const graph = feedAt(metricGraph(network), [site]);
  const cuts = network.cuts.filter((cut) => placeOf(network, cut).depth > depth);
  for (let b = 0; b < pairs.examples; b++) {
    for (const [j, alpha] of points.entries()) {
      throwIfAborted(options.signal);
      const x = Float64Array.from({ length: size }, (_, i) => {
        const at = b * size + i;
        return clean_BTD[at]! + alpha * (patch_BTD[at]! - clean_BTD[at]!);
      });
      const feeds = {
        ...exampleFeeds(pairs, 'clean', [b]),
        [site]: floats(dtype, [1, pairs.positions, width], x),
      };
      const found = await gradientsByCuts(graph, feeds, { ...byCuts(network, options), cuts, wrt: [site] });
      const gradient = found.gradients[site]!.data as Float32Array;
      sums.forEach((sum, k) => {
        const weight = weights[k]![j]!;
        for (let i = 0; i < size; i++) sum[b * size + i]! += weight * gradient[i]!;
      });
      options.advance?.(1);
    }
  }
  return sums;
}

/** Gradients at `sites` of one example's clean prompt, block by block. */
export async function longCostates(
  network: Network,
  sites: readonly string[],
  pairs: Pairs,
  example: number,
  rules: NonNullable<VjpOptions['rules']>,
  options: RunOptions,
): Promise<Record<string, Float32Array>> {
  const feeds = exampleFeeds(pairs, 'clean', [example]);
  const { gradients } = await gradientsByCuts(metricGraph(network), feeds, {
    ...byCuts(network, options),
    wrt: sites,
    rules,
  });
  return Object.fromEntries(sites.map((site) => [site, gradients[site]!.data as Float32Array]));
}
