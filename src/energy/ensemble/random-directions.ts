/** @file A dictionary that has learned nothing: the same size, biases and norms, every direction drawn at random. */
import type { Random } from '../../core/random.ts';
import type { Dictionary, Floats } from '../../dictionaries/types.ts';

/** Row i of encoder and decoder point along one random direction, as long as they were. Thresholds and biases stay. */
export function randomDirections(dictionary: Dictionary, random: Random): Dictionary {
  const { features, width, W_enc_FD, W_dec_FD } = dictionary;
  const [encoder, decoder] = [W_enc_FD.slice() as Floats, W_dec_FD.slice() as Floats];
  for (let i = 0; i < features; i++) {
    const direction = Float64Array.from({ length: width }, () => random.normal());
    const norm = Math.hypot(...direction);
    for (const rows of [encoder, decoder]) {
      const row = rows.subarray(i * width, (i + 1) * width);
      const length = Math.hypot(...row);
      row.forEach((_, d) => {
        row[d] = (length * direction[d]!) / norm;
      });
    }
  }
  return { ...dictionary, W_enc_FD: encoder, W_dec_FD: decoder };
}
