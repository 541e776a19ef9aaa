/**
 * @file Top-k of every row of a block of pre-activations, in place where onnxruntime left them.
 *
 * The block is feature-major, Y[F, R] (R rows, a multiple of 4), so that four rows sit in the lanes of a vector.
 * 1. maxima of groups of features; 2. per row a threshold that at least k maxima reach, by bisection (so at
 * least k entries of the row reach it, and few more); 3. collect the entries that reach it, skipping groups
 * whose maximum does not; 4. prune to k. Only positive entries count (ReLU).
 * Ties: of equal values the lower feature index wins.
 */

/** Values at or below this count as zero: the smallest normal float. */
const TINY: f32 = 1.1754944e-38;

/** Y + bias of four rows. */
// @ts-ignore: decorator
@inline function biased(p: usize, b: v128): v128 { return f32x4.add(v128.load(p), b); }

/** Adds bias to Y and writes the maximum of each group of `size` features per row: maxima[F/size, R]. */
export function groupMaxima(y: usize, bias: usize, maxima: usize, F: i32, R: i32, size: i32): void {
  const stride = <usize>R << 2;
  for (let g = 0; g < F; g += size) {
    const base = y + <usize>g * stride;
    const b = bias + (<usize>g << 2);
    let q: usize = 0;
    // A cache line, four vectors, at a time.
    for (; q + 64 <= stride; q += 64) {
      let p = base + q;
      let s = v128.load32_splat(b);
      let m0 = biased(p, s), m1 = biased(p + 16, s), m2 = biased(p + 32, s), m3 = biased(p + 48, s);
      for (let i: usize = 1; i < <usize>size; i++) {
        p += stride;
        s = v128.load32_splat(b + (i << 2));
        m0 = f32x4.pmax(m0, biased(p, s));
        m1 = f32x4.pmax(m1, biased(p + 16, s));
        m2 = f32x4.pmax(m2, biased(p + 32, s));
        m3 = f32x4.pmax(m3, biased(p + 48, s));
      }
      v128.store(maxima + q, m0);
      v128.store(maxima + q, m1, 16);
      v128.store(maxima + q, m2, 32);
      v128.store(maxima + q, m3, 48);
    }
    for (; q < stride; q += 16) {
      let p = base + q;
      let m = biased(p, v128.load32_splat(b));
      for (let i: usize = 1; i < <usize>size; i++) {
        p += stride;
        m = f32x4.pmax(m, biased(p, v128.load32_splat(b + (i << 2))));
      }
      v128.store(maxima + q, m);
    }
    maxima += stride;
  }
}

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
 * Per row a threshold reached by at least k of the groups' maxima, and at least TINY: thresholds[R]. The bisection
 * counts maxima of `span` groups at a time (the last ones may be fewer), of which there must be at least k; `coarse`
 * has room for 4 · ceil(groups/span) floats.
 */
export function rowThresholds(
  maxima: usize, thresholds: usize, coarse: usize, groups: i32, R: i32, k: i32, span: i32,
): void {
  const stride = <usize>R << 2;
  const end = <usize>groups * stride;
  const far = stride * <usize>span;
  const slack = k + 1 + (k >> 3);
  for (let q: usize = 0; q < stride; q += 16) {
    const column = maxima + q;
    let low = f32x4.splat(f32.MAX_VALUE);
    let high = f32x4.splat(-f32.MAX_VALUE);
    let top = coarse;
    for (let first: usize = 0; first < end; first += far) {
      let m = v128.load(column + first);
      const last = min(first + far, end);
      for (let p = first + stride; p < last; p += stride) m = f32x4.pmax(m, v128.load(column + p));
      v128.store(top, m);
      top += 16;
      low = f32x4.pmin(low, m);
      high = f32x4.pmax(high, m);
    }
    low = f32x4.pmax(low, f32x4.splat(TINY));
    for (let step = 0; step < 20; step++) {
      const middle = f32x4.mul(f32x4.add(low, high), f32x4.splat(0.5));
      let count = i32x4.splat(0);
      for (let p = coarse; p < top; p += 16) count = i32x4.sub(count, f32x4.ge(v128.load(p), middle));
      const enough = i32x4.ge_s(count, i32x4.splat(k));
      low = v128.bitselect(middle, low, enough);
      high = v128.bitselect(high, middle, enough);
      const close = v128.and(enough, i32x4.le_s(count, i32x4.splat(slack)));
      if (i32x4.all_true(close)) break;
    }
    v128.store(thresholds + q, low);
  }
}

/**
 * Collects the entries of each row that reach its threshold into lists[R][capacity] of (value, feature), features
 * ascending, and their number into counts[R]. A count above capacity means that the list overflowed.
 */
