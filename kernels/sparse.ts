/**
 * @file The sparse half of a training step of any kind, on memory that all workers share.
 *
 * Matrices are row-major float32; D is a multiple of 16. A batch row b owns (1 + G)·D floats of XR: its input x_b and
 * G residuals, one for each nested group of features (G = 1 unless Matryoshka; then r_b = x̂_b − x_b). Its entries
 * (feature, value, slope) lie from starts[b] on, counts[b] of them, features ascending.
 */

// @ts-ignore: decorator
@inline function at(base: usize, index: i32): usize { return base + (<usize>index << 2); }

// @ts-ignore: decorator
@inline function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

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

/** r ← bias − x. */
// @ts-ignore: decorator
@inline function begin(r: usize, x: usize, bias: usize, D: i32): void {
  for (let d: usize = 0; d < <usize>D << 2; d += 16) {
    v128.store(r + d, f32x4.sub(v128.load(bias + d), v128.load(x + d)));
  }
}

/** r ← r + Σ value·W[f] over some entries of a row; four features at a time. */
function accumulate(r: usize, W: usize, indices: usize, values: usize, count: i32, D: i32): void {
  const bytes = <usize>D << 2;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const w0 = at(W, load<i32>(at(indices, i)) * D);
    const w1 = at(W, load<i32>(at(indices, i + 1)) * D);
    const w2 = at(W, load<i32>(at(indices, i + 2)) * D);
    const w3 = at(W, load<i32>(at(indices, i + 3)) * D);
    const a0 = v128.load32_splat(at(values, i));
    const a1 = v128.load32_splat(at(values, i + 1));
    const a2 = v128.load32_splat(at(values, i + 2));
    const a3 = v128.load32_splat(at(values, i + 3));
    for (let d: usize = 0; d < bytes; d += 16) {
      const left = f32x4.add(f32x4.mul(a0, v128.load(w0 + d)), f32x4.mul(a1, v128.load(w1 + d)));
      const right = f32x4.add(f32x4.mul(a2, v128.load(w2 + d)), f32x4.mul(a3, v128.load(w3 + d)));
      v128.store(r + d, f32x4.add(v128.load(r + d), f32x4.add(left, right)));
    }
  }
  for (; i < count; i++) {
    const w = at(W, load<i32>(at(indices, i)) * D);
    const a = v128.load32_splat(at(values, i));
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(r + d, f32x4.add(v128.load(r + d), f32x4.mul(a, v128.load(w + d))));
    }
  }
}

/** slopes[i] ← scale·⟨r, W[f_i]⟩ for the entries of one row; four features at a time. */
function project(r: usize, W: usize, indices: usize, slopes: usize, count: i32, D: i32, scale: f32): void {
  const bytes = <usize>D << 2;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const w0 = at(W, load<i32>(at(indices, i)) * D);
    const w1 = at(W, load<i32>(at(indices, i + 1)) * D);
    const w2 = at(W, load<i32>(at(indices, i + 2)) * D);
    const w3 = at(W, load<i32>(at(indices, i + 3)) * D);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let d: usize = 0; d < bytes; d += 16) {
      const v = v128.load(r + d);
      s0 = f32x4.add(s0, f32x4.mul(v, v128.load(w0 + d)));
      s1 = f32x4.add(s1, f32x4.mul(v, v128.load(w1 + d)));
      s2 = f32x4.add(s2, f32x4.mul(v, v128.load(w2 + d)));
      s3 = f32x4.add(s3, f32x4.mul(v, v128.load(w3 + d)));
    }
    store<f32>(at(slopes, i), scale * sum4(s0));
    store<f32>(at(slopes, i + 1), scale * sum4(s1));
    store<f32>(at(slopes, i + 2), scale * sum4(s2));
    store<f32>(at(slopes, i + 3), scale * sum4(s3));
  }
  for (; i < count; i++) store<f32>(at(slopes, i), scale * dot(r, at(W, load<i32>(at(indices, i)) * D), D));
}

