/**
 * @file Top-k of every row of a block of pre-activations, in place where onnxruntime left them.
 *
 * The block is feature-major, Y[F, R] (R rows, a multiple of 4), so that four rows sit in the lanes of a vector.
 * 1. maxima of groups of features; 2. per row a threshold that at least k maxima reach, by bisection (so at
 * least k entries of the row reach it, and few more); 3. collect the entries that reach it, skipping groups
 * whose maximum does not; 4. prune to k. Only positive entries count (ReLU).
 * Ties: of equal values the lower feature index wins.
 */
import { append, reached, smallest } from './lists';

export {
  screenedMaxima, screenedCollect, rescore, quantiseWeights, quantiseRows, slacks, exactRow, exactListed,
} from './screen';

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
          const exact = load<f32>(p + (<usize>lane << 2)) + load<f32>(bias + (<usize>f << 2));
          append(lists, counts, <i32>(q >> 2) + lane, capacity, exact, f);
        }
      }
    }
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
