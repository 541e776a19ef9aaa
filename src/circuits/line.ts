/** @file Gradients along the straight line from the clean to the patched state of one complete cut. */
import { lineGradients, lineNames } from '../autodiff/line.ts';
import { joinRules, type Quadrature } from '../autodiff/quadrature.ts';
import { throwIfAborted } from '../core/errors.ts';
import { f32, tensor } from '../core/tensor.ts';
import { only } from '../graph/interventions.ts';
import { cutOf, type Network } from './cuts.ts';
import { answerFeeds, chunks, type Pairs, range } from './examples.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** λ̄ of every rule, [B, T, D] each, in the order of the rules. */
export type LineCostates = readonly Float32Array[];

/**
 * λ̄ = Σ_j w_j ∂m/∂x at x_α = (1 − α) x_clean + α x_patch, for several rules at once (points they share are run once).
 * The run starts at the cut; points and examples share batches of at most `options.tokensPerRun` tokens.
 */
export async function lineCostates(
  network: Network,
  site: string,
  pairs: Pairs,
  clean_BTD: Float32Array,
  patch_BTD: Float32Array,
  rules: readonly Quadrature[],
  options: RunOptions,
): Promise<LineCostates> {
  cutOf(network, site);
  const { points, weights } = joinRules(rules);
  const { examples, positions } = pairs;
  const size = positions * network.width;
  const sums = rules.map(() => new Float32Array(examples * size));
  const names = lineNames(site);
  const graph = lineGradients(metricGraph(network), { of: METRIC, at: site });
  const session = await options.open(only(graph, [names.mean]));
  try {
    const rows = Math.max(1, Math.floor(options.tokensPerRun / positions));
    const pointsPerRun = Math.min(points.length, rows);
    for (const { from, to } of chunks(examples, rows / pointsPerRun)) {
      const shape = [to - from, positions, network.width];
      const state = (x_BTD: Float32Array) => tensor('float32', shape, x_BTD.slice(from * size, to * size));
      const feeds = {
        [names.from]: state(clean_BTD),
        [names.to]: state(patch_BTD),
        ...answerFeeds(pairs, range(from, to)),
      };
      for (const part of chunks(points.length, pointsPerRun)) {
        throwIfAborted(options.signal);
        const some = weights.map((w) => w.slice(part.from, part.to));
        const out = await session.run({
          ...feeds,
          [names.points]: f32([part.to - part.from], points.slice(part.from, part.to)),
          [names.weights]: f32([rules.length, part.to - part.from], some.flat()),
        });
        const means = out[names.mean]!.data as Float32Array;
        const length = (to - from) * size;
        sums.forEach((sum, k) => {
          for (let i = 0; i < length; i++) sum[from * size + i]! += means[k * length + i]!;
        });
        options.advance?.((to - from) * (part.to - part.from));
      }
    }
  } finally {
    await session.release();
  }
  return sums;
}
