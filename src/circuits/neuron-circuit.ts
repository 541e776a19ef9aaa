/** @file The neuron circuit: the identity as dictionary at the same places, effects from the same gradients, run alike. */
import type { Random } from '../core/random.ts';
import { neurons } from '../dictionaries/neurons.ts';
import { type AblationExamples, openAblation } from './ablation.ts';
import { type Areas, areas, type SizedRun, sizesBeyond } from './areas.ts';
import type { Network } from './cuts.ts';
import { movesOf, placeEffects } from './effects.ts';
import { encodeState } from './encode-state.ts';
import { type FeatureState, meanState } from './feature-state.ts';
import type { RunOptions } from './run-options.ts';
import { faithfulness } from './scores.ts';
import { rankNodes } from './select.ts';
import type { TrainEffects } from './train-effects.ts';
import type { NeuronPoint } from './types.ts';

/** Neurons need larger circuits (Marks et al. 2024, figure 3): the sizes go on beyond those of features. */
export const sizesOfNeurons = (sizes: readonly number[]): number[] => [
  ...new Set([...sizes, 5000, 10_000].filter((size) => size >= 20)),
];

export interface NeuronCurve {
  readonly points: readonly NeuronPoint[];
  readonly areas: Areas;
}

/**
 * Faithfulness of circuits of neurons on the held-out examples. λ̄ is that of the features' circuit: along a line at a place
 * it does not depend on the dictionary. Position 0 stays one error node, as with dictionaries.
 */
export async function neuronCurve(
  network: Network,
  train: TrainEffects,
  held: AblationExamples & { readonly full_B: Float64Array },
  sizes: readonly number[],
  { random, threads }: { readonly random: Random; readonly threads: number },
  options: RunOptions,
): Promise<NeuronCurve> {
  const identity = async (state: FeatureState, modelHash: string) => {
    const dictionary = neurons(state.width, state.site, modelHash);
    const { examples, positions, width } = state;
    return {
      dictionary,
      state: await encodeState(dictionary, state.x_BTD, { examples, positions, width }, threads),
    };
  };
  const effects = [];
  const spliced = [];
  for (const place of train.places) {
    const { site, depth } = place;
    const hash = place.dictionary.modelHash;
    const [clean, patch] = [await identity(place.clean, hash), await identity(place.patch, hash)];
    const { examples, positions, width } = clean.state;
    const shape = { site, depth, examples, positions, width };
    const moves = movesOf(clean.state, patch.state);
    effects.push(placeEffects(shape, clean.dictionary, moves, place.costate_BTD, new Float64Array(examples)));
    spliced.push({ dictionary: clean.dictionary, means: meanState(patch.state, clean.dictionary) });
  }
  const ranked = rankNodes(effects);
  const all = effects.reduce((sum, e) => sum + e.positions * (e.features + 1), 0);
  const ablation = await openAblation(network, spliced, options);
  try {
    const run = ablation.on(held);
    const empty_B = await run.metric([]);
    const points: NeuronPoint[] = [];
    const runs: SizedRun[] = [];
    for (const size of new Set(sizes.map((s) => Math.min(s, ranked.length)))) {
      const metric_B = await run.metric(ranked.slice(0, size));
      runs.push({ share: size / all, metric_B });
      const stream = random.fork(`neurons/${size}`);
      points.push({ nodes: size, faithfulness: faithfulness(metric_B, empty_B, held.full_B, stream) });
    }
    for (const size of sizesBeyond(
      points.map((p) => p.nodes),
      all,
    )) {
      if (size >= ranked.length) break;
      runs.push({ share: size / all, metric_B: await run.metric(ranked.slice(0, size)) });
    }
    return { points, areas: areas(runs, empty_B, held.full_B, random.fork('areas/neurons')) };
  } finally {
    await ablation.release();
  }
}
