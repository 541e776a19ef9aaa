/** @file Bits per byte of held-out text, of a model and of n-gram models over the same tokens. */
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { LOSS, nextTokenLoss } from './language.ts';
import { type NgramModel, ngramModel } from './ngrams.ts';
import { type BatchOptions, batchesInOrder } from './token-stream.ts';

export interface HeldOut {
  /** Tokens that were predicted; start tokens between documents among them. */
  readonly tokens: number;
  /** Bytes of text that these tokens stand for. */
  readonly bytes: number;
  readonly bitsPerByte: Readonly<Record<'model' | 'unigram' | 'trigram', number>>;
}

/** What is measured, and on how many tokens: as many as fill whole batches. */
export interface HeldOutOptions extends BatchOptions {
  readonly threads: number;
}

/**
 * Bits that the model needs for each byte of a stream: Σ −log₂ p(token | tokens before it in its window) / bytes.
 * Every window starts anew behind the start token, so the model never sees more than a window.
 */
export async function modelBits(
  model: Model,
  stream: Int32Array,
  options: HeldOutOptions,
): Promise<{ tokens: number; bytes: number; bitsPerByte: number }> {
  const batches = batchesInOrder(stream, options);
  const perBatch = options.batch * options.length;
  const session = await openSession(nextTokenLoss(model.graph), options);
  try {
    let nats = 0;
    for (const batch of batches) nats += perBatch * Number((await session.run(batch))[LOSS]!.data[0]);
    const tokens = batches.length * perBatch;
    const bytes = bytesOf(model, stream.subarray(0, tokens), options.start);
    return { tokens, bytes, bitsPerByte: nats / Math.LN2 / bytes };
  } finally {
    await session.release();
  }
}

/**
 * The model beside a unigram and a trigram model that were counted on the text it was trained on. The n-gram models
 * see the tokens before a window as well: where contexts differ they know more than the model does.
 */
export async function heldOutBits(
  model: Model,
  { trainStream, heldOutStream }: { readonly trainStream: Int32Array; readonly heldOutStream: Int32Array },
  options: HeldOutOptions,
): Promise<HeldOut> {
  const own = await modelBits(model, heldOutStream, options);
  const bits = (ngrams: NgramModel) => ngramNats(ngrams, heldOutStream, own.tokens) / Math.LN2 / own.bytes;
  const counted = (order: 1 | 3) => bits(ngramModel(trainStream, order, model.shape.vocabulary));
  return {
    ...own,
    bitsPerByte: { model: own.bitsPerByte, trigram: counted(3), unigram: counted(1) },
  };
}

/** −Σ ln p over the first `tokens` of a stream. */
function ngramNats(ngrams: NgramModel, stream: Int32Array, tokens: number): number {
  let nats = 0;
  for (let at = 0; at < tokens; at++) nats -= Math.log(ngrams.probability(stream, at));
  return nats;
}

const bytesOf = ({ tokenizer }: Model, tokens: Int32Array, start: number): number =>
  new TextEncoder().encode(tokenizer.decode([...tokens].filter((id) => id !== start))).length;
