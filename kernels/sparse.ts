/**
 * @file The sparse half of a TopK training step, on memory that all workers share.
 *
 * Matrices are row-major float32. A batch row b owns 2·D floats of XR: its input x_b and its residual
 * r_b = x̂_b − x_b. Entries (b, f, value) are what top-k left; D is a multiple of 16.
 */

// @ts-ignore: decorator
@inline function at(base: usize, index: i32): usize { return base + (<usize>index << 2); }

// @ts-ignore: decorator
@inline function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** x ← (x − centre)·scale for `rows` rows of D floats in place, and a copy to rows of XR, 2·D floats apart. */
export function normalise(x: usize, XR: usize, centre: usize, scale: f32, rows: i32, D: i32): void {
  const s = f32x4.splat(scale);
  const bytes = <usize>D << 2;
  for (let r = 0; r < rows; r++, x += bytes, XR += bytes << 1) {
    for (let d: usize = 0; d < bytes; d += 16) {
      const z = f32x4.mul(f32x4.sub(v128.load(x + d), v128.load(centre + d)), s);
      v128.store(x + d, z);
      v128.store(XR + d, z);
    }
  }
}

/** r ← −x + bias + Σ value·W[f] over the entries of one row; four features at a time. */
function reconstruct(r: usize, x: usize, bias: usize, W: usize, indices: usize, values: usize, count: i32, D: i32): void {
  const bytes = <usize>D << 2;
  for (let d: usize = 0; d < bytes; d += 16) {
    v128.store(r + d, f32x4.sub(v128.load(bias + d), v128.load(x + d)));
  }
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
 * Rows first … first+rows of the batch: residuals into XR, ∂L/∂activation into slopes[·, k] with L = scale/2·Σ‖r‖²,
 * Σ r into residualSum[D]. Returns Σ‖r‖².
 */
export function decodeRows(
  XR: usize, bias: usize, W_dec: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  residualSum: usize, first: i32, rows: i32, k: i32, D: i32, scale: f32,
): f64 {
  const bytes = <usize>D << 2;
  memory.fill(residualSum, 0, bytes);
  let loss: f64 = 0;
  for (let b = first; b < first + rows; b++) {
    const x = at(XR, b * 2 * D);
    const r = x + bytes;
    const entries = b * k;
    const count = load<i32>(at(counts, b));
    reconstruct(r, x, bias, W_dec, at(indices, entries), at(values, entries), count, D);
    loss += <f64>dot(r, r, D);
    project(r, W_dec, at(indices, entries), at(slopes, entries), count, D, scale);
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(residualSum + d, f32x4.add(v128.load(residualSum + d), v128.load(r + d)));
    }
  }
  return loss;
}

/**
 * The auxiliary loss (Gao et al. 2024, A.2) on rows first, first+every, … of the batch: dead features reconstruct
 * what is left, e = −r_b. Auxiliary row a = b/every stands at row B + a of XR: x is that of b, r ← Σ value·W − e.
 * Writes slopes[·, width] with L = scale/2·Σ‖r‖².
 */
export function decodeDead(
  XR: usize, W_dec: usize, indices: usize, values: usize, counts: usize, slopes: usize,
  first: i32, rows: i32, every: i32, width: i32, B: i32, D: i32, scale: f32,
): void {
  const bytes = <usize>D << 2;
  for (let b = first; b < first + rows; b += every) {
    const a = b / every;
    const x = at(XR, (B + a) * 2 * D);
    const r = x + bytes;
    const count = load<i32>(at(counts, a));
    const left = at(XR, b * 2 * D) + bytes;
    memory.fill(x, 0, bytes);
    // −x + bias with x = 0 and bias = r_b starts the sum at −e.
    reconstruct(r, x, left, W_dec, at(indices, a * width), at(values, a * width), count, D);
    project(r, W_dec, at(indices, a * width), at(slopes, a * width), count, D, scale);
    memory.copy(x, left - bytes, bytes);
  }
}

/** Adds the entries of rows first … first+rows to histogram[F]. */
export function countEntries(indices: usize, counts: usize, histogram: usize, first: i32, rows: i32, k: i32): void {
  for (let b = first; b < first + rows; b++) {
    const count = load<i32>(at(counts, b));
    for (let i = b * k; i < b * k + count; i++) {
      const slot = at(histogram, load<i32>(at(indices, i)));
      store<i32>(slot, load<i32>(slot) + 1);
    }
  }
}

/**
 * Lists the entries of features low … high by feature, rows ascending: entry e is (row, value, slope) at
 * sorted + 12·e. next[f] holds the feature's next free position. Rows are numbered from `offset`, values are
 * multiplied by `factor`.
 */
