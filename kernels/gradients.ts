/** @file Features: entries sorted by feature, both gradients in one pass over them, Adam, decoder rows back to norm 1. */
import { at, sum4, dot, add } from './vectors';

/**
 * Lists the entries of features low … high by feature, rows ascending: entry e is (row, value, slope) at
 * sorted + 12·e. next[f] holds the feature's next free position, idle[f] (where `idle` is not 0) that of entries of value
 * 0. Rows are numbered from `offset`, values are multiplied by `factor`.
 */
export function sortEntries(
  starts: usize, indices: usize, values: usize, slopes: usize, counts: usize, next: usize, idle: usize, sorted: usize,
  from: i32, to: i32, low: i32, high: i32, offset: i32, factor: f32,
): void {
  for (let b = from; b < to; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      if (<u32>(f - low) >= <u32>(high - low)) continue;
      const value = load<f32>(at(values, i));
      const slot = at(idle && value == 0 ? idle : next, f);
      const e = load<i32>(slot);
      store<i32>(slot, e + 1);
      const p = sorted + <usize>e * 12;
      store<i32>(p, b + offset);
      store<f32>(p, factor * value, 4);
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

/** sum ← Σ r_b over sorted entries, four at a time. */
function sumResiduals(XR: usize, sorted: usize, count: i32, sum: usize, D: i32, stride: usize): void {
  const bytes = <usize>D << 2;
  memory.fill(sum, 0, bytes);
  let e = sorted;
  const r = XR + bytes;
  for (const four = sorted + <usize>(count & ~3) * 12; e < four; e += 48) {
    const r0 = r + <usize>load<i32>(e) * stride, r1 = r + <usize>load<i32>(e, 12) * stride;
    const r2 = r + <usize>load<i32>(e, 24) * stride, r3 = r + <usize>load<i32>(e, 36) * stride;
    for (let d: usize = 0; d < bytes; d += 16) {
      v128.store(sum + d, f32x4.add(v128.load(sum + d), f32x4.add(
        f32x4.add(v128.load(r0 + d), v128.load(r1 + d)), f32x4.add(v128.load(r2 + d), v128.load(r3 + d)))));
    }
  }
  for (const end = sorted + <usize>count * 12; e < end; e += 12) add(sum, r + <usize>load<i32>(e) * stride, D);
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
 * Where `idle` is not 0 the last idle[f] entries of a feature are those of JumpReLU's band below its threshold: they have no
 * gradient, and slopeSums[f] grows by their slopes, scale·⟨d_f, Σ r_b⟩. `rest` has room for D floats.
 * Where `place` is not 0, frequent features (place[f] > 0) are left out; with `known` only they are finished, their sums of
 * entries being in G_enc, G_dec and g_bias already.
 */
export function gradients(
  XR: usize, sorted: usize, ends: usize, histogram: usize, G_enc: usize, G_dec: usize, g_bias: usize, squares: usize,
  W_dec: usize, low: i32, high: i32, D: i32, scale: f32, groupEnds: usize, G: i32, unit: bool, pull: usize, norms: usize,
  firstSlice: bool, lastSlice: bool, idle: usize, slopeSums: usize, rest: usize, place: usize, known: bool,
): void {
  const bytes = <usize>D << 2;
  const stride = bytes * (1 + G);
  let g = 0;
  for (let f = low; f < high; f++) {
    while (g + 1 < G && f >= load<i32>(at(groupEnds, g))) g++;
    if (place && (load<i32>(at(place, f)) > 0) != known) continue;
    const band: i32 = idle ? load<i32>(at(idle, f)) : 0;
    const count = load<i32>(at(histogram, f)) - band;
    const first = load<i32>(at(ends, f)) - count;
    const gEnc = at(G_enc, f * D), gDec = at(G_dec, f * D), gBias = at(g_bias, f);
    if (!known) gradient(
      XR, sorted + <usize>first * 12, count, gEnc, gDec, gBias, D, scale, stride, bytes * (1 + g), !firstSlice,
    );
    if (band > 0 && !known) {
      sumResiduals(XR, sorted + <usize>(first + count) * 12, band, rest, D, stride);
      const slot = at(slopeSums, f);
      store<f32>(slot, load<f32>(slot) + scale * dot(at(W_dec, f * D), rest, D));
    }
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
