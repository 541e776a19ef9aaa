/** @file Edges between neighbouring cuts: what a node passes to a node one cut later, by one vjp per downstream node. */
import { vjp } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt, only } from '../graph/interventions.ts';
import type { Network } from './cuts.ts';
import { alongFeature, featureChanges } from './effects.ts';
import { chunks } from './examples.ts';
import { activeFeatures, type FeatureState } from './feature-state.ts';
import type { RunOptions } from './run-options.ts';
import { ERROR, type NodeRef } from './select.ts';

/** A cut seen as nodes: with a dictionary features and error nodes, without one a single node per position. */
export interface CutNodes {
  readonly site: string;
  readonly nodes: readonly NodeRef[];
  readonly clean_BTD: Float32Array;
  readonly patch_BTD: Float32Array;
  readonly coded?: {
    readonly dictionary: Dictionary;
    readonly clean: FeatureState;
    readonly patch: FeatureState;
  };
}

/** weights[downstream node][upstream node], means over the first `examples` examples, energy direction. */
export type EdgeMatrix = readonly Float64Array[];

/**
 * w(u→v) = p_v (∂v/∂u) Δu with Δu = clean − patch and the derivative at the clean run (Marks et al. 2024; mechanics.md
 * §2, Flow). p_v = λ̄·d_v for a feature v that is active in the clean run (through its encoder row); the error node
 * carries what is left of λ̄ at its position, λ̄ − Σ_active W_enc_i (λ̄·d_i), so that all nodes of a position together
 * carry λ̄. The two cuts are complete and neighbours: nothing goes around, and no stop-gradient is needed.
 * Averages run over all examples; one in which v is not active adds 0.
 * @param costate_BTD λ̄ at the downstream cut
 */
export async function edgeWeights(
  network: Network,
  upstream: CutNodes,
  downstream: CutNodes & { readonly coded: NonNullable<CutNodes['coded']> },
  costate_BTD: ArrayLike<number>,
  examples: number,
  options: RunOptions,
): Promise<EdgeMatrix> {
  const { width } = network;
  const { positions } = downstream.coded.clean;
  const size = positions * width;
  const weights = downstream.nodes.map(() => new Float64Array(upstream.nodes.length));
  const jobs: { example: number; node: number; cotangent_D: Float64Array }[] = [];
  for (let example = 0; example < examples; example++) {
    downstream.nodes.forEach((node, index) => {
      const cotangent_D = cotangentOf(node, example, downstream.coded, costate_BTD);
      if (cotangent_D) jobs.push({ example, node: index, cotangent_D });
    });
  }
  const changes = nodeChanges(upstream, examples, positions, width);
  const grad = `grad:${upstream.site}`;
  const segment = only(feedAt(network.graph, [upstream.site]), [downstream.site]);
  const graph = only(vjp(segment, { of: downstream.site, wrt: [upstream.site] }), [grad]);
  const session = await options.open(graph);
  try {
    for (const { from, to } of chunks(jobs.length, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const x = new Float32Array((to - from) * size);
      const cotangent = new Float32Array((to - from) * size);
      for (let j = from; j < to; j++) {
        const { example, node, cotangent_D } = jobs[j]!;
        x.set(upstream.clean_BTD.subarray(example * size, (example + 1) * size), (j - from) * size);
        cotangent.set(cotangent_D, (j - from) * size + downstream.nodes[node]!.position * width);
      }
      const shape = [to - from, positions, width];
      const out = await session.run({
        [upstream.site]: tensor('float32', shape, x),
        [`cotangent:${downstream.site}`]: tensor('float32', shape, cotangent),
      });
      const gradient = out[grad]!.data as Float32Array;
      for (let j = from; j < to; j++) {
        const { example, node } = jobs[j]!;
        const row = gradient.subarray((j - from) * size, (j - from + 1) * size);
        addUpstream(weights[node]!, upstream, example, row, changes, 1 / examples);
      }
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
  }
  return weights;
}

/** ∂(λ̄·contribution of the node)/∂x at the node's position, or nothing when it is not active. */
function cotangentOf(
  node: NodeRef,
  example: number,
  { dictionary, clean }: NonNullable<CutNodes['coded']>,
  costate_BTD: ArrayLike<number>,
): Float64Array | undefined {
  const { width, W_enc_FD } = dictionary;
  const offset = (example * clean.positions + node.position) * width;
  const active = activeFeatures(clean, example, node.position);
  const through = (feature: number, into: Float64Array, sign: number) => {
    const p = sign * alongFeature(dictionary, feature, costate_BTD, offset);
    for (let d = 0; d < width; d++) into[d]! += p * W_enc_FD[feature * width + d]!;
  };
  const cotangent = new Float64Array(width);
  if (node.feature === ERROR) {
    for (let d = 0; d < width; d++) cotangent[d] = costate_BTD[offset + d]!;
    for (const feature of active.keys()) through(feature, cotangent, -1);
    return cotangent;
  }
  if (!active.has(node.feature)) return undefined;
  through(node.feature, cotangent, 1);
  return cotangent;
}

/** Δu = clean − patch of every node of a cut: features by row (example, position), and the rest of each row [B, T, D]. */
interface NodeChanges {
  readonly features: readonly ReadonlyMap<number, number>[];
  readonly rest_BTD: Float64Array;
  readonly positions: number;
  readonly width: number;
}

function nodeChanges(upstream: CutNodes, examples: number, positions: number, width: number): NodeChanges {
  const { coded, clean_BTD, patch_BTD } = upstream;
  const rest_BTD = Float64Array.from(
    { length: examples * positions * width },
    (_, i) => clean_BTD[i]! - patch_BTD[i]!,
  );
  const features = Array.from({ length: examples * positions }, (_, row) => {
    if (!coded) return new Map<number, number>();
    const { dictionary, clean, patch } = coded;
    const changes = featureChanges(patch, clean, Math.floor(row / positions), row % positions);
    for (const [i, change] of changes) {
      for (let d = 0; d < width; d++) {
        rest_BTD[row * width + d]! -= change * dictionary.W_dec_FD[i * width + d]!;
      }
    }
    return changes;
  });
  return { features, rest_BTD, positions, width };
}

/** Adds gradient · Δu of every upstream node of one example. */
function addUpstream(
  into: Float64Array,
  upstream: CutNodes,
  example: number,
  gradient_TD: Float32Array,
  { features, rest_BTD, positions, width }: NodeChanges,
  share: number,
): void {
  upstream.nodes.forEach((node, index) => {
    const at = node.position * width;
    const row = example * positions + node.position;
    if (upstream.coded && node.feature !== ERROR) {
      const change = features[row]!.get(node.feature);
      if (!change) return;
      into[index]! += share * change * alongFeature(upstream.coded.dictionary, node.feature, gradient_TD, at);
    } else {
      for (let d = 0; d < width; d++)
        into[index]! += share * gradient_TD[at + d]! * rest_BTD[row * width + d]!;
    }
  });
}
