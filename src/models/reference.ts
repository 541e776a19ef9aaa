/** @file Logits of SmolLM2 by PyTorch (test/oracles/smollm2_logits.py) and the distance of ours from them. */
import { readFile } from 'node:fs/promises';
import { throwIfAborted } from '../core/errors.ts';
import { i64 } from '../core/tensor.ts';
import { openSession } from '../runtime/session.ts';
import { LAST_LOGITS, lastLogits } from './predict.ts';
import type { Model } from './types.ts';

/** Logits after one prompt: of the top 50 and of 200 fixed random tokens. */
interface ReferenceRow {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly top5: readonly number[];
  readonly tokens: readonly number[];
  readonly logits: readonly number[];
}

export interface ReferenceComparison {
  readonly prompts: number;
  /** Largest |logit − reference|. */
  readonly worst: number;
  /** Prompts whose five likeliest tokens stand in another order, or are others. */
  readonly reordered: readonly string[];
}

/** Runs the 20 reference prompts on SmolLM2-135M (Q4_1). */
export async function compareWithReference(
  model: Model,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignal },
): Promise<ReferenceComparison> {
  const file = new URL('./reference/smollm2_logits.json', import.meta.url);
  const { rows } = JSON.parse(await readFile(file, 'utf8')) as { rows: ReferenceRow[] };
  const session = await openSession(lastLogits(model), { threads });
  try {
    let worst = 0;
    const reordered: string[] = [];
    for (const { prompt, ids, top5, tokens, logits } of rows) {
      throwIfAborted(signal);
      const out = await session.run({ tokens: i64([1, ids.length], ids), last: i64([1], [ids.length - 1]) });
      const ours = out[LAST_LOGITS]!.data as Float32Array;
      for (const [i, token] of tokens.entries()) worst = Math.max(worst, Math.abs(ours[token]! - logits[i]!));
      if (`${likeliestIds(ours, 5)}` !== `${top5}`) reordered.push(prompt);
    }
    return { prompts: rows.length, worst, reordered };
  } finally {
    await session.release();
  }
}

const likeliestIds = (logits: Float32Array, count: number): number[] =>
  Array.from(logits.keys())
    .sort((a, b) => logits[b]! - logits[a]!)
    .slice(0, count);