export function sortEntries(
  indices: usize, values: usize, slopes: usize, counts: usize, next: usize, sorted: usize,
  rows: i32, k: i32, low: i32, high: i32, offset: i32, factor: f32,
): void {
  for (let b = 0; b < rows; b++) {
    const count = load<i32>(at(counts, b));
    for (let i = b * k; i < b * k + count; i++) {
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
 * Gradients of one feature from its sorted entries: gDec ← scale·Σ value·r_b (made orthogonal to the unit row w_dec),
 * gEnc ← Σ slope·x_b, gBias ← Σ slope. Returns the sum of their squares.
 */
function gradient(
  XR: usize, sorted: usize, count: i32, gEnc: usize, gDec: usize, gBias: usize, w_dec: usize, D: i32, scale: f32,
): f32 {
  const bytes = <usize>D << 2;
  if (count == 0) {
    memory.fill(gEnc, 0, bytes);
    memory.fill(gDec, 0, bytes);
    store<f32>(gBias, 0);
    return 0;
  }
  let bias: f32 = 0;
  let fresh = true;
  let e = sorted;
  const end = sorted + <usize>count * 12;
  const s = f32x4.splat(scale);
  if (count & 1) {
    const x0 = at(XR, load<i32>(e) * 2 * D), r0 = x0 + bytes;
    const v0 = f32x4.mul(s, v128.load32_splat(e, 4)), g0 = v128.load32_splat(e, 8);
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(gEnc + d, f32x4.mul(g0, v128.load(x0 + d)));
      v128.store(gDec + d, f32x4.mul(v0, v128.load(r0 + d)));
    }
    bias = load<f32>(e, 8);
    fresh = false;
    e += 12;
  }
  if (count & 2) {
    const x0 = at(XR, load<i32>(e) * 2 * D), r0 = x0 + bytes;
    const x1 = at(XR, load<i32>(e, 12) * 2 * D), r1 = x1 + bytes;
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
    const x0 = at(XR, load<i32>(e) * 2 * D), r0 = x0 + bytes;
    const x1 = at(XR, load<i32>(e, 12) * 2 * D), r1 = x1 + bytes;
    const x2 = at(XR, load<i32>(e, 24) * 2 * D), r2 = x2 + bytes;
    const x3 = at(XR, load<i32>(e, 36) * 2 * D), r3 = x3 + bytes;
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
  store<f32>(gBias, bias);
  // The decoder row is kept at unit norm: drop the part of its gradient along it, and square what is left.
  const along = f32x4.splat(dot(gDec, w_dec, D));
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

/** Gradients of features low … high; squares[f] ← the squared norm of feature f's gradients. */
export function gradients(
  XR: usize, sorted: usize, ends: usize, histogram: usize, G_enc: usize, G_dec: usize, g_bias: usize, squares: usize,
  W_dec: usize, low: i32, high: i32, D: i32, scale: f32,
): void {
  for (let f = low; f < high; f++) {
    const count = load<i32>(at(histogram, f));
    const first = load<i32>(at(ends, f)) - count;
    store<f32>(at(squares, f), gradient(
      XR, sorted + <usize>first * 12, count, at(G_enc, f * D), at(G_dec, f * D), at(g_bias, f), at(W_dec, f * D), D, scale,
    ));
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

/** Adam on encoder and decoder rows of features low … high; decoder rows are brought back to unit norm. */
export function updateFeatures(
  W_enc: usize, G_enc: usize, M_enc: usize, V_enc: usize, W_dec: usize, G_dec: usize, M_dec: usize, V_dec: usize,
  low: i32, high: i32, D: i32,
  clip: f32, step: f32, root: f32, beta1: f32, beta2: f32, epsilon: f32,
): void {
  for (let f = low; f < high; f++) {
    const o = <usize>(f * D) << 2;
    adam(W_enc + o, G_enc + o, M_enc + o, V_enc + o, D, clip, step, root, beta1, beta2, epsilon);
    adam(W_dec + o, G_dec + o, M_dec + o, V_dec + o, D, clip, step, root, beta1, beta2, epsilon);
    unit(W_dec + o, D);
  }
}

/** Scales D floats to norm 1. */
export function unit(w: usize, D: i32): void {
  const square = dot(w, w, D);
  if (!(square > 0)) return;
  const s = f32x4.splat(1 / sqrt<f32>(square));
  for (let d: usize = 0; d < <usize>D << 2; d += 16) v128.store(w + d, f32x4.mul(s, v128.load(w + d)));
}
