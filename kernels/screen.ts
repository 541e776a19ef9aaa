/**
 * @file Screening of candidates by a product of bytes: rounding, bounds of screened values, exact values of those that may be
 * among the k largest. The block is feature-major as in select.ts.
 */
import { append, reached } from './lists';

/** Y·scale + bias + sign·height·slack: a bound of a screened value, for four rows. */
// @ts-ignore: decorator
@inline function bound(p: usize, scale: v128, bias: v128, height: v128, slack: v128): v128 {
  return f32x4.add(f32x4.add(f32x4.mul(v128.load(p), scale), bias), f32x4.mul(height, slack));
}

/**
 * The same of lower bounds: Y·scale + bias − height·slack, with a scale and a slack for each feature and a height for
 * each row. The exact value lies within height·slack of Y·scale + bias.
 */
export function screenedMaxima(
  y: usize, scale: usize, bias: usize, slack: usize, heights: usize, maxima: usize, F: i32, R: i32, size: i32,
): void {
  const stride = <usize>R << 2;
  for (let g = 0; g < F; g += size) {
    const base = y + <usize>g * stride;
    let q: usize = 0;
    for (; q + 64 <= stride; q += 64) {
      let p = base + q;
      const h0 = v128.load(heights + q), h1 = v128.load(heights + q, 16);
      const h2 = v128.load(heights + q, 32), h3 = v128.load(heights + q, 48);
      let m0 = f32x4.splat(-f32.MAX_VALUE), m1 = m0, m2 = m0, m3 = m0;
      for (let f = <usize>g << 2; f < <usize>(g + size) << 2; f += 4, p += stride) {
        const a = v128.load32_splat(scale + f), b = v128.load32_splat(bias + f);
        const c = f32x4.neg(v128.load32_splat(slack + f));
        m0 = f32x4.pmax(m0, bound(p, a, b, h0, c));
        m1 = f32x4.pmax(m1, bound(p + 16, a, b, h1, c));
        m2 = f32x4.pmax(m2, bound(p + 32, a, b, h2, c));
        m3 = f32x4.pmax(m3, bound(p + 48, a, b, h3, c));
      }
      v128.store(maxima + q, m0);
      v128.store(maxima + q, m1, 16);
      v128.store(maxima + q, m2, 32);
      v128.store(maxima + q, m3, 48);
    }
    for (; q < stride; q += 16) {
      let p = base + q;
      const h = v128.load(heights + q);
      let m = f32x4.splat(-f32.MAX_VALUE);
      for (let f = <usize>g << 2; f < <usize>(g + size) << 2; f += 4, p += stride) {
        const c = f32x4.neg(v128.load32_splat(slack + f));
        m = f32x4.pmax(m, bound(p, v128.load32_splat(scale + f), v128.load32_splat(bias + f), h, c));
      }
      v128.store(maxima + q, m);
    }
    maxima += stride;
  }
}

/**
 * Collects the entries whose upper bound Y·scale + bias + height·slack reaches the row's threshold as `collect` does, with
 * Y·scale + bias as their value. `groupSlack` is the largest slack of each group.
 */
