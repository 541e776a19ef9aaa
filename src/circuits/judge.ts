/** @file Judging circuits: the curve over size on held-out examples, which of its points is shown, other definitions. */
import { track, type WorkContext } from '../core/progress.ts';
import type { Random } from '../core/random.ts';
import { type AblationExamples, ablationStart, openAblation } from './ablation.ts';
import { faithfulnessCurve, faithfulnessVariants } from './curve.ts';
import type { Network } from './cuts.ts';
import { encodeState } from './encode-state.ts';
import type { Pairs } from './examples.ts';
import { type FeatureState, meanState } from './feature-state.ts';
import { forwardPairs } from './forward.ts';
import { neuronCurve, sizesOfNeurons } from './neuron-circuit.ts';
import type { RunOptions } from './run-options.ts';
import { ERROR, type NodeRef, type RankedNode } from './select.ts';
import type { TrainEffects } from './train-effects.ts';
import type { CircuitResult, CurvePoint } from './types.ts';

export interface JudgeInput {
  readonly train: TrainEffects;
  readonly trainPairs: Pairs;
  readonly heldOut: Pairs;
  /** All nodes, largest effect first. */
  readonly ranked: readonly RankedNode[];
  readonly sizes: readonly number[];
  readonly maxNodes: number;
  readonly draws: number;
  /** Whether the neuron circuit is run beside it. */
  readonly neurons: boolean;
  readonly random: Random;
  readonly title: string;
  readonly threads: number;
}

/** The curve on held-out examples, which point of it is shown, and the variants of its definition. */
export async function judge(
  network: Network,
  input: JudgeInput,
  options: RunOptions,
  { progress }: WorkContext,
): Promise<Pick<CircuitResult, 'curve' | 'chosen' | 'variants' | 'areas' | 'neurons' | 'errors'>> {
  const { train, trainPairs, heldOut, ranked } = input;
  const spliced = train.places.map(({ dictionary, patch }) => ({
    dictionary,
    means: meanState(patch, dictionary),
  }));
  const label = { task: 'faithfulness', label: `Faithfulness: ${input.title}`, unit: 'runs' };
  return track(progress, label, async (advance) => {
    let done = 0;
    const held = await heldOutExamples(network, train, heldOut, input.threads, options);
    const ablation = await openAblation(network, spliced, { ...options, advance: () => advance(++done) });
    try {
      const curveInput = {
        ranked,
        candidates: everActive(train),
        full_B: held.full_B,
        run: ablation.on(held),
        train: {
          full_B: train.clean_B,
          run: ablation.on({
            pairs: trainPairs,
            first_BTD: train.start_BTD,
            patch: train.places.map((c) => c.patch),
          }),
        },
        draws: input.draws,
        random: input.random,
      };
      const sizes = input.sizes.filter((size) => size > 0);
      const { points: curve, areas: under } = await faithfulnessCurve(curveInput, sizes);
      const chosen = chosenPoint(curve, input.maxNodes);
      const early = train.places.filter((c) => c.depth < network.cuts.length / 3).map((c) => c.site);
      const sites = train.places.map((c) => c.site);
      const size = curve[chosen]?.nodes ?? 0;
      const variants = await faithfulnessVariants(curveInput, size, sites, early);
      const neurons = input.neurons
        ? await neuronCurve(network, train, held, sizesOfNeurons(sizes), input, {
            ...options,
            advance: () => advance(++done),
          })
        : undefined;
      return {
        ...{ curve, chosen, variants, errors: errorsIn(ranked, size) },
        areas: { ...under, ...(neurons ? { neurons: neurons.areas } : {}) },
        ...(neurons ? { neurons: neurons.points } : {}),
      };
    } finally {
      await ablation.release();
    }
  });
}

/** How much of a circuit of `size` nodes is error nodes: of its nodes, and of the sizes of its effects. */
function errorsIn(ranked: readonly RankedNode[], size: number): NonNullable<CircuitResult['errors']> {
  const nodes = ranked.slice(0, size);
  const sum = (of: readonly RankedNode[]) => of.reduce((total, n) => total + Math.abs(n.effect), 0);
  const errors = nodes.filter((n) => n.feature === ERROR);
  return {
    nodes: errors.length,
    nodeShare: errors.length / Math.max(1, nodes.length),
    effectShare: sum(errors) / (sum(nodes) || 1),
  };
}

/** States of the held-out examples and what the untouched model makes of them. */
export async function heldOutExamples(
  network: Network,
  train: TrainEffects,
  pairs: Pairs,
  threads: number,
  options: RunOptions,
): Promise<AblationExamples & { readonly full_B: Float64Array }> {
  const sites = train.places.map((c) => c.site);
  const start = ablationStart(network, train.places);
  const { clean, patch } = await forwardPairs(network, pairs, [...new Set([start, ...sites])], options);
  const shape = { examples: pairs.examples, positions: pairs.positions };
  const states: FeatureState[] = [];
  for (const { dictionary, site } of train.places) {
    states.push(
      await encodeState(dictionary, patch.states[site]!, { ...shape, width: dictionary.width }, threads),
    );
  }
  return { pairs, first_BTD: clean.states[start]!, patch: states, full_B: clean.metric_B };
}

/** The largest circuit of the curve within `maxNodes`: fixed by size, so that nothing is chosen on held-out scores. */
function chosenPoint(curve: readonly CurvePoint[], maxNodes: number): number {
  let chosen = 0;
  curve.forEach((point, index) => {
    if (point.nodes <= maxNodes && point.nodes >= curve[chosen]!.nodes) chosen = index;
  });
  return chosen;
}

/** Features that fire in any train example (clean or patch), position by position, and every error node. */
export function everActive(train: Pick<TrainEffects, 'places'>): NodeRef[] {
  const nodes: NodeRef[] = [];
  for (const cut of train.places) {
    const { positions, features, examples, k } = cut.clean;
    const seen = new Uint8Array(positions * features);
    for (const state of [cut.clean, cut.patch]) {
      for (let row = 0; row < examples * positions; row++) {
        for (let j = row * k; j < (row + 1) * k; j++) {
          if (state.values_BTK[j] !== 0) seen[(row % positions) * features + state.indices_BTK[j]!] = 1;
        }
      }
    }
    for (let position = 0; position < positions; position++) {
      nodes.push({ site: cut.site, position, feature: ERROR });
      for (let feature = 0; feature < features; feature++) {
        if (seen[position * features + feature]) nodes.push({ site: cut.site, position, feature });
      }
    }
  }
  return nodes;
}
