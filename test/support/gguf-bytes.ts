/** @file Writing little GGUF files for tests, right or wrong on purpose. */
import { byteAlphabet } from '../../src/models/bytes.ts';
import { ggufArchitectures } from '../../src/models/gguf-names.ts';
import { storedBy } from '../../src/models/stored.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import type { ModelShape } from '../../src/models/types.ts';
import { modelWeights } from '../../src/models/weights.ts';

export type GgufValue =
  | string
  | number
  | boolean
  | { readonly u32: number }
  | readonly string[]
  | readonly number[];

export interface GgufPiece {
  readonly name: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
}

const u32 = (v: number) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(v);
  return b;
};
const u64 = (v: number | bigint) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(v));
  return b;
};
const f32 = (v: number) => {
  const b = Buffer.alloc(4);
  b.writeFloatLE(v);
  return b;
};
export const text = (s: string) => {
  const bytes = Buffer.from(s);
  return Buffer.concat([u64(bytes.length), bytes]);
};

function value(v: GgufValue): Buffer {
  if (typeof v === 'string') return Buffer.concat([u32(8), text(v)]);
  if (typeof v === 'boolean') return Buffer.concat([u32(7), Buffer.of(v ? 1 : 0)]);
  if (typeof v === 'number') return Buffer.concat([u32(6), f32(v)]);
  if ('u32' in v) return Buffer.concat([u32(4), u32(v.u32)]);
  const strings = v.every((x) => typeof x === 'string');
  const items = v.map((x) => (typeof x === 'string' ? text(x) : u32(x)));
  return Buffer.concat([u32(9), u32(strings ? 8 : 4), u64(v.length), ...items]);
}

/** The bytes of a GGUF file. `order` of tensors is that of the pieces; data are aligned to 32 bytes. */
export function ggufBytes(
  metadata: Readonly<Record<string, GgufValue>>,
  pieces: readonly GgufPiece[],
): Buffer {
  const entries = Object.entries(metadata).map(([k, v]) => Buffer.concat([text(k), value(v)]));
  let offset = 0;
  const table = pieces.map(({ name, shape, type, bytes }) => {
    const at = offset;
    offset += Math.ceil(bytes.length / 32) * 32;
    return Buffer.concat([
      text(name),
      u32(shape.length),
      ...[...shape].reverse().map(u64),
      u32(type),
      u64(at),
    ]);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(pieces.length),
    u64(entries.length),
    ...entries,
    ...table,
  ]);
  const padded = (b: Uint8Array) => Buffer.concat([b, Buffer.alloc((32 - (b.length % 32)) % 32)]);
  return Buffer.concat([padded(head), ...pieces.map((p) => padded(p.bytes))]);
}

/** Metadata of a GGUF with this shape and a byte-level tokenizer. */
export function llamaMetadata(shape: ModelShape): Record<string, GgufValue> {
  return {
    'general.architecture': 'llama',
    'llama.block_count': { u32: shape.layers },
    'llama.context_length': { u32: shape.context },
    'llama.embedding_length': { u32: shape.width },
    'llama.feed_forward_length': { u32: shape.mlpWidth },
    'llama.attention.head_count': { u32: shape.heads },
    'llama.attention.head_count_kv': { u32: shape.kvHeads },
    'llama.rope.freq_base': shape.ropeBase,
    'llama.attention.layer_norm_rms_epsilon': shape.normEpsilon,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'smollm',
    'tokenizer.ggml.tokens': byteAlphabet,
    'tokenizer.ggml.token_type': byteAlphabet.map(() => 1),
    'tokenizer.ggml.merges': [],
  };
}

/**
 * The weights of tinyLlama(seed) as float32 tensors in llama.cpp's form: maps transposed to [out, in], rows of a
 * head of Q and K ordered (pair, half).
 */
export function tinyPieces(seed: number): { shape: ModelShape; pieces: GgufPiece[] } {
  const { shape, graph } = tinyLlama(seed);
  const stored = storedBy(ggufArchitectures.llama!.names, shape);
  const pieces = modelWeights(shape).map((spec): GgufPiece => {
    const { name, transposed, rotaryHeads } = stored(spec)!;
    const weight = graph.weights.get(spec.name) as { data: Float32Array };
    const [inner, outer] = transposed ? [spec.shape[0]!, spec.shape[1]!] : [weight.data.length, 1];
    const half = rotaryHeads ? outer / rotaryHeads / 2 : 0;
    const values = new Float32Array(weight.data.length);
    for (let row = 0; row < outer; row++) {
      const within = half ? row % (2 * half) : row;
      const place = half ? row - within + 2 * (within % half) + (within >= half ? 1 : 0) : row;
      for (let c = 0; c < inner; c++)
        values[place * inner + c] = weight.data[transposed ? c * outer + row : c]!;
    }
    return {
      name,
      shape: transposed ? [outer, inner] : spec.shape,
      type: 0,
      bytes: new Uint8Array(values.buffer),
    };
  });
  return { shape, pieces };
}