export function screenedCollect(
  y: usize, scale: usize, bias: usize, slack: usize, groupSlack: usize, heights: usize, maxima: usize,
  thresholds: usize, lists: usize, counts: usize, F: i32, R: i32, size: i32, capacity: i32,
): void {
  const stride = <usize>R << 2;
  memory.fill(counts, 0, stride);
  for (let g = 0; g < F; g += size, groupSlack += 4) {
    const base = y + <usize>g * stride;
    const most = f32x4.mul(v128.load32_splat(groupSlack), f32x4.splat(2));
    for (let q: usize = 0; q < stride; q += 16, maxima += 16) {
      const threshold = v128.load(thresholds + q);
      const height = v128.load(heights + q);
      const reach = f32x4.add(v128.load(maxima), f32x4.mul(height, most));
      if (!v128.any_true(f32x4.ge(reach, threshold))) continue;
      let p = base + q;
      for (let f = g; f < g + size; f++, p += stride) {
        const at = <usize>f << 2;
        const value = f32x4.add(f32x4.mul(v128.load(p), v128.load32_splat(scale + at)), v128.load32_splat(bias + at));
        const upper = f32x4.add(value, f32x4.mul(height, v128.load32_splat(slack + at)));
        let mask = i32x4.bitmask(f32x4.ge(upper, threshold));
        while (mask) {
          const lane = ctz(mask);
          mask &= mask - 1;
          const screened = load<f32>(p + (<usize>lane << 2)) * load<f32>(scale + at) + load<f32>(bias + at);
          append(lists, counts, <i32>(q >> 2) + lane, capacity, screened, f);
        }
      }
    }
  }
}

/** Marks an entry as looked at: the sign bit of its feature. */
const DONE: i32 = 0x80000000;

/** Exact values of the entries of a list that lie at `list`, four at a time, for those that `bar` lets through. */
function rescoreList(
  list: usize, n: i32, x: usize, w: usize, bias: usize, slack: usize, height: f32, bytes: usize, bar: f32,
): f32 {
  const end = list + (<usize>n << 3);
  let least = f32.MAX_VALUE;
  let p = list;
  while (true) {
    let p0: usize = 0, p1: usize = 0, p2: usize = 0, p3: usize = 0;
    let found = 0;
    for (; p < end && found < 4; p += 8) {
      const f = load<i32>(p, 4);
      if (f < 0) continue;
      if (load<f32>(p) + height * load<f32>(slack + (<usize>f << 2)) < bar) continue;
      if (found == 0) p0 = p;
      else if (found == 1) p1 = p;
      else if (found == 2) p2 = p;
      else p3 = p;
      found++;
    }
    if (found == 0) return least;
    if (found < 4) { p3 = p0; if (found < 3) { p2 = p0; if (found < 2) p1 = p0; } }
    const f0 = load<i32>(p0, 4), f1 = load<i32>(p1, 4), f2 = load<i32>(p2, 4), f3 = load<i32>(p3, 4);
    const w0 = w + <usize>f0 * bytes, w1 = w + <usize>f1 * bytes, w2 = w + <usize>f2 * bytes, w3 = w + <usize>f3 * bytes;
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(x + i);
      s0 = f32x4.add(s0, f32x4.mul(v, v128.load(w0 + i)));
      s1 = f32x4.add(s1, f32x4.mul(v, v128.load(w1 + i)));
      s2 = f32x4.add(s2, f32x4.mul(v, v128.load(w2 + i)));
      s3 = f32x4.add(s3, f32x4.mul(v, v128.load(w3 + i)));
    }
    const v0 = total(s0) + load<f32>(bias + (<usize>f0 << 2)), v1 = total(s1) + load<f32>(bias + (<usize>f1 << 2));
    const v2 = total(s2) + load<f32>(bias + (<usize>f2 << 2)), v3 = total(s3) + load<f32>(bias + (<usize>f3 << 2));
    store<f32>(p0, v0);
    store<i32>(p0, f0 | DONE, 4);
    least = min(least, v0);
    if (found > 1) { store<f32>(p1, v1); store<i32>(p1, f1 | DONE, 4); least = min(least, v1); }
    if (found > 2) { store<f32>(p2, v2); store<i32>(p2, f2 | DONE, 4); least = min(least, v2); }
    if (found > 3) { store<f32>(p3, v3); store<i32>(p3, f3 | DONE, 4); least = min(least, v3); }
  }
}

/**
 * Turns the screened values of candidates into exact ones, x[R, D]·W[F, D]ᵀ + bias, and drops the candidates that cannot be
 * among the k largest of their row, or are not greater than `least`. The k with the largest screened values are
 * looked at first: no other candidate whose upper bound lies below the least of them is.
 */