/** ⟨a, b⟩ over D floats. */
function dot(a: usize, b: usize, D: i32): f32 {
  let s = f32x4.splat(0), t = s;
  for (let d: usize = 0; d < <usize>D << 2; d += 32) {
    s = f32x4.add(s, f32x4.mul(v128.load(a + d), v128.load(b + d)));
    t = f32x4.add(t, f32x4.mul(v128.load(a + d, 16), v128.load(b + d, 16)));
  }
  return sum4(f32x4.add(s, t));
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

// @ts-ignore: decorator
@inline function add(to: usize, v: usize, D: i32): void {
  for (let d: usize = 0; d < <usize>D << 2; d += 16) {
    v128.store(to + d, f32x4.add(v128.load(to + d), v128.load(v + d)));
  }
}

/**
 * The same for nested groups of features (Bussmann et al. 2025), L = scale/2·Σ_g w_g‖r_g‖², r_g with the features of
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

/**
 * Slopes of L1: + weight·c_f, c_f = norms[f] or 1 (norms 0), and for Σ (f c)^p with p ≠ 1: + weight·p·(f c)^(p−1)·c.
 * `extra` gets ∂/∂c = weight·p·(f c)^(p−1)·f where norms are given.
 */
export function penalise(
  starts: usize, indices: usize, values: usize, counts: usize, slopes: usize, norms: usize, extra: usize,
  first: i32, rows: i32, weight: f32, p: f32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const c: f32 = norms ? load<f32>(at(norms, load<i32>(at(indices, i)))) : 1;
      const value = load<f32>(at(values, i));
      const steep: f32 = p == 1 ? weight : weight * p * Mathf.pow(value * c, p - 1);
      const slot = at(slopes, i);
      store<f32>(slot, load<f32>(slot) + steep * c);
      if (norms) store<f32>(at(extra, i), steep * value);
    }
  }
}

/** Σ over entries of (f c)^p. */
export function powers(
  starts: usize, indices: usize, values: usize, counts: usize, norms: usize, first: i32, rows: i32, p: f32,
): f64 {
  let sum: f64 = 0;
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const c: f32 = norms ? load<f32>(at(norms, load<i32>(at(indices, i)))) : 1;
      sum += <f64>Mathf.pow(load<f32>(at(values, i)) * c, p);
    }
  }
  return sum;
}

/** JumpReLU before decoding: pre-activations that do not exceed their threshold become 0. Returns how many do. */
export function jump(
  starts: usize, indices: usize, values: usize, counts: usize, thresholds: usize, first: i32, rows: i32,
): i32 {
  let on = 0;
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const t = load<f32>(at(thresholds, load<i32>(at(indices, i))));
      if (load<f32>(at(values, i)) > max<f32>(t, 0)) on++;
      else store<f32>(at(values, i), 0);
    }
  }
  return on;
}

/**
 * JumpReLU after decoding: `extra` gets the slope of entries within half a band of their threshold θ, `other` 1 there and
 * 0 elsewhere; entries below θ pass no slope to the encoder. (An entry of value 0 is within the band below.)
 */
export function jumpSlopes(
  starts: usize, indices: usize, values: usize, counts: usize, slopes: usize, thresholds: usize,
  extra: usize, other: usize, first: i32, rows: i32, half: f32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const value = load<f32>(at(values, i));
      const slope = load<f32>(at(slopes, i));
      const near = value == 0 || value - load<f32>(at(thresholds, load<i32>(at(indices, i)))) < half;
      store<f32>(at(extra, i), near ? slope : 0);
      store<f32>(at(other, i), near ? 1 : 0);
      if (value == 0) store<f32>(at(slopes, i), 0);
    }
  }
}

/** Gated before decoding: `gates` gets the gates' pre-activations π, values max(e^r·(π − b_gate) + b_mag, 0). */
export function gate(
  starts: usize, indices: usize, values: usize, counts: usize, gates: usize,
  b_gate: usize, scale: usize, b_mag: usize, first: i32, rows: i32,
): i32 {
  let on = 0;
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      const pi = load<f32>(at(values, i));
      const size = load<f32>(at(scale, f)) * (pi - load<f32>(at(b_gate, f))) + load<f32>(at(b_mag, f));
      store<f32>(at(gates, i), pi);
      store<f32>(at(values, i), size > 0 ? size : 0);
      if (size > 0) on++;
    }
  }
  return on;
}