export function collect(
  y: usize, bias: usize, maxima: usize, thresholds: usize, lists: usize, counts: usize,
  F: i32, R: i32, size: i32, capacity: i32,
): void {
  const stride = <usize>R << 2;
  memory.fill(counts, 0, stride);
  for (let g = 0; g < F; g += size) {
    const base = y + <usize>g * stride;
    for (let q: usize = 0; q < stride; q += 16, maxima += 16) {
      const threshold = v128.load(thresholds + q);
      if (!v128.any_true(f32x4.ge(v128.load(maxima), threshold))) continue;
      let p = base + q;
      for (let f = g; f < g + size; f++, p += stride) {
        const value = biased(p, v128.load32_splat(bias + (<usize>f << 2)));
        let mask = i32x4.bitmask(f32x4.ge(value, threshold));
        while (mask) {
          const lane = ctz(mask);
          mask &= mask - 1;
          const row = <i32>(q >> 2) + lane;
          const count = load<i32>(counts + (<usize>row << 2));
          store<i32>(counts + (<usize>row << 2), count + 1);
          if (count < capacity) {
            const slot = lists + (<usize>(row * capacity + count) << 3);
            store<f32>(slot, load<f32>(p + (<usize>lane << 2)) + load<f32>(bias + (<usize>f << 2)));
            store<i32>(slot, f, 4);
          }
        }
      }
    }
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
          const row = <i32>(q >> 2) + lane;
          const count = load<i32>(counts + (<usize>row << 2));
          store<i32>(counts + (<usize>row << 2), count + 1);
          if (count < capacity) {
            const slot = lists + (<usize>(row * capacity + count) << 3);
            store<f32>(slot, load<f32>(p + (<usize>lane << 2)) * load<f32>(scale + at) + load<f32>(bias + at));
            store<i32>(slot, f, 4);
          }
        }
      }
    }
  }
}