export function rescore(
  lists: usize, counts: usize, x: usize, w: usize, bias: usize, slack: usize, heights: usize, R: i32, D: i32,
  k: i32, capacity: i32, least: f32,
): void {
  const bytes = <usize>D << 2;
  for (let row = 0; row < R; row++, x += bytes) {
    const n = load<i32>(counts + (<usize>row << 2));
    if (n > capacity) continue;
    const list = lists + (<usize>(row * capacity) << 3);
    const height = load<f32>(heights + (<usize>row << 2));
    let bar = least;
    if (n > k) {
      const first = reached(list, n, k);
      bar = max(bar, rescoreList(list, n, x, w, bias, slack, 0, bytes, first));
    }
    rescoreList(list, n, x, w, bias, slack, height, bytes, bar);
    let to = list;
    for (let p = list; p < list + (<usize>n << 3); p += 8) {
      const f = load<i32>(p, 4);
      const v = load<f32>(p);
      if (f >= 0 || !(v > least)) continue;
      store<f32>(to, v);
      store<i32>(to, f & 0x7fffffff, 4);
      to += 8;
    }
    store<i32>(counts + (<usize>row << 2), <i32>((to - list) >> 3));
  }
}

/**
 * Rows of W[n, D]·columns as bytes 128 + round(w / scale), scale = max|w| / levels of the row (levels ≤ 127): out[n, D],
 * scales[n], and norms[n] = ‖w‖².
 */
export function quantiseWeights(
  w: usize, columns: usize, out: usize, scales: usize, norms: usize, n: i32, D: i32, levels: f32,
): void {
  const bytes = <usize>D << 2;
  for (let row = 0; row < n; row++, w += bytes, out += D) {
    let most = f32x4.splat(0);
    let square = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = f32x4.mul(v128.load(w + i), v128.load(columns + i));
      most = f32x4.pmax(most, f32x4.abs(v));
      square = f32x4.add(square, f32x4.mul(v, v));
    }
    const scale = largest(most) / levels;
    store<f32>(scales + (<usize>row << 2), scale);
    store<f32>(norms + (<usize>row << 2), total(square));
    const inverse = f32x4.splat(scale > 0 ? 1 / scale : 0);
    const middle = i32x4.splat(128);
    for (let i: usize = 0; i < <usize>D; i += 16) {
      const p = w + (i << 2);
      const c = columns + (i << 2);
      const a0 = i32x4.add(rounded(p, c, inverse), middle), a1 = i32x4.add(rounded(p + 16, c + 16, inverse), middle);
      const a2 = i32x4.add(rounded(p + 32, c + 32, inverse), middle);
      const a3 = i32x4.add(rounded(p + 48, c + 48, inverse), middle);
      v128.store(out + i, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a0, a1), i16x8.narrow_i32x4_s(a2, a3)));
    }
  }
}

// @ts-ignore: decorator
@inline function rounded(p: usize, columns: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.mul(v128.load(p), v128.load(columns)), inverse)));
}