/**
 * Gated after decoding: the gate's own reconstruction with the decoder held, L = scale/2·Σ‖Σ π d + b − x‖² + weight·Σ π c;
 * slopes become those of W·x: s_π + e^r·s. `extra` gets s = ∂L/∂magnitude where it is positive, `other`
 * s·(magnitude − b_mag) = ∂L/∂r, `third` weight·π (∂/∂c) where norms are given. `rest` has room for D floats.
 */
export function gateSlopes(
  XR: usize, bias: usize, W_dec: usize, starts: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  gates: usize, gains: usize, b_mag: usize, norms: usize, extra: usize, other: usize, third: usize, rest: usize,
  first: i32, rows: i32, D: i32, scale: f32, weight: f32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const count = load<i32>(at(counts, b));
    begin(rest, at(XR, b * 2 * D), bias, D);
    accumulate(rest, W_dec, at(indices, start), at(gates, start), count, D);
    // The gate's slopes go to `extra` first.
    project(rest, W_dec, at(indices, start), at(extra, start), count, D, scale);
    for (let i = start; i < start + count; i++) {
      const f = load<i32>(at(indices, i));
      const value = load<f32>(at(values, i));
      const s: f32 = value > 0 ? load<f32>(at(slopes, i)) : 0;
      const c: f32 = norms ? load<f32>(at(norms, f)) : 1;
      store<f32>(at(slopes, i), load<f32>(at(extra, i)) + weight * c + load<f32>(at(gains, f)) * s);
      store<f32>(at(extra, i), s);
      store<f32>(at(other, i), s * (value - load<f32>(at(b_mag, f))));
      if (norms) store<f32>(at(third, i), weight * load<f32>(at(gates, i)));
    }
  }
}

/** sums[f] ← sums[f] + Σ extra over the entries of features low … high, rows ascending. */
export function sumExtras(
  starts: usize, indices: usize, counts: usize, extra: usize, sums: usize, from: i32, to: i32, low: i32, high: i32,
): void {
  for (let b = from; b < to; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      if (<u32>(f - low) >= <u32>(high - low)) continue;
      const slot = at(sums, f);
      store<f32>(slot, load<f32>(slot) + load<f32>(at(extra, i)));
    }
  }
}

/** Counts entries by the upper bits of their value (positive floats order as integers): histogram[value >> shift]. */
export function countValues(
  starts: usize, values: usize, counts: usize, histogram: usize, first: i32, rows: i32, shift: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const slot = at(histogram, load<i32>(at(values, i)) >>> shift);
      store<i32>(slot, load<i32>(slot) + 1);
    }
  }
}

/** Lists the positions of entries whose value has the upper bits `bin`, rows ascending; returns their number. */
export function listBin(
  starts: usize, values: usize, counts: usize, list: usize, B: i32, shift: i32, bin: i32, room: i32,
): i32 {
  let n = 0;
  for (let b = 0; b < B; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      if (load<i32>(at(values, i)) >>> shift != bin) continue;
      if (n < room) store<i32>(at(list, n), i);
      n++;
    }
  }
  return n;
}

/**
 * Keeps the entries whose bits are above `bits`, and those equal to it up to feature `lastFeature` of row `lastRow`; moves
 * each row's together.
 */
export function keepLargest(
  starts: usize, indices: usize, values: usize, counts: usize, first: i32, rows: i32, bits: i32,
  lastRow: i32, lastFeature: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    let to = start;
    for (let i = start; i < end; i++) {
      const v = load<i32>(at(values, i));
      const f = load<i32>(at(indices, i));
      if (v < bits || (v == bits && (b > lastRow || (b == lastRow && f > lastFeature)))) continue;
      store<i32>(at(values, to), v);
      store<i32>(at(indices, to), f);
      to++;
    }
    store<i32>(at(counts, b), to - start);
  }
}

/**
 * Lists the entries of features low … high by feature, rows ascending: entry e is (row, value, slope) at
 * sorted + 12·e. next[f] holds the feature's next free position. Rows are numbered from `offset`, values are
 * multiplied by `factor`.
 */
