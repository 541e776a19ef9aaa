/** @file Running circuits alone: everything outside is set to its mean, and the metric of every held-out example comes back. */
import { throwIfAborted } from '../core/errors.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Session } from '../runtime/session.ts';
import { cutBefore, type Network, placeOf } from './cuts.ts';
import { chunks, type Pairs, range } from './examples.ts';
import { denseState, type FeatureState, type MeanState, repeatMean } from './feature-state.ts';
import { contextFeeds } from './line.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';
import { complement, type Masks, masksOf, type NodeRef } from './select.ts';
import { fillFeeds, maskFeeds, spliceMasked } from './splice.ts';

/** A dictionary, and the position-wise means over the patch inputs of the train examples. */
export interface SplicedDictionary {
  readonly dictionary: Dictionary;
  readonly means: MeanState;
}

/** Examples to run circuits on. */
export interface AblationExamples {
  readonly pairs: Pairs;
  /** Clean states at the cut where runs start (`ablationStart`), [B, T, D]. */
  readonly first_BTD: Float32Array;
  /** Patched states at every dictionary's cut, in the order of the dictionaries. */
  readonly patch: readonly FeatureState[];
}

export interface AblationChoice {
  /** Ablate the nodes and keep all others. */
  readonly inverse?: boolean;
  /** Sites at which every node is kept. */
  readonly free?: readonly string[];
  /**
   * What ablated nodes become: `mean` (default), their position-wise mean over the train patch inputs, as published;
   * `patch`, what they are in the patched run of the same example.
   */
  readonly fill?: 'mean' | 'patch';
}

export interface AblationRun {
  /** Metric of every example with `nodes` kept and all others ablated. */
  metric(nodes: readonly NodeRef[], choice?: AblationChoice): Promise<Float64Array>;
}

export interface Ablation {
  /** Runs over one set of examples. */
  on(examples: AblationExamples): AblationRun;
  release(): Promise<void>;
}

/** Where runs start: the last cut before anything is changed. */
export const ablationStart = (network: Network, [first]: readonly Pick<Dictionary, 'site'>[]): string =>
  cutBefore(network, placeOf(network, first?.site ?? network.cuts[0]!));

/**
 * Opens one session that can run any circuit on any examples. It starts at `ablationStart`, from the clean states there:
 * nothing before it is ever changed.
 * @param spliced by depth
 */
export async function openAblation(
  network: Network,
  spliced: readonly SplicedDictionary[],
  options: RunOptions,
): Promise<Ablation> {
  if (spliced.length === 0) throw new RangeError('an ablation run needs at least one dictionary');
  const start = ablationStart(
    network,
    spliced.map((s) => s.dictionary),
  );
  const graph = spliced.reduce<Graph>((g, s) => spliceMasked(g, s.dictionary), network.graph);
  const session = await options.open(feedAt(metricGraph(network, graph), [start]));
  return {
    on: (examples) => ablationRun(network, session, spliced, examples, options),
    release: () => session.release(),
  };
}

function ablationRun(
  network: Network,
  session: Session,
  spliced: readonly SplicedDictionary[],
  { pairs, first_BTD, patch }: AblationExamples,
  options: RunOptions,
): AblationRun {
  const start = ablationStart(
    network,
    spliced.map((s) => s.dictionary),
  );
  const { examples, positions } = pairs;
  const size = positions * network.width;
  const parts = chunks(examples, options.tokensPerRun / positions);

  const maskOf = (dictionary: Dictionary, nodes: readonly NodeRef[], choice: AblationChoice): Masks => {
    const { site } = dictionary;
    const shape = { positions, features: dictionary.features };
    if (choice.free?.includes(site)) return complement(masksOf([], site, shape));
    const masks = masksOf(nodes, site, shape);
    return choice.inverse ? complement(masks) : masks;
  };
  const fills = new Map<string, Record<string, Tensor>>();
  const fillOf = (fill: 'mean' | 'patch', from: number, to: number) => {
    const known = fills.get(`${fill}/${from}`);
    if (known) return known;
    const feeds: Record<string, Tensor> = {};
    for (const [i, { dictionary, means }] of spliced.entries()) {
      const state =
        fill === 'mean'
          ? repeatMean(means, to - from, positions)
          : denseState(patch[i]!, dictionary, from, to);
      Object.assign(feeds, fillFeeds(dictionary.site, state));
    }
    fills.set(`${fill}/${from}`, feeds);
    return feeds;
  };

  return {
    async metric(nodes, choice = {}) {
      const masks: Record<string, Tensor> = {};
      for (const { dictionary } of spliced) {
        Object.assign(masks, maskFeeds(dictionary.site, maskOf(dictionary, nodes, choice)));
      }
      const metric_B = new Float64Array(examples);
      for (const { from, to } of parts) {
        throwIfAborted(options.signal);
        const x = first_BTD.slice(from * size, to * size);
        const out = await session.run({
          [start]: tensor('float32', [to - from, positions, network.width], x),
          ...contextFeeds(network, session.inputs, pairs, range(from, to)),
          ...fillOf(choice.fill ?? 'mean', from, to),
          ...masks,
        });
        metric_B.set(out[METRIC]!.data as Float32Array, from);
      }
      options.advance?.(1);
      return metric_B;
    },
  };
}
