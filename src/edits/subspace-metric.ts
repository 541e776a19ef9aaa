/** @file What a network makes of swapped states: a part of the search for a subspace, with its gradient by the backward pass. */
import { vjp } from '../autodiff/vjp.ts';
import type { Network } from '../circuits/cuts.ts';
import { answerFeeds, chunks, type Pairs, range } from '../circuits/examples.ts';
import { forwardPairs } from '../circuits/forward.ts';
import { METRIC, metricGraph } from '../circuits/metric.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { throwIfAborted } from '../core/errors.ts';
import { f32 } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import type { SubspacePart } from './subspace.ts';

/** A part, the metric of both sides, and the session to close. */
export interface MetricPart {
  readonly part: SubspacePart;
  readonly clean_B: Float64Array;
  readonly patch_B: Float64Array;
  /** The metric of each pair after its states at the position are replaced, [B]. */
  metric(x_ND: ArrayLike<number>): Promise<Float64Array>;
  release(): Promise<void>;
}

/**
 * Clean prompts whose state at `site` and the last position is swapped with the patch prompt's. `wanted` `patch`: the loss is the mean
 * of −ln σ(−m), so that the network answers as after the patch prompt; `clean`: the mean of (m − m(clean))²/2, so that this task's
 * metric stays.
 */
export async function metricPart(
  network: Network,
  site: string,
  pairs: Pairs,
  wanted: 'patch' | 'clean',
  run: RunOptions,
): Promise<MetricPart> {
  const { clean, patch } = await forwardPairs(network, pairs, [site], { ...run, advance: undefined });
  const { examples: B, positions: T } = pairs;
  const [cleanState, patchState] = [clean.states[site]!, patch.states[site]!];
  const D = cleanState.length / (B * T);
  const lastOf = (state: Float32Array) =>
    Float64Array.from({ length: B * D }, (_, at) => state[(Math.floor(at / D) * T + T - 1) * D + (at % D)]!);
  const fed = feedAt(metricGraph(network), [site]);
  const gradient = `grad:${site}`;
  const session = await run.open(only(vjp(fed, { of: METRIC, wrt: [site] }), [METRIC, gradient]));
  /** Metric and its gradient at the last position. */
  const at = async (x_ND: ArrayLike<number>) => {
    const metric_B = new Float64Array(B);
    const gradient_ND = new Float64Array(B * D);
    for (const { from, to } of chunks(B, run.tokensPerRun / T)) {
      throwIfAborted(run.signal);
      const state = cleanState.slice(from * T * D, to * T * D);
      for (let b = from; b < to; b++)
        for (let d = 0; d < D; d++) state[((b - from) * T + T - 1) * D + d] = x_ND[b * D + d]!;
      const out = await session.run({
        [site]: f32([to - from, T, D], state),
        ...answerFeeds(pairs, range(from, to)),
      });
      for (let b = from; b < to; b++) {
        metric_B[b] = Number(out[METRIC]!.data[b - from]);
        for (let d = 0; d < D; d++)
          gradient_ND[b * D + d] = Number(out[gradient]!.data[((b - from) * T + T - 1) * D + d]);
      }
    }
    return { metric_B, gradient_ND };
  };
  return {
    clean_B: clean.metric_B,
    patch_B: patch.metric_B,
    metric: async (x_ND) => (await at(x_ND)).metric_B,
    release: () => session.release(),
    part: {
      base_ND: lastOf(cleanState),
      source_ND: lastOf(patchState),
      loss: async (x_ND) => {
        const { metric_B, gradient_ND } = await at(x_ND);
        let loss = 0;
        const slope_B = metric_B.map((m, b) => {
          const off = m - clean.metric_B[b]!;
          loss +=
            (wanted === 'patch' ? Math.max(m, 0) + Math.log1p(Math.exp(-Math.abs(m))) : off ** 2 / 2) / B;
          return (wanted === 'patch' ? 1 / (1 + Math.exp(-m)) : off) / B;
        });
        return { loss, gradient_ND: gradient_ND.map((g, i) => g * slope_B[Math.floor(i / D)]!) };
      },
    },
  };
}
