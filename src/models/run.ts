/** @file runModel(): what `untangle run` does: next-token predictions after a prompt, and the sites asked for. */
import { ModelError, nearestNames, throwIfAborted } from '../core/errors.ts';
import { i64, type Tensor } from '../core/tensor.ts';
import { encodePrompt } from '../data/examples.ts';
import { producers } from '../graph/uses.ts';
import { openSession } from '../runtime/session.ts';
import {
  checkPrediction,
  checkTokens,
  LAST_LOGITS,
  lastLogits,
  likeliest,
  logSoftmax,
  type Prediction,
} from './predict.ts';
import type { Rewriting } from './steps.ts';
import type { Model } from './types.ts';

export interface RunOptions {
  /** Text, or token ids as they are. */
  readonly input: string | readonly number[];
  /** Sites (or any other value of the graph) to return. */
  readonly read?: readonly string[];
  /** How many predictions; 5 by default. */
  readonly top?: number;
  /** An edit under which the model runs. */
  readonly rewriting?: Rewriting;
  readonly threads: number;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  /** The likeliest next tokens, likeliest first; of an encoder those for the last masked token of the text. */
  readonly predictions: readonly Prediction[];
  /** Each site asked for, as the graph has it: [1, position, …] for most. */
  readonly sites: Readonly<Record<string, Tensor>>;
}

/**
 * Runs the model once.
 * @throws ModelError `model.unknown-site` (names the nearest), `model.no-tokens`, `model.too-long`,
 *   `model.unknown-token`, `model.not-finite`
 */
export async function runModel(model: Model, options: RunOptions): Promise<RunResult> {
  const { input, read = [], top = 5, rewriting, threads, signal } = options;
  checkSites(model, read);
  const ids = typeof input === 'string' ? encodePrompt(model.tokenizer, input) : [...input];
  checkTokens(model, ids);
  throwIfAborted(signal);
  const graph = rewriting ? rewriting.apply(model.graph) : model.graph;
  const session = await openSession(lastLogits({ ...model, graph }, read), { threads });
  try {
    const asked = ids.lastIndexOf(model.tokenizer.mask ?? -1);
    const last = i64([1], [asked < 0 ? ids.length - 1 : asked]);
    const { [LAST_LOGITS]: logits, ...sites } = await session.run({
      tokens: i64([1, ids.length], ids),
      last,
      ...rewriting?.feeds,
    });
    const logProbabilities = logSoftmax(logits!.data as Float32Array);
    checkPrediction(model, logProbabilities);
    return {
      tokens: ids.map((id) => ({ id, text: model.tokenizer.token(id) })),
      predictions: likeliest(model, logProbabilities, top),
      sites,
    };
  } finally {
    await session.release();
  }
}

/** @throws ModelError `model.unknown-site` naming the three nearest sites */
export function checkSites(model: Model, names: readonly string[]): void {
  const known = producers(model.graph);
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  const near = nearestNames(
    unknown,
    model.sites.map((site) => site.name),
  );
  throw new ModelError('model.unknown-site', `${model.name} has no site "${unknown}"`, {
    where: unknown,
    hint: `did you mean ${near.map((name) => `"${name}"`).join(', ')}?`,
  });
}
