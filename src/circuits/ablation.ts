/** @file Running circuits alone: everything outside is set to its mean, and the metric of every held-out example comes back. */
import { throwIfAborted } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { cutOf, type Network } from './cuts.ts';
import { answerFeeds, chunks, type Pairs, range } from './examples.ts';
import type { MeanState } from './feature-state.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';
import { complement, type Masks, masksOf, type NodeRef } from './select.ts';
import { maskFeeds, spliceMasked } from './splice.ts';

/** A dictionary with the position-wise means that nodes outside a circuit are set to. */
export interface SplicedDictionary {
  readonly dictionary: Dictionary;
  readonly means: MeanState;
}

export interface AblationRun {
  /**
   * Metric of every example with `nodes` kept and all others set to their means (`inverse`: the other way round).
   * Nodes at cuts in `free` are kept in either case.
   */
  metric(
    nodes: readonly NodeRef[],
    how?: { inverse?: boolean; free?: readonly number[] },
  ): Promise<Float64Array>;
  release(): Promise<void>;
}

/**
 * Opens one session that can run any circuit. It starts at the first dictionary's cut, from the clean states there:
 * nothing before it is ever changed.
 * @param first_BTD clean states of `pairs` at the first dictionary's cut
 */
export async function openAblation(
  network: Network,
  spliced: readonly SplicedDictionary[],
  pairs: Pairs,
  first_BTD: Float32Array,
  options: RunOptions,
): Promise<AblationRun> {
  const [first] = spliced;
  if (!first) throw new RangeError('an ablation run needs at least one dictionary');
  let graph: Graph = network.graph;
  for (const { dictionary, means } of spliced) graph = spliceMasked(graph, dictionary, means);
  const start = first.dictionary.site;
  const session = await options.open(feedAt(metricGraph(network, graph), [start]));
  const { examples, positions } = pairs;
  const size = positions * network.width;

  const maskOf = (
    { dictionary }: SplicedDictionary,
    nodes: readonly NodeRef[],
    inverse: boolean,
    free: readonly number[],
  ): Masks => {
    const cut = cutOf(network, dictionary.site);
    const shape = { positions, features: dictionary.features };
    if (free.includes(cut)) return complement(masksOf([], cut, shape));
    const masks = masksOf(nodes, cut, shape);
    return inverse ? complement(masks) : masks;
  };

  return {
    async metric(nodes, { inverse = false, free = [] } = {}) {
      const masks = Object.assign(
        {},
        ...spliced.map((s) => maskFeeds(s.dictionary.site, maskOf(s, nodes, inverse, free))),
      );
      const metric_B = new Float64Array(examples);
      for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
        throwIfAborted(options.signal);
        const out = await session.run({
          [start]: tensor(
            'float32',
            [to - from, positions, network.width],
            first_BTD.slice(from * size, to * size),
          ),
          ...answerFeeds(pairs, range(from, to)),
          ...masks,
        });
        metric_B.set(out[METRIC]!.data as Float32Array, from);
      }
      options.advance?.(1);
      return metric_B;
    },
    release: () => session.release(),
  };
}
