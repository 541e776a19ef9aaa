/** @file The landscape that masks move in: loss of the masked network and its gradient by every mask, in one session. */
import { vjp } from '../../autodiff/vjp.ts';
import { ablationStart, type SplicedDictionary } from '../../circuits/ablation.ts';
import type { Network } from '../../circuits/cuts.ts';
import { answerFeeds, chunks, type Pairs, range } from '../../circuits/examples.ts';
import { repeatMean } from '../../circuits/feature-state.ts';
import { METRIC, metricGraph } from '../../circuits/metric.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { ERROR, type NodeRef } from '../../circuits/select.ts';
import { fillFeeds, keepErrors, keepFeatures, spliceMasked } from '../../circuits/splice.ts';
import { throwIfAborted } from '../../core/errors.ts';
import { f32, type Tensor, tensor } from '../../core/tensor.ts';
import { extend, feedAt, only, replaceAt } from '../../graph/interventions.ts';
import type { Graph } from '../../graph/types.ts';
import type { MaskLoss } from './types.ts';

/** Value of the loss, [batch], and input of the clean distribution, [batch, vocabulary]. */
const KL = 'mask-kl';
const CLEAN = 'clean-probabilities';

export interface MaskExamples {
  readonly pairs: Pairs;
  /** Clean states at the cut where runs start (ablationStart), [B, T, D]. */
  readonly first_BTD: Float32Array;
}

export interface MaskLandscape {
  /** Coordinates: the nodes that have a mask. All others stay ablated. */
  readonly nodes: readonly NodeRef[];
  /** Mean loss over the examples at masks in [0, 1], and its derivative by each. */
  at(mask_N: Float64Array): Promise<{ readonly loss: number; readonly gradient_N: Float64Array }>;
  /** Gradients over all examples taken so far. */
  evaluations(): number;
  release(): Promise<void>;
}

/**
 * Opens the network with all dictionaries spliced in and masks as inputs (splice.ts): a node with mask m is m times itself and
 * 1 − m times its mean over the patched train prompts. One session serves every step.
 * @param spliced by depth
 */
export async function openMaskLandscape(
  network: Network,
  spliced: readonly SplicedDictionary[],
  { pairs, first_BTD }: MaskExamples,
  nodes: readonly NodeRef[],
  loss: MaskLoss,
  run: RunOptions,
): Promise<MaskLandscape> {
  const start = ablationStart(
    network,
    spliced.map((s) => s.dictionary),
  );
  const { positions, examples } = pairs;
  const masked = spliced.reduce<Graph>((g, s) => spliceMasked(g, s.dictionary), network.graph);
  const of = loss === 'kl' ? KL : METRIC;
  const scored = loss === 'kl' ? divergence(network, masked) : metricGraph(network, masked);
  const places = spliced.map(({ dictionary: { site, features }, means }) => ({
    ...{ site, features, means },
    nodes: range(0, nodes.length).filter((i) => nodes[i]!.site === site),
  }));
  const inputs = places.flatMap(({ site }) => [keepFeatures(site), keepErrors(site)]);
  const graph = only(vjp(feedAt(scored, [start]), { of, wrt: inputs }), [
    of,
    ...inputs.map((name) => `grad:${name}`),
  ]);
  const parts = chunks(examples, run.tokensPerRun / positions);
  const fixed = parts.map(({ from, to }): Record<string, Tensor> => {
    const size = positions * network.width;
    const state = first_BTD.slice(from * size, to * size);
    const feeds: Record<string, Tensor> = {
      [start]: tensor('float32', [to - from, positions, network.width], state),
      ...(loss === 'kl' ? {} : answerFeeds(pairs, range(from, to))),
    };
    for (const { site, means } of places)
      Object.assign(feeds, fillFeeds(site, repeatMean(means, to - from, positions)));
    return feeds;
  });
  if (loss === 'kl') await putCleanProbabilities(network, start, fixed, run);
  const session = await run.open(graph);
  let evaluations = 0;
  return {
    nodes,
    evaluations: () => evaluations,
    async at(mask_N) {
      const masks = maskFeeds(places, nodes, positions, mask_N);
      let sum = 0;
      const gradient_N = new Float64Array(nodes.length);
      // A metric is to be large, a divergence small; both as means over examples.
      const scale = (loss === 'kl' ? 1 : -1) / examples;
      for (const feeds of fixed) {
        throwIfAborted(run.signal);
        const out = await session.run({ ...feeds, ...masks });
        sum += (out[of]!.data as Float32Array).reduce((total, v) => total + v, 0);
        for (const { site, features, nodes: own } of places) {
          const byFeature = out[`grad:${keepFeatures(site)}`]!.data as Float32Array;
          const byError = out[`grad:${keepErrors(site)}`]!.data as Float32Array;
          for (const i of own) {
            const { position, feature } = nodes[i]!;
            gradient_N[i]! +=
              scale * (feature === ERROR ? byError[position]! : byFeature[position * features + feature]!);
          }
        }
      }
      evaluations++;
      run.advance?.(1);
      return { loss: scale * sum, gradient_N };
    },
    release: () => session.release(),
  };
}

