/** @file What a feature writes on the logits directly: its decoder row through the final norm's gain and the unembedding. */
import { throwIfAborted } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import { extend, feedAt, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { valueNames } from '../graph/uses.ts';
import { openSession } from '../runtime/session.ts';
import type { Dictionary } from './types.ts';

/** Tokens whose logits a feature moves most, as ids with effects per unit of activation (before the final norm's scale). */
export interface LogitEffects {
  /** Largest first. */
  readonly promoted: readonly { readonly token: number; readonly effect: number }[];
  /** Most negative first. */
  readonly suppressed: readonly { readonly token: number; readonly effect: number }[];
}

/** Where decoder rows are fed: behind the division of the final norm, in front of its gain. */
const SITE = 'ln_final.hook_normalized';
const BLOCK = 64;

/**
 * Direct effects of all features, W_dec·diag(gain)·W_U less its mean over the vocabulary; undefined when the network
 * has no value `ln_final.hook_normalized` of the dictionary's width.
 */
export async function logitEffects(
  graph: Graph,
  dictionary: Dictionary,
  { top, threads, signal }: { top: number; threads: number; signal?: AbortSignal },
): Promise<LogitEffects[] | undefined> {
  if (!new Set(valueNames(graph)).has(SITE) || !graph.outputs.includes('logits')) return undefined;
  const { features, width, W_dec_FD } = dictionary;
  const session = await openSession(effectGraph(graph, top), { threads });
  const all: LogitEffects[] = [];
  try {
    for (let first = 0; first < features; first += BLOCK) {
      throwIfAborted(signal);
      const n = Math.min(BLOCK, features - first);
      const rows = Float32Array.from(W_dec_FD.subarray(first * width, (first + n) * width));
      const out = await session.run({ [SITE]: tensor('float32', [1, n, width], rows) });
      const read = (side: string, i: number) => {
        const effects = out[`${side}:values`]!.data as Float32Array;
        const tokens = out[`${side}:tokens`]!.data as BigInt64Array;
        const count = effects.length / n;
        return Array.from({ length: count }, (_, j) => ({
          token: Number(tokens[i * count + j]),
          effect: effects[i * count + j]!,
        }));
      };
      for (let i = 0; i < n; i++)
        all.push({ promoted: read('promoted', i), suppressed: read('suppressed', i) });
    }
  } finally {
    await session.release();
  }
  return all;
}

function effectGraph(graph: Graph, top: number): Graph {
  const names: string[] = [];
  const extended = extend(feedAt(only(graph, ['logits']), [SITE]), (b) => {
    const mean = b.op('ReduceMean', ['logits', b.ints(-1)], { keepdims: { int: 1 } });
    const effects = b.op('Sub', ['logits', mean]);
    // A vocabulary smaller than `top` gives all of it.
    const size = b.op('Shape', [effects], { start: { int: 2 }, end: { int: 3 } });
    const count = b.op('Min', [size, b.ints(top)]);
    for (const [side, largest] of [
      ['promoted', 1],
      ['suppressed', 0],
    ] as const) {
      names.push(
        ...b.ops('TopK', [effects, count], [`${side}:values`, `${side}:tokens`], {
          axis: { int: -1 },
          largest: { int: largest },
          sorted: { int: 1 },
        }),
      );
    }
    return names;
  });
  return only(extended, names);
}
