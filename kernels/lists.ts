/** @file Lists of (value, feature): the value that k entries reach, and the smallest entry. */

/** A value that at least k entries of a list of n > k reach, and few more; by bisection. */
export function reached(list: usize, n: i32, k: i32): f32 {
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

/** Position of the smallest entry of a list; of equal ones that with the highest feature index. */
export function smallest(list: usize, count: i32): usize {
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

/** Puts (value, feature) at the end of a row's list and counts it; what no longer fits is counted only. */
@inline export function append(lists: usize, counts: usize, row: i32, capacity: i32, value: f32, feature: i32): void {
  const at = counts + (<usize>row << 2);
  const count = load<i32>(at);
  store<i32>(at, count + 1);
  if (count < capacity) {
    const slot = lists + (<usize>(row * capacity + count) << 3);
    store<f32>(slot, value);
    store<i32>(slot, feature, 4);
  }
}
