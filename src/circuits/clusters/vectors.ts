/**
 * @file What contexts are clustered by: linear effects of features on the log-probability of the next token, features, or
 * the dense state (Marks et al. 2024, App. G).
 */

import { i64 } from '../../core/tensor.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { extend, only, replaceAt } from '../../graph/interventions.ts';
import { costatesAt } from '../costates.ts';
import type { Network } from '../cuts.ts';
import { alongFeature } from '../effects.ts';
import { encodeState } from '../encode-state.ts';
import type { Pairs } from '../examples.ts';
import { activeFeatures } from '../feature-state.ts';
import { tokenStates } from '../forward.ts';
import { METRIC } from '../metric.ts';
import type { RunOptions } from '../run-options.ts';
import type { Context } from './contexts.ts';
import { type SparseRows, sparseRows } from './sparse-rows.ts';
import { compactPoints } from './spectral.ts';

/** Numbers of features over all dictionaries: feature i of dictionary d is column offset(d) + i. */
export interface ContextVectors {
  /** Columns by site: where each dictionary's features begin, and after the last one the number of columns. */
  readonly sites: readonly string[];
  readonly offsets: readonly number[];
  /** −Σ_t f_i(t) (λ_t · d_i): what log p(next token) would lose if the feature were off at all positions, to first order. */
  readonly effects: SparseRows;
  /** f_i at the last position. */
  readonly activations: SparseRows;
  /** The states of all sites at the last position, each scaled to norm 1, one after another; in fewer coordinates where contexts are fewer. */
  readonly dense: readonly (readonly number[])[];
}

/** The network with the log-probability of `answer` as its metric. Inputs: tokens, answer. */
export function logProbabilityNetwork(network: Network): Network {
  const last = network.cuts.at(-1)!;
  const short = replaceAt(network.graph, last, (b, x) =>
    b.op('Gather', [x, b.ints(-1)], { axis: { int: 1 } }),
  );
  const whole = extend(short, (b) => {
    const answer = b.input('answer', 'int64', ['batch']);
    const logits = b.op('Squeeze', ['logits', b.ints(1)]);
    const log = b.op('LogSoftmax', [logits], { axis: { int: -1 } });
    const at = b.op('GatherElements', [log, b.op('Unsqueeze', [answer, b.ints(1)])], { axis: { int: 1 } });
    return [b.op('Squeeze', [at, b.ints(1)], {}, METRIC)];
  });
  return { ...network, graph: only(whole, [METRIC]) };
}

/** Runs the contexts forward and back once and reads them in the dictionaries. Contexts must be equally long. */
export async function contextVectors(
  network: Network,
  dictionaries: readonly Dictionary[],
  contexts: readonly Context[],
  options: RunOptions & { readonly threads: number },
): Promise<ContextVectors> {
  const positions = contexts[0]?.tokens.length ?? 0;
  const count = contexts.length;
  const ids_BT = Int32Array.from(contexts.flatMap((context) => [...context.tokens]));
  const sites = dictionaries.map((dictionary) => dictionary.site);
  const [states] = await tokenStates(network, [{ ids_BT, positions }], sites, options);
  const feeds = {
    tokens: i64([count, positions], ids_BT),
    answer: i64(
      [count],
      contexts.map((context) => context.answer),
    ),
  };
  const none = new Int32Array(count);
  const pairs: Pairs = {
    ...{ examples: count, positions, clean_BT: ids_BT, patch_BT: ids_BT, answer_B: none, wrong_B: none },
    inputs: { clean: feeds, patch: feeds },
  };
  const costates = await costatesAt(logProbabilityNetwork(network), sites, pairs, options);

  const offsets = [0];
  for (const { features } of dictionaries) offsets.push(offsets.at(-1)! + features);
  const effects = contexts.map(() => new Map<number, number>());
  const activations = contexts.map(() => new Map<number, number>());
  const dense: number[][] = contexts.map(() => []);
  for (const [d, dictionary] of dictionaries.entries()) {
    const { site, width } = dictionary;
    const x_BTD = states![site]!;
    const state = await encodeState(
      dictionary,
      x_BTD,
      { examples: count, positions, width },
      options.threads,
    );
    for (let b = 0; b < count; b++) {
      for (let t = 0; t < positions; t++) {
        const row = (b * positions + t) * width;
        for (const [i, f] of activeFeatures(state, b, t)) {
          const column = offsets[d]! + i;
          const effect = -f * alongFeature(dictionary, i, costates[site]!, row);
          effects[b]!.set(column, (effects[b]!.get(column) ?? 0) + effect);
          if (t === positions - 1) activations[b]!.set(column, f);
        }
      }
      const last = x_BTD.subarray((b * positions + positions - 1) * width, (b + 1) * positions * width);
      const norm = Math.hypot(...last) || 1;
      for (const value of last) dense[b]!.push(value / norm);
    }
  }
  const width = offsets.at(-1)!;
  return {
    sites,
    offsets,
    effects: sparseRows(effects, width),
    activations: sparseRows(activations, width),
    dense: compactPoints(dense),
  };
}
