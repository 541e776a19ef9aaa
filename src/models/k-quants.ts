/** @file GGML's K quantisations: super-blocks of 256 numbers whose parts have scales of their own (ggml/src/ggml-quants.c). */
import { halves } from '../core/float16.ts';

const half = (source: Uint8Array, at: number): number => halves[source[at]! | (source[at + 1]! << 8)]!;

type Unpack = (source: Uint8Array, at: number, target: Float32Array, to: number) => void;

/** Super-blocks one after the other. */
const blocks =
  (bytes: number, one: Unpack) =>
  (source: Uint8Array, from: number, target: Float32Array, to: number, count: number): void => {
    for (let done = 0, at = from; done < count; done += 256, at += bytes) one(source, at, target, to + done);
  };

/** The 6-bit scale and minimum of part `i` of 8 (get_scale_min_k4). */
function scaleAndMinimum(source: Uint8Array, at: number, i: number): [number, number] {
  const s = (k: number) => source[at + k]!;
  if (i < 4) return [s(i) & 63, s(i + 4) & 63];
  return [(s(i + 4) & 15) | ((s(i - 4) >> 6) << 4), (s(i + 4) >> 4) | ((s(i) >> 6) << 4)];
}

/** d, dmin (float16), 12 bytes of scales and minima, [32 bytes of fifth bits,] 128 bytes of nibbles; x = d·s·q − dmin·m. */
const nibbles =
  (fifth: boolean): Unpack =>
  (source, at, target, to) => {
    const [d, dmin] = [half(source, at), half(source, at + 2)];
    const high = at + 16;
    const low = fifth ? high + 32 : high;
    for (let part = 0; part < 8; part++) {
      const [scale, minimum] = scaleAndMinimum(source, at + 4, part);
      const [factor, shift] = [d * scale, dmin * minimum];
      const from = low + 32 * (part >> 1);
      for (let l = 0; l < 32; l++) {
        const nibble = part % 2 === 0 ? source[from + l]! & 15 : source[from + l]! >> 4;
        const bit = fifth ? ((source[high + l]! >> part) & 1) << 4 : 0;
        target[to + 32 * part + l] = factor * (nibble | bit) - shift;
      }
    }
  };

/** 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, d (float16); x = d·s·(q − 32). */
const sixBits: Unpack = (source, at, target, to) => {
  const d = half(source, at + 208);
  for (let side = 0; side < 2; side++) {
    const [low, high, scales] = [at + 64 * side, at + 128 + 32 * side, at + 192 + 8 * side];
    for (let l = 0; l < 32; l++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        const byte = source[low + l + 32 * (quarter % 2)]!;
        const nibble = quarter < 2 ? byte & 15 : byte >> 4;
        const q = (nibble | (((source[high + l]! >> (2 * quarter)) & 3) << 4)) - 32;
        const scale = (source[scales + (l >> 4) + 2 * quarter]! << 24) >> 24;
        target[to + 128 * side + 32 * quarter + l] = d * scale * q;
      }
    }
  }
};

export const q4_k = { name: 'Q4_K', elements: 256, bytes: 144, unpack: blocks(144, nibbles(false)) } as const;
export const q5_k = { name: 'Q5_K', elements: 256, bytes: 176, unpack: blocks(176, nibbles(true)) } as const;
export const q6_k = { name: 'Q6_K', elements: 256, bytes: 210, unpack: blocks(210, sixBits) } as const;
