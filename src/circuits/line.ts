/** @file Gradients along the straight line from the clean to the patched state of one complete cut. */
import { vjp } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import { feedAt } from '../graph/interventions.ts';
import { cutOf, type Network } from './cuts.ts';
import { answerFeeds, chunks, type Pairs } from './examples.ts';
import { METRIC, metricGraph } from './metric.ts';
import { joinRules, type Quadrature } from './quadrature.ts';
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
  const graph = vjp(feedAt(metricGraph(network), [site]), { of: METRIC, wrt: [site] });
  const session = await options.open(graph);
  try {
    const count = examples * points.length;
    for (const { from, to } of chunks(count, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const rows = Array.from({ length: to - from }, (_, r) => (from + r) % examples);
      const x = new Float32Array((to - from) * size);
      for (let r = from; r < to; r++) {
        const alpha = points[Math.floor(r / examples)]!;
        const at = (r % examples) * size;
        for (let i = 0; i < size; i++) {
          x[(r - from) * size + i] = (1 - alpha) * clean_BTD[at + i]! + alpha * patch_BTD[at + i]!;
        }
      }
      const shape = [to - from, positions, network.width];
      const out = await session.run({ [site]: tensor('float32', shape, x), ...answerFeeds(pairs, rows) });
      const gradient = out[`grad:${site}`]!.data as Float32Array;
      for (let r = from; r < to; r++) {
        const point = Math.floor(r / examples);
        const at = (r % examples) * size;
        for (let k = 0; k < rules.length; k++) {
          const weight = weights[k]![point]!;
          if (weight === 0) continue;
          const sum = sums[k]!;
          for (let i = 0; i < size; i++) sum[at + i]! += weight * gradient[(r - from) * size + i]!;
        }
      }
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
  }
  return sums;
}
