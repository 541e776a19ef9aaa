/** @file Rows of D floats: sums, products, combinations of decoder rows. D is a multiple of 16. */
// @ts-ignore: decorator
@inline export function at(base: usize, index: i32): usize { return base + (<usize>index << 2); }

// @ts-ignore: decorator
@inline export function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** ⟨a, b⟩ over D floats. */
export function dot(a: usize, b: usize, D: i32): f32 {
  let s = f32x4.splat(0), t = s;
  for (let d: usize = 0; d < <usize>D << 2; d += 32) {
    s = f32x4.add(s, f32x4.mul(v128.load(a + d), v128.load(b + d)));
    t = f32x4.add(t, f32x4.mul(v128.load(a + d, 16), v128.load(b + d, 16)));
  }
  return sum4(f32x4.add(s, t));
}

/** r ← bias − x. */
// @ts-ignore: decorator
@inline export function begin(r: usize, x: usize, bias: usize, D: i32): void {
  for (let d: usize = 0; d < <usize>D << 2; d += 16) {
    v128.store(r + d, f32x4.sub(v128.load(bias + d), v128.load(x + d)));
  }
}

/** r ← r + Σ value·W[f] over some entries of a row; four features at a time. */
export function accumulate(r: usize, W: usize, indices: usize, values: usize, count: i32, D: i32): void {
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
export function project(r: usize, W: usize, indices: usize, slopes: usize, count: i32, D: i32, scale: f32): void {
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

// @ts-ignore: decorator
@inline export function add(to: usize, v: usize, D: i32): void {
  for (let d: usize = 0; d < <usize>D << 2; d += 16) {
    v128.store(to + d, f32x4.add(v128.load(to + d), v128.load(v + d)));
  }
}
