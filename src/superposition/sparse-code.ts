/** @file A small sparse autoencoder as a landscape: its loss on a fixed set of rows, in float64, for the learning clock. */
import type { Landscape } from '../mechanics/landscape.ts';

/** Parameters of a sparse autoencoder in one vector: encoder rows [F, m], decoder rows [F, m], encoder biases [F]. */
export interface SparseCodeShape {
  readonly units: number;
  readonly width: number;
}

/** Views of the parts of a point. */
export const partsOf = ({ units: F, width: m }: SparseCodeShape, x: Float64Array) => ({
  encoder_FM: x.subarray(0, F * m),
  decoder_FM: x.subarray(F * m, 2 * F * m),
  bias_F: x.subarray(2 * F * m),
});

/**
 * V = mean over rows of ½‖h − Σ_f a_f d_f‖² + λ Σ_f a_f ‖d_f‖, a = ReLU(E h + b): a ReLU autoencoder with the penalty that
 * does not depend on the length of decoder rows (Anthropic, April 2024 update). Every row counts in every step, so that
 * V is a potential and T + V means something.
 */
export function sparseCodeLandscape(
  rows_RM: Float64Array,
  shape: SparseCodeShape,
  penalty: number,
): Landscape {
  const { units: F, width: m } = shape;
  const rows = rows_RM.length / m;
  const code = new Float64Array(F);
  const error = new Float64Array(m);
  const norms = new Float64Array(F);
  const used = new Float64Array(F);
  return {
    name: `sparse code of ${F} units`,
    dimension: 2 * F * m + F,
    at(x, gradient) {
      const { encoder_FM: E, decoder_FM: D, bias_F: b } = partsOf(shape, x);
      const { encoder_FM: gE, decoder_FM: gD, bias_F: gb } = partsOf(shape, gradient);
      gradient.fill(0);
      used.fill(0);
      for (let f = 0; f < F; f++) {
        let square = 0;
        for (let k = 0; k < m; k++) square += D[f * m + k]! ** 2;
        norms[f] = Math.sqrt(square);
      }
      let loss = 0;
      for (let row = 0; row < rows; row++) {
        const h = row * m;
        for (let k = 0; k < m; k++) error[k] = -rows_RM[h + k]!;
        for (let f = 0; f < F; f++) {
          let a = b[f]!;
          for (let k = 0; k < m; k++) a += E[f * m + k]! * rows_RM[h + k]!;
          code[f] = Math.max(0, a);
          if (a <= 0) continue;
          loss += penalty * a * norms[f]!;
          used[f]! += a;
          for (let k = 0; k < m; k++) error[k]! += a * D[f * m + k]!;
        }
        for (let k = 0; k < m; k++) loss += error[k]! ** 2 / 2;
        for (let f = 0; f < F; f++) {
          const a = code[f]!;
          if (a === 0) continue;
          let slope = penalty * norms[f]!;
          for (let k = 0; k < m; k++) {
            slope += error[k]! * D[f * m + k]!;
            gD[f * m + k]! += a * error[k]!;
          }
          gb[f]! += slope;
          for (let k = 0; k < m; k++) gE[f * m + k]! += slope * rows_RM[h + k]!;
        }
      }
      for (let f = 0; f < F; f++)
        if (norms[f]! > 0)
          for (let k = 0; k < m; k++) gD[f * m + k]! += (penalty * used[f]! * D[f * m + k]!) / norms[f]!;
      for (let i = 0; i < gradient.length; i++) gradient[i]! /= rows;
      return loss / rows;
    },
  };
}