export function sortEntries(
  starts: usize, indices: usize, values: usize, slopes: usize, counts: usize, next: usize, sorted: usize,
  from: i32, to: i32, low: i32, high: i32, offset: i32, factor: f32,
): void {
  for (let b = from; b < to; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      if (<u32>(f - low) >= <u32>(high - low)) continue;
      const e = load<i32>(at(next, f));
      store<i32>(at(next, f), e + 1);
      const p = sorted + <usize>e * 12;
      store<i32>(p, b + offset);
      store<f32>(p, factor * load<f32>(at(values, i)), 4);
      store<f32>(p, load<f32>(at(slopes, i)), 8);
    }
  }
}

/**
 * Gradients of one feature from its sorted entries: gDec ← scale·Σ value·r_b, gEnc ← Σ slope·x_b, gBias ← Σ slope, or
 * added to what is there (`again`). Rows of XR are `stride` bytes apart, the feature's residual `shift` bytes after x.
 */
function gradient(
  XR: usize, sorted: usize, count: i32, gEnc: usize, gDec: usize, gBias: usize, D: i32, scale: f32,
  stride: usize, shift: usize, again: bool,
): void {
  const bytes = <usize>D << 2;
  if (count == 0) {
    if (again) return;
    memory.fill(gEnc, 0, bytes);
    memory.fill(gDec, 0, bytes);
    store<f32>(gBias, 0);
    return;
  }
  let bias: f32 = 0;
  let fresh = !again;
  let e = sorted;
  const end = sorted + <usize>count * 12;
  const s = f32x4.splat(scale);
  if (count & 1) {
    const x0 = XR + <usize>load<i32>(e) * stride, r0 = x0 + shift;
    const v0 = f32x4.mul(s, v128.load32_splat(e, 4)), g0 = v128.load32_splat(e, 8);
    if (fresh) {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.mul(g0, v128.load(x0 + d)));
        v128.store(gDec + d, f32x4.mul(v0, v128.load(r0 + d)));
      }
    } else {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.add(v128.load(gEnc + d), f32x4.mul(g0, v128.load(x0 + d))));
        v128.store(gDec + d, f32x4.add(v128.load(gDec + d), f32x4.mul(v0, v128.load(r0 + d))));
      }
    }
    bias = load<f32>(e, 8);
    fresh = false;
    e += 12;
  }
  if (count & 2) {
    const x0 = XR + <usize>load<i32>(e) * stride, r0 = x0 + shift;
    const x1 = XR + <usize>load<i32>(e, 12) * stride, r1 = x1 + shift;
    const v0 = f32x4.mul(s, v128.load32_splat(e, 4)), g0 = v128.load32_splat(e, 8);
    const v1 = f32x4.mul(s, v128.load32_splat(e, 16)), g1 = v128.load32_splat(e, 20);
    if (fresh) {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.add(f32x4.mul(g0, v128.load(x0 + d)), f32x4.mul(g1, v128.load(x1 + d))));
        v128.store(gDec + d, f32x4.add(f32x4.mul(v0, v128.load(r0 + d)), f32x4.mul(v1, v128.load(r1 + d))));
      }
    } else {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.add(v128.load(gEnc + d), f32x4.add(f32x4.mul(g0, v128.load(x0 + d)), f32x4.mul(g1, v128.load(x1 + d)))));
        v128.store(gDec + d, f32x4.add(v128.load(gDec + d), f32x4.add(f32x4.mul(v0, v128.load(r0 + d)), f32x4.mul(v1, v128.load(r1 + d)))));
      }
    }
    bias += load<f32>(e, 8) + load<f32>(e, 20);
    fresh = false;
    e += 24;
  }
  for (; e < end; e += 48) {
    const x0 = XR + <usize>load<i32>(e) * stride, r0 = x0 + shift;
    const x1 = XR + <usize>load<i32>(e, 12) * stride, r1 = x1 + shift;
    const x2 = XR + <usize>load<i32>(e, 24) * stride, r2 = x2 + shift;
    const x3 = XR + <usize>load<i32>(e, 36) * stride, r3 = x3 + shift;
    const v0 = f32x4.mul(s, v128.load32_splat(e, 4)), g0 = v128.load32_splat(e, 8);
    const v1 = f32x4.mul(s, v128.load32_splat(e, 16)), g1 = v128.load32_splat(e, 20);
    const v2 = f32x4.mul(s, v128.load32_splat(e, 28)), g2 = v128.load32_splat(e, 32);
    const v3 = f32x4.mul(s, v128.load32_splat(e, 40)), g3 = v128.load32_splat(e, 44);
    if (fresh) {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.add(
          f32x4.add(f32x4.mul(g0, v128.load(x0 + d)), f32x4.mul(g1, v128.load(x1 + d))),
          f32x4.add(f32x4.mul(g2, v128.load(x2 + d)), f32x4.mul(g3, v128.load(x3 + d)))));
      }
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gDec + d, f32x4.add(
          f32x4.add(f32x4.mul(v0, v128.load(r0 + d)), f32x4.mul(v1, v128.load(r1 + d))),
          f32x4.add(f32x4.mul(v2, v128.load(r2 + d)), f32x4.mul(v3, v128.load(r3 + d)))));
      }
      fresh = false;
    } else {
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gEnc + d, f32x4.add(v128.load(gEnc + d), f32x4.add(
          f32x4.add(f32x4.mul(g0, v128.load(x0 + d)), f32x4.mul(g1, v128.load(x1 + d))),
          f32x4.add(f32x4.mul(g2, v128.load(x2 + d)), f32x4.mul(g3, v128.load(x3 + d))))));
      }
      for (let d: usize = 0; d < bytes; d += 16) {
        v128.store(gDec + d, f32x4.add(v128.load(gDec + d), f32x4.add(
          f32x4.add(f32x4.mul(v0, v128.load(r0 + d)), f32x4.mul(v1, v128.load(r1 + d))),
          f32x4.add(f32x4.mul(v2, v128.load(r2 + d)), f32x4.mul(v3, v128.load(r3 + d))))));
      }
    }
    bias += (load<f32>(e, 8) + load<f32>(e, 20)) + (load<f32>(e, 32) + load<f32>(e, 44));
  }
  store<f32>(gBias, again ? load<f32>(gBias) + bias : bias);
}