// @ts-ignore: decorator
@inline function largest(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

// @ts-ignore: decorator
@inline function total(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/**
 * Rows x[R, D]·columns as signed bytes, transposed: out[D, R], with the scale s of each row, scaled to 127. The rounding
 * errors of a value have the variance (‖w‖² s² + S² ‖x‖²)/12, S the scale of the feature's weights. Writes heights[R] such
 * that height·√(ρ‖w‖² + S²) is at least `sigmas` standard deviations, and returns ρ = Σ s²/Σ‖x‖² over the rows.
 */
export function quantiseRows(
  x: usize, columns: usize, out: usize, scales: usize, heights: usize, R: i32, D: i32, sigmas: f32,
): f32 {
  const bytes = <usize>D << 2;
  let steps: f32 = 0;
  let squares: f32 = 0;
  for (let row = 0; row < R; row++, x += bytes) {
    let most = f32x4.splat(0);
    let square = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = f32x4.mul(v128.load(x + i), v128.load(columns + i));
      most = f32x4.pmax(most, f32x4.abs(v));
      square = f32x4.add(square, f32x4.mul(v, v));
    }
    const scale = largest(most) / 127;
    store<f32>(scales + (<usize>row << 2), scale);
    store<f32>(heights + (<usize>row << 2), total(square));
    steps += scale * scale;
    squares += total(square);
    const inverse = f32x4.splat(scale > 0 ? 1 / scale : 0);
    let to = out + row;
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = rounded(x + i, columns + i, inverse);
      store<u8>(to, <u8>i32x4.extract_lane(v, 0));
      store<u8>(to + R, <u8>i32x4.extract_lane(v, 1));
      store<u8>(to + 2 * R, <u8>i32x4.extract_lane(v, 2));
      store<u8>(to + 3 * R, <u8>i32x4.extract_lane(v, 3));
      to += 4 * R;
    }
  }
  const ratio: f32 = squares > 0 ? steps / squares : 0;
  for (let row = 0; row < R; row++) {
    const scale = load<f32>(scales + (<usize>row << 2));
    const square = load<f32>(heights + (<usize>row << 2));
    const height = max<f32>(square, ratio > 0 ? scale * scale / ratio : 0);
    store<f32>(heights + (<usize>row << 2), sigmas * sqrt<f32>(height / 12));
  }
  return ratio;
}

/** slack[f] ← √(ρ·norms[f] + scales[f]²), and the largest of each group of `size`. */
export function slacks(norms: usize, scales: usize, slack: usize, groupSlack: usize, F: i32, size: i32, ratio: f32): void {
  for (let g = 0; g < F; g += size, groupSlack += 4) {
    let most: f32 = 0;
    for (let f = <usize>g << 2; f < <usize>(g + size) << 2; f += 4) {
      const s = load<f32>(scales + f);
      const v = sqrt<f32>(ratio * load<f32>(norms + f) + s * s);
      store<f32>(slack + f, v);
      most = max(most, v);
    }
    store<f32>(groupSlack, most);
  }
}

/** x[D] · w[D]. */
// @ts-ignore: decorator
@inline function dot(x: usize, w: usize, bytes: usize): f32 {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 64) {
    a = f32x4.add(a, f32x4.mul(v128.load(x + i), v128.load(w + i)));
    b = f32x4.add(b, f32x4.mul(v128.load(x + i, 16), v128.load(w + i, 16)));
    c = f32x4.add(c, f32x4.mul(v128.load(x + i, 32), v128.load(w + i, 32)));
    d = f32x4.add(d, f32x4.mul(v128.load(x + i, 48), v128.load(w + i, 48)));
  }
  return total(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** The exact pre-activations without bias of one row into column `row` of Y[F, R]: for lists that overflowed. */
export function exactRow(x: usize, w: usize, y: usize, F: i32, R: i32, D: i32, row: i32): void {
  const bytes = <usize>D << 2;
  x += <usize>row * bytes;
  for (let f = 0; f < F; f++, w += bytes) store<f32>(y + (<usize>(f * R + row) << 2), dot(x, w, bytes));
}

/** The exact pre-activations without bias of the listed features in rows 0, every, … into Y[F, R]. */
export function exactListed(
  x: usize, w: usize, y: usize, list: usize, n: i32, R: i32, D: i32, every: i32,
): void {
  const bytes = <usize>D << 2;
  for (let i = 0; i < n; i++) {
    const f = load<i32>(list + (<usize>i << 2));
    for (let row = 0; row < R; row += every) {
      const v = dot(x + <usize>row * bytes, w + <usize>f * bytes, bytes);
      store<f32>(y + (<usize>(f * R + row) << 2), v);
    }
  }
}
