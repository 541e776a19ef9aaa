/** @file Text as one stream of tokens, cut into batches for next-token prediction. */
import { NetworkError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { TextDocument } from '../data/document.ts';
import type { Tensors } from '../runtime/session.ts';
import { NEXT } from './language.ts';

/** Documents to learn from, and documents that are never learned from, at least `share` of the characters. */
export function splitDocuments(
  documents: readonly TextDocument[],
  { share, seed }: { readonly share: number; readonly seed: number },
): { train: TextDocument[]; heldOut: TextDocument[] } {
  const order = random(seed).fork('documents').shuffle(documents);
  const wanted = share * documents.reduce((sum, d) => sum + d.text.length, 0);
  let [cut, characters] = [0, 0];
  while (cut < order.length && characters < wanted) characters += order[cut++]!.text.length;
  return { train: order.slice(cut), heldOut: order.slice(0, cut) };
}

/** Each document's tokens behind the start token, all in one row. */
export function tokenStream(
  documents: readonly TextDocument[],
  tokenizer: { encode(text: string): number[]; readonly bos?: number },
): Int32Array {
  const start = tokenizer.bos === undefined ? [] : [tokenizer.bos];
  return Int32Array.from(documents.flatMap(({ text }) => [...start, ...tokenizer.encode(text)]));
}

export interface BatchOptions {
  /** Tokens predicted in one window. */
  readonly length: number;
  /** Windows in one batch. */
  readonly batch: number;
  /** Put in front of every window in place of what stood before it. */
  readonly start: number;
}

/** Windows [from, from + length) of a stream as inputs of nextTokenLoss: each is predicted from `start` and itself. */
export function windowBatch(
  stream: Int32Array,
  froms: readonly number[],
  { length, start }: BatchOptions,
): Tensors {
  const tokens = new BigInt64Array(froms.length * length);
  const next = new BigInt64Array(froms.length * length);
  froms.forEach((from, b) => {
    for (let t = 0; t < length; t++) {
      tokens[b * length + t] = BigInt(t === 0 ? start : stream[from + t - 1]!);
      next[b * length + t] = BigInt(stream[from + t]!);
    }
  });
  const size = [froms.length, length];
  const int64 = (data: BigInt64Array<ArrayBuffer>): Tensor => tensor('int64', size, data);
  return { tokens: int64(tokens), [NEXT]: int64(next) };
}

/** Batches that cover the stream once, in order; what does not fill a batch at the end is left out. */
export function batchesInOrder(stream: Int32Array, options: BatchOptions): Tensors[] {
  const { length, batch } = options;
  const windows = Math.floor(stream.length / length);
  return Array.from({ length: Math.floor(windows / batch) }, (_, b) =>
    windowBatch(
      stream,
      Array.from({ length: batch }, (_, w) => (b * batch + w) * length),
      options,
    ),
  );
}

/**
 * The batch of each step of a training: all windows once per pass, in an order and from an offset that are drawn anew
 * for every pass. It depends on seed and step alone.
 * @throws NetworkError `network.too-short` when the stream does not fill one batch
 */
export function shuffledBatches(
  stream: Int32Array,
  options: BatchOptions,
  seed: number,
): (step: number) => Tensors {
  const { length, batch } = options;
  // One window less than fits, so that every offset below `length` leaves room.
  const perPass = Math.floor((Math.floor(stream.length / length) - 1) / batch);
  if (perPass < 1) {
    throw new NetworkError(
      'network.too-short',
      `${stream.length} tokens are too few for a batch of ${batch} windows of ${length}`,
      { hint: 'give more text, or smaller batches or windows' },
    );
  }
  let pass = -1;
  let froms: number[] = [];
  return (step) => {
    const wanted = Math.floor(step / perPass);
    if (wanted !== pass) {
      pass = wanted;
      const chance = random(seed).fork(`pass ${pass}`);
      const offset = chance.integer(length);
      froms = Array.from(chance.permutation(perPass * batch), (window) => offset + window * length);
    }
    const at = (step % perPass) * batch;
    return windowBatch(stream, froms.slice(at, at + batch), options);
  };
}
