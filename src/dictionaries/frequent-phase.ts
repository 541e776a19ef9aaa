/** @file Between lists of entries, which all kinds work on, and the dense products of frequent features. */
import { type FrequentProducts, type FrequentStep, SPAN } from './frequent.ts';
import type { Views } from './views.ts';

export interface FrequentPhase {
  /** At the start of a step: which features are frequent, and copies of their decoder rows. */
  begin(): void;
  /** Whether the step has frequent features. */
  readonly some: boolean;
  /** Adds frequent features to the residuals of n rows from `first` on, at most DECODED, and sets the slopes of their entries. */
  decode(first: number, n: number): Promise<void>;
  /**
   * Gradients of this worker's share of frequent features from the sorted entries of rows from … to − 1, added to those of
   * earlier slices unless it is the first; then calls `settle` with each of these features.
   */
  gradients(from: number, to: number, first: boolean, settle: (feature: number) => void): Promise<void>;
}

export function frequentPhase(v: Views, products: FrequentProducts | undefined): FrequentPhase {
  const { at, shape, place, indices, values, slopes, starts, counts, rare, active, XR } = v;
  const { D } = at;
  const bandOf = (f: number) => (shape.bands ? v.banded[f]! : 0);
  let now: FrequentStep | undefined;
  /** Frequent features of the step, ascending. */
  let features: number[] = [];

  /**
   * Values and slopes of entries from[i] … to[i] − 1 of feature i, those of `n` rows from `row` on, as dense rows; adds their
   * slopes to sums, and moves from[i] on.
   */
  function spread(
    { values_HK, slopes_HK }: FrequentStep,
    { from, to, sums }: { from: Int32Array; to: Int32Array; sums: Float64Array },
    row: number,
    n: number,
  ): void {
    const { sorted, sortedRows, gradientScale } = v;
    values_HK.fill(0);
    slopes_HK.fill(0);
    for (let i = 0; i < from.length; i++) {
      const shift = i * SPAN - row;
      const end = to[i]!;
      let sum = sums[i]!;
      let e = from[i]!;
      for (; e < end; e++) {
        const at = sortedRows[3 * e]!;
        if (at >= row + n) break;
        const slope = sorted[3 * e + 2]!;
        values_HK[shift + at] = gradientScale * sorted[3 * e + 1]!;
        slopes_HK[shift + at] = slope;
        sum += slope;
      }
      from[i] = e;
      sums[i] = sum;
    }
  }

  /** Σ of the slopes of a feature's entries in JumpReLU's band below its threshold: known here, without a sum of residuals. */
  function slopesInBand(f: number): number {
    let sum = 0;
    for (let e = v.next[f]!; e < v.next[f]! + v.banded[f]!; e++) sum += v.sorted[3 * e + 2]!;
    return sum;
  }

  return {
    begin() {
      features = [];
      for (let f = 0; f < place.length; f++) if (place[f]! > 0) features.push(f);
      now = features.length > 0 ? products!.begin(features, v.W_dec) : undefined;
    },

    get some() {
      return now !== undefined;
    },

    async decode(first, n) {
      const { codes_RH, rest_RD, residuals_RD, projections_RH, padded, decode } = now!;
      codes_RH.fill(0, 0, n * padded);
      for (let row = 0; row < n; row++) {
        const b = first + row;
        const end = starts[b]! + active[b]!;
        const base = row * padded - 1;
        for (let i = starts[b]! + rare[b]!; i < end; i++) codes_RH[base + place[indices[i]!]!] = values[i]!;
        rest_RD.set(XR.subarray((2 * b + 1) * D, 2 * (b + 1) * D), row * D);
      }
      await decode();
      const scale = v.gradientScale;
      for (let row = 0; row < n; row++) {
        const b = first + row;
        XR.set(residuals_RD.subarray(row * D, (row + 1) * D), (2 * b + 1) * D);
        const end = starts[b]! + counts[b]!;
        const base = row * padded - 1;
        for (let i = starts[b]! + rare[b]!; i < end; i++) {
          const h = place[indices[i]!]!;
          if (h > 0) slopes[i] = scale * projections_RH[base + h]!;
        }
      }
    },

    async gradients(from, to, first, settle) {
      if (!now || now.low === now.high) return;
      const { low, high, x_KD, r_KD, sums } = now;
      const mine = features.slice(low, high);
      const ends = Int32Array.from(mine, (f) => v.next[f]!);
      const entries = {
        from: Int32Array.from(mine, (f, i) => ends[i]! - v.total[f]! + bandOf(f)),
        to: ends,
        sums: Float64Array.from(mine, (f) => (first ? 0 : v.g_b_enc[f]!)),
      };
      const before = sums();
      for (const [G, sums_HD] of [
        [v.G_dec, before.decoder_HD] as const,
        [v.G_enc, before.encoder_HD] as const,
      ]) {
        if (first) sums_HD.fill(0);
        else for (const [i, f] of mine.entries()) sums_HD.set(G.subarray(f * D, (f + 1) * D), i * D);
      }
      for (let row = from; row < to; row += SPAN) {
        const n = Math.min(SPAN, to - row);
        spread(now, entries, row, n);
        for (let k = 0; k < n; k++) {
          const x = 2 * (row + k) * D;
          x_KD.set(XR.subarray(x, x + D), k * D);
          r_KD.set(XR.subarray(x + D, x + 2 * D), k * D);
        }
        await now.gradients();
      }
      const { decoder_HD, encoder_HD } = sums();
      for (const [i, f] of mine.entries()) {
        v.G_dec.set(decoder_HD.subarray(i * D, (i + 1) * D), f * D);
        v.G_enc.set(encoder_HD.subarray(i * D, (i + 1) * D), f * D);
        v.g_b_enc[f] = entries.sums[i]!;
        if (shape.bands) v.sums[0]![f]! += slopesInBand(f);
        settle(f);
      }
    },
  };
}
