/** @file A trainer's state as one run of bytes: a JSON head and float32 vectors behind it. */
import { DictionaryError } from '../core/errors.ts';

/** Numbers, text and lists that JSON holds exactly, and vectors by name. */
export interface PackedState {
  readonly head: unknown;
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** Bytes of a state: length of the head, the head, the vectors in its order. */
export function packState({ head, vectors }: PackedState): Uint8Array {
  const lengths = Object.entries(vectors).map(([name, v]) => [name, v.length] as const);
  const text = new TextEncoder().encode(JSON.stringify({ head, lengths }));
  const size = lengths.reduce((sum, [, n]) => sum + 4 * n, 4 + text.length);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = 4 + text.length;
  for (const v of Object.values(vectors)) {
    bytes.set(new Uint8Array(v.buffer, v.byteOffset, v.byteLength), at);
    at += v.byteLength;
  }
  return bytes;
}

/** The state of bytes. @throws DictionaryError `dictionary.checkpoint` when they are not such a state. */
export function unpackState(bytes: Uint8Array): PackedState {
  try {
    const n = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const text = new TextDecoder().decode(bytes.subarray(4, 4 + n));
    const { head, lengths } = JSON.parse(text) as { head: unknown; lengths: [string, number][] };
    let at = 4 + n;
    const vectors = lengths.map(([name, length]) => {
      const part = bytes.slice(at, at + 4 * length);
      at += 4 * length;
      return [name, new Float32Array(part.buffer, 0, length)] as const;
    });
    if (at !== bytes.length) throw new Error('bytes are left over or missing');
    return { head, vectors: Object.fromEntries(vectors) };
  } catch (cause) {
    throw new DictionaryError('dictionary.checkpoint', 'the checkpoint is of another shape', {
      hint: 'delete the checkpoint to train from the start',
      cause,
    });
  }
}