/** A value that at least k entries of a list of n > k reach, and few more; by bisection. */
function reached(list: usize, n: i32, k: i32): f32 {
  const end = list + (<usize>n << 3);
  let low = f32.MAX_VALUE, high = -f32.MAX_VALUE;
  for (let p = list; p < end; p += 8) {
    const v = load<f32>(p);
    low = min(low, v);
    high = max(high, v);
  }
  for (let step = 0; step < 24; step++) {
    const middle: f32 = 0.5 * (low + high);
    let count = 0;
    for (let p = list; p < end; p += 8) count += i32(load<f32>(p) >= middle);
    if (count < k) high = middle;
    else {
      low = middle;
      if (count == k) break;
    }
  }
  return low;
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
 * Entries Y + bias greater than their feature's floor: lists[R][capacity] of (value, feature), features
 * ascending, and counts[R]. Room for F entries a row.
 */
export function collectAbove(
  y: usize, bias: usize, floor: usize, lists: usize, counts: usize, F: i32, R: i32, capacity: i32,
): void {
  const stride = <usize>R << 2;
  memory.fill(counts, 0, stride);
  for (let f = 0; f < F; f++, y += stride) {
    const b = v128.load32_splat(bias + (<usize>f << 2));
    const t = v128.load32_splat(floor + (<usize>f << 2));
    for (let q: usize = 0; q < stride; q += 16) {
      const value = f32x4.add(v128.load(y + q), b);
      let mask = i32x4.bitmask(f32x4.gt(value, t));
      while (mask) {
        const lane = ctz(mask);
        mask &= mask - 1;
        const row = <i32>(q >> 2) + lane;
        const count = load<i32>(counts + (<usize>row << 2));
        store<i32>(counts + (<usize>row << 2), count + 1);
        const slot = lists + (<usize>(row * capacity + count) << 3);
        store<f32>(slot, load<f32>(y + (<usize>row << 2)) + load<f32>(bias + (<usize>f << 2)));
        store<i32>(slot, f, 4);
      }
    }
  }
}

/** Lists of rows one after another as indices[] and values[]; returns the number of entries. */
export function unzip(lists: usize, counts: usize, indices: usize, values: usize, R: i32, capacity: i32): i32 {
  let to: usize = 0;
  for (let row = 0; row < R; row++) {
    const list = lists + (<usize>(row * capacity) << 3);
    const end = list + (<usize>load<i32>(counts + (<usize>row << 2)) << 3);
    for (let p = list; p < end; p += 8, to += 4) {
      store<f32>(values + to, load<f32>(p));
      store<i32>(indices + to, load<i32>(p, 4));
    }
  }
  return <i32>(to >> 2);
}

/** Moves rows of k slots together, so that no slot is unused; returns the number of entries. */
export function closeUp(counts: usize, indices: usize, values: usize, R: i32, k: i32): i32 {
  let to: usize = 0;
  for (let row = 0; row < R; row++) {
    const bytes = <usize>load<i32>(counts + (<usize>row << 2)) << 2;
    const from = <usize>(row * k) << 2;
    if (from != to) {
      memory.copy(indices + to, indices + from, bytes);
      memory.copy(values + to, values + from, bytes);
    }
    to += bytes;
  }
  return <i32>(to >> 2);
}

/** Position of the smallest entry of a list; of equal ones that with the highest feature index. */
function smallest(list: usize, count: i32): usize {
  let worst = list;
  let value = load<f32>(list);
  const end = list + (<usize>count << 3);
  for (let p = list + 8; p < end; p += 8) {
    const v = load<f32>(p);
    if (v < value || (v == value && load<i32>(p, 4) > load<i32>(worst, 4))) {
      value = v;
      worst = p;
    }
  }
  return worst;
}

/** Cuts each row's list to its k largest and writes indices[R, stride], values[R, stride] (features ascending) and counts[R]. */
export function prune(
  lists: usize, counts: usize, indices: usize, values: usize, R: i32, k: i32, stride: i32, capacity: i32,
): void {
  for (let row = 0; row < R; row++) {
    const list = lists + (<usize>(row * capacity) << 3);
    let count = min(load<i32>(counts + (<usize>row << 2)), capacity);
    if (count > k) {
      const bar = reached(list, count, k);
      let to = list;
      for (let p = list, end = list + (<usize>count << 3); p < end; p += 8) {
        if (!(load<f32>(p) >= bar)) continue;
        store<u64>(to, load<u64>(p));
        to += 8;
      }
      count = <i32>((to - list) >> 3);
    }
    // Equal ones at the edge.
    while (count > k) {
      const worst = smallest(list, count);
      count--;
      const rest = list + (<usize>count << 3) - worst;
      memory.copy(worst, worst + 8, rest);
    }
    store<i32>(counts + (<usize>row << 2), count);
    const at = <usize>(row * stride) << 2;
    for (let i: usize = 0; i < <usize>count; i++) {
      store<f32>(values + at + (i << 2), load<f32>(list + (i << 3)));
      store<i32>(indices + at + (i << 2), load<i32>(list + (i << 3), 4));
    }
  }
}

/** The same for one row by scanning it all with a heap-free insertion: for lists that overflowed (many ties). */
export function selectRow(
  y: usize, bias: usize, list: usize, indices: usize, values: usize, F: i32, R: i32, row: i32, k: i32,
): i32 {
  let count = 0;
  let worst = list;
  for (let f = 0; f < F; f++) {
    const v = load<f32>(y + (<usize>(f * R + row) << 2)) + load<f32>(bias + (<usize>f << 2));
    if (!(v >= TINY)) continue;
    if (count < k) {
      const slot = list + (<usize>count << 3);
      store<f32>(slot, v);
      store<i32>(slot, f, 4);
      count++;
      if (count == k) worst = smallest(list, k);
    } else if (v > load<f32>(worst)) {
      // Equal values keep the earlier, lower index.
      const rest = list + (<usize>k << 3) - worst - 8;
      memory.copy(worst, worst + 8, rest);
      const slot = list + (<usize>(k - 1) << 3);
      store<f32>(slot, v);
      store<i32>(slot, f, 4);
      worst = smallest(list, k);
    }
  }
  for (let i: usize = 0; i < <usize>count; i++) {
    store<f32>(values + (i << 2), load<f32>(list + (i << 3)));
    store<i32>(indices + (i << 2), load<i32>(list + (i << 3), 4));
  }
  return count;
}

/**
 * The positive entries of n listed (dead) features in rows 0, every, 2·every, … of the block, into indices and
 * values [R/every, width] with counts.
 */
export function gatherListed(
  y: usize, bias: usize, list: usize, n: i32, indices: usize, values: usize, counts: usize,
  R: i32, every: i32, width: i32,
): void {
  for (let row = 0, a = 0; row < R; row += every, a++) {
    let count = 0;
    const at = <usize>(a * width) << 2;
    for (let i = 0; i < n; i++) {
      const f = load<i32>(list + (<usize>i << 2));
      const v = load<f32>(y + (<usize>(f * R + row) << 2)) + load<f32>(bias + (<usize>f << 2));
      if (!(v >= TINY)) continue;
      store<f32>(values + at + (<usize>count << 2), v);
      store<i32>(indices + at + (<usize>count << 2), f);
      count++;
    }
    store<i32>(counts + (<usize>a << 2), count);
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
