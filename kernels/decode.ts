/**
 * @file Rows of a batch: reconstruction, residuals, slopes; on memory that all workers share.
 *
 * Matrices are row-major float32; D is a multiple of 16. A batch row b owns (1 + G)·D floats of XR: its input x_b and
 * G residuals, one for each nested group of features (G = 1 unless Matryoshka; then r_b = x̂_b − x_b). Its entries
 * (feature, value, slope) lie from starts[b] on, counts[b] of them, features ascending.
 */
import { at, dot, begin, accumulate, project, add } from './vectors';

/**
 * x ← (x − centre)·scale − shift for `rows` rows of D floats in place, and a copy to rows of XR, (1 + G)·D floats apart.
 */
export function normalise(
  x: usize, XR: usize, centre: usize, scale: f32, shift: usize, rows: i32, D: i32, G: i32,
): void {
  const s = f32x4.splat(scale);
  const bytes = <usize>D << 2;
  for (let r = 0; r < rows; r++, x += bytes, XR += bytes * (1 + G)) {
    for (let d: usize = 0; d < bytes; d += 16) {
      const z = f32x4.sub(
        f32x4.mul(f32x4.sub(v128.load(x + d), v128.load(centre + d)), s), v128.load(shift + d),
      );
      v128.store(x + d, z);
      v128.store(XR + d, z);
    }
  }
}

/**
 * Rows first … first+rows of the batch: residuals into XR, ∂L/∂activation into slopes with L = scale/2·Σ‖r‖², Σ r into
 * residualSum[D]. Returns Σ‖r‖².
 */
export function decodeRows(
  XR: usize, bias: usize, W_dec: usize, starts: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  residualSum: usize, first: i32, rows: i32, D: i32, scale: f32,
): f64 {
  const bytes = <usize>D << 2;
  memory.fill(residualSum, 0, bytes);
  let loss: f64 = 0;
  for (let b = first; b < first + rows; b++) {
    const x = at(XR, b * 2 * D);
    const r = x + bytes;
    const entries = load<i32>(at(starts, b));
    const count = load<i32>(at(counts, b));
    begin(r, x, bias, D);
    accumulate(r, W_dec, at(indices, entries), at(values, entries), count, D);
    loss += <f64>dot(r, r, D);
    project(r, W_dec, at(indices, entries), at(slopes, entries), count, D, scale);
    add(residualSum, r, D);
  }
  return loss;
}

/** First half of `decodeRows` where frequent features are decoded elsewhere: residuals with each row's first rare[b] entries. */
export function beginRows(
  XR: usize, bias: usize, W_dec: usize, starts: usize, indices: usize, values: usize, rare: usize,
  first: i32, rows: i32, D: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const x = at(XR, b * 2 * D);
    const r = x + (<usize>D << 2);
    const entries = load<i32>(at(starts, b));
    begin(r, x, bias, D);
    accumulate(r, W_dec, at(indices, entries), at(values, entries), load<i32>(at(rare, b)), D);
  }
}

/** Second half, on complete residuals: slopes of each row's first rare[b] entries, Σ r into residualSum[D]. Returns Σ‖r‖². */
export function finishRows(
  XR: usize, W_dec: usize, starts: usize, indices: usize, rare: usize, slopes: usize,
  residualSum: usize, first: i32, rows: i32, D: i32, scale: f32,
): f64 {
  const bytes = <usize>D << 2;
  memory.fill(residualSum, 0, bytes);
  let loss: f64 = 0;
  for (let b = first; b < first + rows; b++) {
    const r = at(XR, b * 2 * D) + bytes;
    const entries = load<i32>(at(starts, b));
    loss += <f64>dot(r, r, D);
    project(r, W_dec, at(indices, entries), at(slopes, entries), load<i32>(at(rare, b)), D, scale);
    add(residualSum, r, D);
  }
  return loss;
}

/**
 * `decodeRows` for nested groups of features (Bussmann et al. 2025), L = scale/2·Σ_g w_g‖r_g‖², r_g with the features of
 * groups 0 … g: residual j of XR becomes Σ_{g≥j} w_g r_g. ends[G] and weights[G] of groups; the last weight is 1.
 */