/**
 * Finishes a feature's gradients and returns the sum of their squares. A decoder row that is kept at norm 1 (`unit`) loses
 * the part of its gradient along it; one that is free gets the pull of the penalty on its length, pull·d/‖d‖.
 */
function settle(gEnc: usize, gDec: usize, gBias: usize, w_dec: usize, D: i32, unit: bool, pull: f32, norm: f32): f32 {
  const bytes = <usize>D << 2;
  const bias = load<f32>(gBias);
  const away: f32 = unit ? dot(gDec, w_dec, D) : pull == 0 ? 0 : -pull / norm;
  const along = f32x4.splat(away);
  let square = f32x4.splat(0), other = square;
  for (let d: usize = 0; d < bytes; d += 16) {
    const g = f32x4.sub(v128.load(gDec + d), f32x4.mul(along, v128.load(w_dec + d)));
    v128.store(gDec + d, g);
    square = f32x4.add(square, f32x4.mul(g, g));
    const h = v128.load(gEnc + d);
    other = f32x4.add(other, f32x4.mul(h, h));
  }
  return sum4(f32x4.add(square, other)) + bias * bias;
}

/**
 * Gradients of features low … high of one slice of the batch; after the last slice squares[f] ← the squared norm of
 * feature f's gradients. `groupEnds` holds G ends of nested groups; `pull` (or 0) ∂L/∂‖d‖ of each feature.
 */
