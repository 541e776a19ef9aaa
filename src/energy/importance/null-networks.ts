/** @file Null networks: the same architecture before training, and the trained blocks in another order. */
import { contentHash } from '../../core/hash.ts';
import type { Random } from '../../core/random.ts';
import type { Weight } from '../../graph/types.ts';
import { buildModel } from '../../models/build/model.ts';
import type { Model } from '../../models/types.ts';
import { startWeights } from '../../networks/language.ts';

/** The model with the weights that its training could have started from (GPT-2's, scaled to the width). */
export function untrainedModel(model: Model, seed: number): Model {
  return {
    ...model,
    name: `${model.name}-untrained`,
    source: `start weights of the shape of ${model.name}, seed ${seed}`,
    note: 'random weights: nothing was learned',
    hash: contentHash({ untrained: model.hash, seed }),
    graph: buildModel(model.shape, startWeights(model.shape, seed)),
  };
}

/**
 * The model with its trained blocks in a random order in which none stays where it was: every weight is learned, their
 * order is not. With one block there is no other order.
 */
export function shuffledLayers(model: Model, random: Random): Model {
  const order = derangement(model.shape.layers, random);
  const weights = new Map<string, Weight>(
    [...model.graph.weights.keys()].map((name) => {
      const from = name.replace(/^blocks\.(\d+)\./, (_, layer) => `blocks.${order[Number(layer)]}.`);
      return [name, model.graph.weights.get(from)!];
    }),
  );
  return {
    ...model,
    name: `${model.name}-shuffled-layers`,
    note: `blocks in the order ${order.join(', ')}`,
    hash: contentHash({ shuffled: model.hash, order }),
    graph: { ...model.graph, weights },
  };
}

/** A permutation of 0 … n−1 without a fixed point: cyclic (Sattolo 1986). */
function derangement(n: number, random: Random): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