export function decodeNested(
  XR: usize, bias: usize, W_dec: usize, starts: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  residualSum: usize, first: i32, rows: i32, D: i32, scale: f32, ends: usize, weights: usize, G: i32,
): f64 {
  const bytes = <usize>D << 2;
  memory.fill(residualSum, 0, bytes);
  let loss: f64 = 0;
  for (let b = first; b < first + rows; b++) {
    const x = at(XR, b * (1 + G) * D);
    const entries = load<i32>(at(starts, b));
    const end = entries + load<i32>(at(counts, b));
    let r = x + bytes;
    begin(r, x, bias, D);
    let i = entries;
    for (let g = 0; g < G; g++) {
      const from = i;
      const to = load<i32>(at(ends, g));
      while (i < end && load<i32>(at(indices, i)) < to) i++;
      accumulate(r, W_dec, at(indices, from), at(values, from), i - from, D);
      if (g + 1 < G) {
        memory.copy(r + bytes, r, bytes);
        r += bytes;
      }
    }
    loss += <f64>dot(r, r, D);
    // Suffix sums, the last group first; its weight is 1.
    let last = end;
    for (let g = G - 1; g >= 0; g--) {
      const q = x + bytes * (1 + g);
      if (g + 1 < G) {
        const w = v128.load32_splat(at(weights, g));
        for (let d: usize = 0; d < bytes; d += 16) {
          v128.store(q + d, f32x4.add(f32x4.mul(w, v128.load(q + d)), v128.load(q + bytes + d)));
        }
      }
      const low = g > 0 ? load<i32>(at(ends, g - 1)) : 0;
      let from = last;
      while (from > entries && load<i32>(at(indices, from - 1)) >= low) from--;
      project(q, W_dec, at(indices, from), at(slopes, from), last - from, D, scale);
      last = from;
    }
    add(residualSum, x + bytes, D);
  }
  return loss;
}

/**
 * The auxiliary loss (Gao et al. 2024, A.2) on rows first, first+every, … of the batch: dead features reconstruct
 * what is left, e = −r_b. Auxiliary row a = b/every stands at row B + a of XR: x is that of b, r ← Σ value·W − e (in
 * every group's place). Writes slopes[·, width] with L = scale/2·Σ‖r‖².
 */
export function decodeDead(
  XR: usize, W_dec: usize, starts: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  first: i32, rows: i32, every: i32, B: i32, D: i32, G: i32, scale: f32,
): void {
  const bytes = <usize>D << 2;
  for (let b = first; b < first + rows; b += every) {
    const a = b / every;
    const x = at(XR, (B + a) * (1 + G) * D);
    const r = x + bytes;
    const count = load<i32>(at(counts, a));
    const entries = load<i32>(at(starts, a));
    const own = at(XR, b * (1 + G) * D);
    // Starts at r_b = −e.
    memory.copy(r, own + bytes * G, bytes);
    accumulate(r, W_dec, at(indices, entries), at(values, entries), count, D);
    project(r, W_dec, at(indices, entries), at(slopes, entries), count, D, scale);
    memory.copy(x, own, bytes);
    for (let g = 1; g < G; g++) memory.copy(r + bytes * g, r, bytes);
  }
}

/** Adds the entries of rows first … first+rows to histogram[F], those of value 0 to idle[F]. */
export function countEntries(
  starts: usize, indices: usize, values: usize, counts: usize, histogram: usize, idle: usize, first: i32, rows: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const slot = at(load<f32>(at(values, i)) > 0 ? histogram : idle, load<i32>(at(indices, i)));
      store<i32>(slot, load<i32>(slot) + 1);
    }
  }
}

/** Moves each row's entries of frequent features (place[f] > 0) behind the others, whose number goes to rare[b]. */
export function splitRows(
  starts: usize, indices: usize, values: usize, counts: usize, place: usize, rare: usize, first: i32, rows: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    let to = start;
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      if (load<i32>(at(place, f)) > 0) continue;
      const value = load<f32>(at(values, i));
      store<i32>(at(indices, i), load<i32>(at(indices, to)));
      store<f32>(at(values, i), load<f32>(at(values, to)));
      store<i32>(at(indices, to), f);
      store<f32>(at(values, to), value);
      to++;
    }
    store<i32>(at(rare, b), to - start);
  }
}
