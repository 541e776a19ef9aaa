/** @file What kinds do to entries and slopes: penalties, thresholds, gates, the choice of the largest of a batch. */
import { at, begin, accumulate, project } from './vectors';

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

/**
 * JumpReLU before decoding: each row's entries that exceed their threshold first, active[b] of them; the others, which are
 * in the band below it, become 0.
 */
export function jump(
  starts: usize, indices: usize, values: usize, counts: usize, active: usize, thresholds: usize, first: i32, rows: i32,
): void {
  for (let b = first; b < first + rows; b++) {
    const start = load<i32>(at(starts, b));
    const end = start + load<i32>(at(counts, b));
    let to = start;
    for (let i = start; i < end; i++) {
      const f = load<i32>(at(indices, i));
      const value = load<f32>(at(values, i));
      if (value > max<f32>(load<f32>(at(thresholds, f)), 0)) {
        store<i32>(at(indices, i), load<i32>(at(indices, to)));
        store<i32>(at(indices, to), f);
        store<f32>(at(values, i), 0);
        store<f32>(at(values, to), value);
        to++;
      } else store<f32>(at(values, i), 0);
    }
    store<i32>(at(active, b), to - start);
  }
}

/**
 * JumpReLU after decoding: of active entries `extra` gets the slope of those within half a band of their threshold θ, `other`
 * 1 there and 0 elsewhere. What the band below θ adds to both is found feature by feature (`gradients`).
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
      const near = value - load<f32>(at(thresholds, load<i32>(at(indices, i)))) < half;
      store<f32>(at(extra, i), near ? slope : 0);
      store<f32>(at(other, i), near ? 1 : 0);
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
