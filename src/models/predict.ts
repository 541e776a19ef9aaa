/** @file Next-token predictions after prompts: log-probabilities at the last position, a few prompts at a time. */
import { ModelError, throwIfAborted } from '../core/errors.ts';
import { i64 } from '../core/tensor.ts';
import { encodePrompt } from '../data/examples.ts';
import { extend, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { openSession } from '../runtime/session.ts';
import { stateBeforeLogits, unembedRows } from './build/head.ts';
import { partsOf } from './build/parts.ts';
import { longestText } from './rotary.ts';
import type { Model } from './types.ts';

/** Log-probability of every token of the vocabulary. */
export type LogProbabilities = Float64Array;

export interface Predictor {
  /** What the model expects after each of the token lists, which may differ in length. */
  afterTokens(rows: readonly (readonly number[])[]): Promise<LogProbabilities[]>;
  /** The same after texts, with the model's start token in front where it has one. */
  logProbabilities(prompts: readonly string[]): Promise<LogProbabilities[]>;
  close(): Promise<void>;
}

/** Prompts in one run: bounds the memory of their activations. */
const TOGETHER = 8;

/**
 * Throws unless the model can read these tokens.
 * @throws ModelError `model.no-tokens`, `model.too-long`, `model.unknown-token`
 */
export function checkTokens(model: Model, ids: readonly number[]): void {
  if (ids.length === 0) {
    throw new ModelError('model.no-tokens', 'there is no token to predict from', {
      hint: 'give a prompt with at least one token',
    });
  }
  checkLength(model, ids.length);
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= model.shape.vocabulary);
  if (bad === undefined) return;
  throw new ModelError('model.unknown-token', `${bad} is no token of ${model.name}`, {
    hint: `ids go from 0 to ${model.shape.vocabulary - 1}`,
  });
}

/** Throws unless the model reads texts of so many tokens. @throws ModelError `model.too-long` */
export function checkLength(model: Model, tokens: number): void {
  const longest = longestText(model.shape);
  if (tokens <= longest) return;
  throw new ModelError('model.too-long', `the text has ${tokens} tokens; ${longest} are the most`, {
    where: model.name,
    hint: 'cut the text into pieces, or ask for shorter windows',
  });
}

/** Throws where nothing is predicted, as under an edit that is too strong. @throws ModelError `model.not-finite` */
export function checkPrediction(model: Model, logProbabilities: LogProbabilities): void {
  if (!logProbabilities.some(Number.isNaN)) return;
  throw new ModelError('model.not-finite', `${model.name} predicts no numbers here`, {
    where: model.name,
    hint: 'its activations leave the range of its numbers: under an edit make that weaker (--factor, its strength), else the file may be damaged',
  });
}

/** The output of lastLogits(). */
export const LAST_LOGITS = 'last_logits';

/**
 * The model's graph with one more input `last` (int64 [batch], the position to predict from) and the outputs
 * `last_logits` [batch, vocabulary] and the values in `read`: the unembedding, a fifth of the work, runs at that
 * position alone.
 * @throws ModelError `model.no-logits` for models that are no language models
 */
export function lastLogits(model: Model, read: readonly string[] = []): Graph {
  const state = stateBeforeLogits(model.shape);
  if (state === undefined) {
    throw new ModelError('model.no-logits', `${model.name} says nothing about next tokens`, {
      where: model.name,
      hint: `read its sites or its outputs (${model.graph.outputs.join(', ')}) instead`,
    });
  }
  const whole = extend(model.graph, (b) => {
    const last = b.input('last', 'int64', ['batch']);
    const index = b.op('Unsqueeze', [last, b.ints(1)]);
    const rows = b.op('GatherND', [state, index], { batch_dims: { int: 1 } });
    return [unembedRows(partsOf(b, model.shape, dtypeOf(model)), rows, LAST_LOGITS)];
  });
  return only(whole, [LAST_LOGITS, ...read]);
}

const dtypeOf = ({ graph }: Model) => (graph.weights.get('W_E')!.dtype === 'float64' ? 'float64' : 'float32');

/** Opens a model for predictions. @throws RuntimeError of the session */
export async function openPredictor(
  model: Model,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignal },
): Promise<Predictor> {
  const session = await openSession(lastLogits(model), { threads });
  const afterTokens = async (rows: readonly (readonly number[])[]) => {
    for (const ids of rows) checkTokens(model, ids);
    const all: LogProbabilities[] = [];
    for (let from = 0; from < rows.length; from += TOGETHER) {
      throwIfAborted(signal);
      const some = rows.slice(from, from + TOGETHER);
      const longest = Math.max(...some.map((ids) => ids.length));
      // Attention is causal, so what stands to the right of a prompt does not touch its prediction.
      const ids = some.flatMap((row) => [...row, ...new Array<number>(longest - row.length).fill(0)]);
      const result = await session.run({
        tokens: i64([some.length, longest], ids),
        last: i64(
          [some.length],
          some.map((row) => row.length - 1),
        ),
      });
      const logits = result[LAST_LOGITS]!.data as Float32Array;
      const size = model.shape.vocabulary;
      some.forEach((_, r) => {
        all.push(logSoftmax(logits.subarray(r * size, (r + 1) * size)));
      });
    }
    return all;
  };
  return {
    afterTokens,
    logProbabilities: (prompts) =>
      afterTokens(prompts.map((prompt) => encodePrompt(model.tokenizer, prompt))),
    close: () => session.release(),
  };
}

/** log softmax, stable for large logits. */
export function logSoftmax(logits: Float32Array | Float64Array): LogProbabilities {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) top = Math.max(top, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  const shift = top + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - shift);
}

/** A token as a prediction. */
export interface Prediction {
  readonly id: number;
  readonly text: string;
  readonly logProbability: number;
}

/** The `count` likeliest tokens, likeliest first. */
export function likeliest(model: Model, logProbabilities: LogProbabilities, count: number): Prediction[] {
  const order = Array.from(logProbabilities, (logProbability, id) => ({ id, logProbability }));
  order.sort((a, b) => b.logProbability - a.logProbability);
  return order.slice(0, count).map((p) => ({ ...p, text: model.tokenizer.token(p.id) }));
}