export function gradients(
  XR: usize, sorted: usize, ends: usize, histogram: usize, G_enc: usize, G_dec: usize, g_bias: usize, squares: usize,
  W_dec: usize, low: i32, high: i32, D: i32, scale: f32, groupEnds: usize, G: i32, unit: bool, pull: usize, norms: usize,
  firstSlice: bool, lastSlice: bool,
): void {
  const bytes = <usize>D << 2;
  const stride = bytes * (1 + G);
  let g = 0;
  for (let f = low; f < high; f++) {
    while (g + 1 < G && f >= load<i32>(at(groupEnds, g))) g++;
    const count = load<i32>(at(histogram, f));
    const first = load<i32>(at(ends, f)) - count;
    const gEnc = at(G_enc, f * D), gDec = at(G_dec, f * D), gBias = at(g_bias, f);
    gradient(
      XR, sorted + <usize>first * 12, count, gEnc, gDec, gBias, D, scale, stride, bytes * (1 + g), !firstSlice,
    );
    if (!lastSlice) continue;
    store<f32>(at(squares, f), settle(
      gEnc, gDec, gBias, at(W_dec, f * D), D, unit, pull ? load<f32>(at(pull, f)) : 0, load<f32>(at(norms, f)),
    ));
  }
}

/** g ← g − Σ_f slope[f]·W_enc[f]: what reaches b_dec through x − b_dec. */
export function throughEncoder(W_enc: usize, slopes: usize, g: usize, F: i32, D: i32): void {
  for (let f = 0; f < F; f++) {
    const s = load<f32>(at(slopes, f));
    if (s == 0) continue;
    const slope = f32x4.splat(s);
    const w = at(W_enc, f * D);
    for (let d: usize = 0; d < <usize>D << 2; d += 16) {
      v128.store(g + d, f32x4.sub(v128.load(g + d), f32x4.mul(slope, v128.load(w + d))));
    }
  }
}

/** Adam (Kingma & Ba 2015) on n floats, n a multiple of 4: gradient g·clip, step = lr/(1−β₁ᵗ), root = 1/√(1−β₂ᵗ). */
export function adam(
  w: usize, g: usize, m: usize, v: usize, n: i32,
  clip: f32, step: f32, root: f32, beta1: f32, beta2: f32, epsilon: f32,
): void {
  const c = f32x4.splat(clip), s = f32x4.splat(step), q = f32x4.splat(root), eps = f32x4.splat(epsilon);
  const b1 = f32x4.splat(beta1), a1 = f32x4.splat(1 - beta1), b2 = f32x4.splat(beta2), a2 = f32x4.splat(1 - beta2);
  for (let d: usize = 0; d < <usize>n << 2; d += 16) {
    const gd = f32x4.mul(c, v128.load(g + d));
    const md = f32x4.add(f32x4.mul(b1, v128.load(m + d)), f32x4.mul(a1, gd));
    const vd = f32x4.add(f32x4.mul(b2, v128.load(v + d)), f32x4.mul(a2, f32x4.mul(gd, gd)));
    v128.store(m + d, md);
    v128.store(v + d, vd);
    const move = f32x4.div(f32x4.mul(s, md), f32x4.add(f32x4.mul(q, f32x4.sqrt(vd)), eps));
    v128.store(w + d, f32x4.sub(v128.load(w + d), move));
  }
}

/** Adam on encoder and decoder rows of features low … high; decoder rows are brought back to norm 1 (`keep`) or measured. */
export function updateFeatures(
  W_enc: usize, G_enc: usize, M_enc: usize, V_enc: usize, W_dec: usize, G_dec: usize, M_dec: usize, V_dec: usize,
  norms: usize, low: i32, high: i32, D: i32,
  clip: f32, step: f32, root: f32, beta1: f32, beta2: f32, epsilon: f32, keep: bool,
): void {
  for (let f = low; f < high; f++) {
    const o = <usize>(f * D) << 2;
    adam(W_enc + o, G_enc + o, M_enc + o, V_enc + o, D, clip, step, root, beta1, beta2, epsilon);
    adam(W_dec + o, G_dec + o, M_dec + o, V_dec + o, D, clip, step, root, beta1, beta2, epsilon);
    if (keep) unit(W_dec + o, D);
    else store<f32>(at(norms, f), sqrt<f32>(dot(W_dec + o, W_dec + o, D)));
  }
}

/** Scales D floats to norm 1. */
export function unit(w: usize, D: i32): void {
  const square = dot(w, w, D);
  if (!(square > 0)) return;
  const s = f32x4.splat(1 / sqrt<f32>(square));
  for (let d: usize = 0; d < <usize>D << 2; d += 16) v128.store(w + d, f32x4.mul(s, v128.load(w + d)));
}
