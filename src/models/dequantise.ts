/** @file Quantised tensors back to float32: one entry per block format of GGML (ggml/src/ggml-common.h). */
import { halves } from '../core/float16.ts';
import { q4_k, q5_k, q6_k } from './k-quants.ts';

/** A block format: `elements` numbers packed in `bytes` bytes, and how to unpack a row of blocks. */
export interface BlockFormat {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  /** Writes `count` numbers (a multiple of `elements`) unpacked from `source` at `from` to `target` at `to`. */
  unpack(source: Uint8Array, from: number, target: Float32Array, to: number, count: number): void;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The number that 32 raw bits of float32 stand for. */
function bitsToFloat(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

const half = (source: Uint8Array, at: number): number => halves[source[at]! | (source[at + 1]! << 8)]!;

const float32: BlockFormat = {
  name: 'F32',
  elements: 1,
  bytes: 4,
  unpack(source, from, target, to, count) {
    new Uint8Array(target.buffer, target.byteOffset + 4 * to, 4 * count).set(
      source.subarray(from, from + 4 * count),
    );
  },
};

const float16: BlockFormat = {
  name: 'F16',
  elements: 1,
  bytes: 2,
  unpack(source, from, target, to, count) {
    for (let i = 0; i < count; i++) target[to + i] = half(source, from + 2 * i);
  },
};

const bfloat16: BlockFormat = {
  name: 'BF16',
  elements: 1,
  bytes: 2,
  unpack(source, from, target, to, count) {
    for (let i = 0; i < count; i++) {
      const at = from + 2 * i;
      target[to + i] = bitsToFloat(((source[at + 1]! << 24) | (source[at]! << 16)) >>> 0);
    }
  },
};

/**
 * Blocks of 32 in 4 or 5 bits: d (float16) [, m (float16)] [, 32 fifth bits], 16 bytes of nibbles of which elements
 * 0–15 are the low ones, 16–31 the high ones. With m: x = d·q + m, without: x = d·(q − half of the range).
 */
function nibbles(name: string, minimum: boolean, fifth: boolean): BlockFormat {
  const bits = minimum ? 4 : 2;
  const packed = bits + (fifth ? 4 : 0);
  const bytes = packed + 16;
  const middle = minimum ? 0 : fifth ? 16 : 8;
  return {
    name,
    elements: 32,
    bytes,
    unpack(source, from, target, to, count) {
      for (let done = 0, at = from; done < count; done += 32, at += bytes) {
        const d = half(source, at);
        // −0 leaves every number as it is, the sign of zeros included.
        const m = minimum ? half(source, at + 2) : -0;
        const out = to + done;
        for (let j = 0; j < 16; j++) {
          const byte = source[at + packed + j]!;
          let [low, high] = [byte & 15, byte >> 4];
          if (fifth) {
            low |= ((source[at + bits + (j >> 3)]! >> (j & 7)) & 1) << 4;
            high |= ((source[at + bits + 2 + (j >> 3)]! >> (j & 7)) & 1) << 4;
          }
          target[out + j] = d * (low - middle) + m;
          target[out + 16 + j] = d * (high - middle) + m;
        }
      }
    },
  };
}

/** d (float16), 32 signed bytes; x = d·q. */
const q8_0: BlockFormat = {
  name: 'Q8_0',
  elements: 32,
  bytes: 34,
  unpack(source, from, target, to, count) {
    for (let done = 0, at = from; done < count; done += 32, at += 34) {
      const d = half(source, at);
      for (let j = 0; j < 32; j++) target[to + done + j] = d * ((source[at + 2 + j]! << 24) >> 24);
    }
  },
};

/** Formats that are read, by GGML's type number. Add a format here and nowhere else. */
export const ggmlFormats: ReadonlyMap<number, BlockFormat> = new Map<number, BlockFormat>([
  [0, float32],
  [1, float16],
  [2, nibbles('Q4_0', false, false)],
  [3, nibbles('Q4_1', true, false)],
  [6, nibbles('Q5_0', false, true)],
  [7, nibbles('Q5_1', true, true)],
  [8, q8_0],
  [12, q4_k],
  [13, q5_k],
  [14, q6_k],
  [30, bfloat16],
]);

/** Formats of safetensors that are read, by dtype name. */
export const safetensorsFormats: ReadonlyMap<string, BlockFormat> = new Map([
  ['F32', float32],
  ['F16', float16],
  ['BF16', bfloat16],
]);

/** GGML's names of its types, for messages (ggml.h, enum ggml_type; numbers that were removed are left out). */
export const ggmlTypeNames: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
};