/** The masks as inputs of the spliced network; nodes without one are 0. */
function maskFeeds(
  places: readonly {
    readonly site: string;
    readonly features: number;
    readonly nodes: readonly number[];
  }[],
  nodes: readonly NodeRef[],
  positions: number,
  mask_N: ArrayLike<number>,
): Record<string, Tensor> {
  const masks: Record<string, Tensor> = {};
  for (const { site, features, nodes: own } of places) {
    const [keep, errors] = [new Float32Array(positions * features), new Float32Array(positions)];
    for (const i of own) {
      const { position, feature } = nodes[i]!;
      if (feature === ERROR) errors[position] = mask_N[i]!;
      else keep[position * features + feature] = mask_N[i]!;
    }
    masks[keepFeatures(site)] = f32([positions, features], keep);
    masks[keepErrors(site)] = f32([positions, 1], errors);
  }
  return masks;
}

/** The graph that says only the logits at the last position, [batch, 1, vocabulary]. */
const lastLogits = (network: Network, graph: Graph): Graph =>
  replaceAt(graph, network.cuts.at(-1)!, (b, x) => b.op('Gather', [x, b.ints(-1)], { axis: { int: 1 } }));

/** Σ_v P_v (log P_v − log Q_v) of each example: P the clean distribution (an input), Q what the graph says. */
function divergence(network: Network, graph: Graph): Graph {
  const whole = extend(lastLogits(network, graph), (b) => {
    const clean = b.input(CLEAN, 'float32', ['batch', 1, 'answers']);
    const log = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const least = b.constant(f32([], [1e-30]), 'least');
    const between = b.op('Sub', [b.op('Log', [b.op('Max', [clean, least])]), log]);
    const sum = b.op('ReduceSum', [b.op('Mul', [clean, between]), b.ints(1, 2)], { keepdims: { int: 0 } });
    return [b.op('Identity', [sum], {}, KL)];
  });
  return only(whole, [KL]);
}

/** Adds to every part what the untouched network says at the last position. */
async function putCleanProbabilities(
  network: Network,
  start: string,
  parts: readonly Record<string, Tensor>[],
  run: RunOptions,
): Promise<void> {
  const name = 'probabilities';
  const graph = extend(lastLogits(network, network.graph), (b) => [
    b.op('Softmax', ['logits'], { axis: { int: -1 } }, name),
  ]);
  const session = await run.open(feedAt(only(graph, [name]), [start]));
  try {
    for (const feeds of parts) feeds[CLEAN] = (await session.run({ [start]: feeds[start]! }))[name]!;
  } finally {
    await session.release();
  }
}
