/** @file IEEE 754 binary16, which JavaScript of Node 20 has no array for: its 16 bits to numbers and back. */

/** The number of every float16, by its bits: subnormals, infinities and NaN included. */
export const halves: Float32Array = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/** Largest finite float16. */
export const HALF_MAX = 65_504;

/** Writes the numbers of `bits` into `target` (same length) and returns it. */
export function halvesToFloats(
  bits: Uint16Array,
  target: Float32Array = new Float32Array(bits.length),
): Float32Array {
  for (let i = 0; i < bits.length; i++) target[i] = halves[bits[i]!]!;
  return target;
}

/**
 * The nearest float16 of every number, ties to even; beyond ±65,519 infinity, as IEEE 754 rounds.
 * Adding a power of two to the magnitude lets the float32 unit do the rounding (F. Giesen, float_to_half_fast3).
 */
export function floatsToHalves(
  values: Float32Array,
  target = new Uint16Array(values.length),
): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const float = new Float32Array(1);
  const word = new Uint32Array(float.buffer);
  for (let i = 0; i < values.length; i++) {
    const raw = words[i]!;
    const sign = (raw >>> 16) & 0x8000;
    const magnitude = raw & 0x7fffffff;
    if (magnitude >= 0x47800000) {
      target[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (magnitude < 0x38800000) {
      // Below 2^-14: 0.5 has its last bit at 2^-24, the step of subnormal halves.
      word[0] = magnitude;
      float[0] = float[0]! + 0.5;
      target[i] = sign | (word[0]! - 0x3f000000);
    } else {
      const odd = (magnitude >>> 13) & 1;
      target[i] = sign | ((magnitude + 0xc8000fff + odd) >>> 13);
    }
  }
  return target;
}
