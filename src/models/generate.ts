/** @file generate(): a model goes on from a text, token by token. */
import { InterruptedError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { encodePrompt } from '../data/examples.ts';
import { endTokens } from './chat.ts';
import { checkPrediction, checkTokens, logSoftmax } from './predict.ts';
import { longestText } from './rotary.ts';
import { greedy, type Sampling, sample } from './sampling.ts';
import { openSteps, type Rewriting, type Steps } from './steps.ts';
import type { Model, Tokenizer } from './types.ts';

export interface GenerateOptions {
  /** Text, or token ids as they are. */
  readonly input: string | readonly number[];
  /** Most tokens to generate. */
  readonly count: number;
  /** The likeliest token each time by default. */
  readonly sampling?: Sampling;
  /** Of the draws; 0 by default. */
  readonly seed?: number;
  /** Tokens that end the text (not part of it); those of the model's files by default. */
  readonly stop?: readonly number[];
  /** An edit under which the model generates. */
  readonly rewriting?: Rewriting;
  /** Without the key–value cache every step computes the whole text; for comparison. */
  readonly cache?: boolean;
  readonly threads: number;
  /** Ends the text where it is. */
  readonly signal?: AbortSignal;
}

export interface GeneratedToken {
  readonly id: number;
  /** What can be shown with it: '' while a character of several tokens is incomplete. */
  readonly text: string;
  /** Under the model itself, whatever the sampling. */
  readonly logProbability: number;
}

/** Why a text ended: a stop token, the count, the longest text the model takes, or the caller's signal. */
export type Ended = 'stop' | 'length' | 'context' | 'interrupted';

/**
 * Yields tokens as they come, and returns why they end.
 * @throws ModelError `model.no-tokens`, `model.too-long`, `model.unknown-token`, `model.no-logits`, `model.not-finite`
 */
export async function* generate(
  model: Model,
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, Ended> {
  const { input, count, sampling = greedy, seed = 0, threads, signal } = options;
  const ids = typeof input === 'string' ? encodePrompt(model.tokenizer, input) : [...input];
  checkTokens(model, ids);
  const longest = longestText(model.shape);
  const stop = new Set(options.stop ?? endTokens(model.tokenizer));
  const stream = random(seed).fork('generate');
  const show = incrementalText(model.tokenizer);
  const { cache, rewriting } = options;
  const steps = await openSteps(model, {
    threads,
    positions: Math.min(longest, ids.length + count),
    ...(cache === undefined ? {} : { cache }),
    ...(rewriting ? { rewriting } : {}),
    ...(signal ? { signal } : {}),
  });
  try {
    for (let made = 0; made < count; made++) {
      if (ids.length > longest) return 'context';
      const logits = await unlessStopped(steps, ids);
      if (!logits || signal?.aborted) return 'interrupted';
      const logProbabilities = logSoftmax(logits);
      checkPrediction(model, logProbabilities);
      const id = sample(logits, sampling, stream);
      if (stop.has(id)) return 'stop';
      ids.push(id);
      yield { id, text: show(id), logProbability: logProbabilities[id]! };
    }
    return 'length';
  } finally {
    await steps.close();
  }
}

/** The logits, or undefined when the signal fired while they were computed. */
const unlessStopped = (steps: Steps, ids: readonly number[]) =>
  steps.after(ids).catch((error: unknown) => {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  });

/**
 * Text of one token after the other, whole characters only. Some tokenizers write a token otherwise at the beginning
 * of a text, so each piece is the difference of two decodings that begin one settled piece earlier.
 */
export function incrementalText({ decode }: Tokenizer): (id: number) => string {
  let before: number[] = [];
  let open: number[] = [];
  return (id) => {
    open.push(id);
    const [shown, all] = [decode(before), decode([...before, ...open])];
    const text = all.slice(shown.length);
    if (text.endsWith('\uFFFD')) return '';
    before = open;
    open = [];
    return text;
  };
}
