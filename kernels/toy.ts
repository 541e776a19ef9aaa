/**
 * @file Toy models of superposition, four instances in the lanes of a vector: samples, gradients and Adam in one place.
 *
 * h = E x (or ReLU of it), o = D h + b, y = o (or ReLU of it), loss = Σ_j I_j (y_j − |x_j|)² / n. In a tied model
 * E is Dᵀ, the same memory. Every number is a vector of four lanes, one per instance, so that nothing is summed across
 * lanes and an instance never depends on its neighbours. Samples are taken four at a time, so that a weight is loaded
 * once for four of them.
 *
 * A model lies at one address: words of 32 bits, then pointers to arrays of v128.
 */

// Words of a model.
const N: usize = 0, M: usize = 4, BATCH: usize = 8, FLAGS: usize = 12;
const ENC: usize = 16, DEC: usize = 20, BIAS: usize = 24;
const G_ENC: usize = 28, G_DEC: usize = 32, G_BIAS: usize = 36;
const MEAN: usize = 40, SQUARE: usize = 44;
/** Importance / n, and the interval [low, high) of its uniform in which a feature is active: [n] each; 1/(high − low). */
const IMPORTANCE: usize = 48, LOW: usize = 52, HIGH: usize = 56, INVERSE: usize = 60;
/** Per feature (i32): whose uniform decides whether it is active; 1 when its value needs a uniform of its own. */
const SOURCE: usize = 64, OWN: usize = 68;
const STATE: usize = 72, SCRATCH: usize = 76;
/** Learning rate [1 vector]; its factor, and those of both moments, per step [3 floats a step]; losses [a vector a step]. */
const RATE: usize = 80, SCHEDULE: usize = 84, LOSSES: usize = 88;

const HIDDEN_RELU = 1, OUTPUT_RELU = 2, SIGNED = 4, HAS_BIAS = 8;

// @ts-ignore: decorator
@inline function at(model: usize, word: usize): usize { return <usize>load<u32>(model + word); }

// @ts-ignore: decorator
@inline function madd(acc: v128, a: v128, b: v128): v128 { return f32x4.add(acc, f32x4.mul(a, b)); }

/** Four uniforms in [0, 1) with 24 bits: xoshiro128+ (Blackman and Vigna 2021), a generator in each lane. */
// @ts-ignore: decorator
@inline function uniform(state: usize): v128 {
  let s0 = v128.load(state), s1 = v128.load(state, 16), s2 = v128.load(state, 32), s3 = v128.load(state, 48);
  const r = i32x4.add(s0, s3);
  const t = i32x4.shl(s1, 9);
  s2 = v128.xor(s2, s0);
  s3 = v128.xor(s3, s1);
  s1 = v128.xor(s1, s2);
  s0 = v128.xor(s0, s3);
  s2 = v128.xor(s2, t);
  s3 = v128.or(i32x4.shl(s3, 11), i32x4.shr_u(s3, 21));
  v128.store(state, s0);
  v128.store(state, s1, 16);
  v128.store(state, s2, 32);
  v128.store(state, s3, 48);
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(r, 8)), f32x4.splat(5.9604644775390625e-8));
}

/** Four samples of every feature: x[n][4], with the uniforms that decided in u[n]. */
function sample(model: usize, x: usize, u: usize): void {
  const n = at(model, N);
  const state = at(model, STATE), low = at(model, LOW), high = at(model, HIGH), inverse = at(model, INVERSE);
  const source = at(model, SOURCE), own = at(model, OWN);
  const signed = (load<i32>(model + FLAGS) & SIGNED) != 0;
  for (let s: usize = 0; s < 4; s++) {
    for (let j: usize = 0; j < n; j++) {
      const from = <usize>load<i32>(source + (j << 2));
      const decides = from == j ? uniform(state) : v128.load(u + (from << 4));
      v128.store(u + (j << 4), decides);
      const a = v128.load(low + (j << 4));
      const active = v128.and(f32x4.ge(decides, a), f32x4.lt(decides, v128.load(high + (j << 4))));
      let value = f32x4.mul(f32x4.sub(decides, a), v128.load(inverse + (j << 4)));
      if (load<i32>(own + (j << 2))) value = uniform(state);
      if (signed) value = f32x4.sub(f32x4.add(value, value), f32x4.splat(1));
      v128.store(x + (j << 6) + (s << 4), v128.and(value, active));
    }
  }
}

/** out[m][4] = Σ_j w[j][k] x[j][4]. */
// @ts-ignore: decorator
@inline function project(w: usize, x: usize, out: usize, n: usize, m: usize): void {
  const stride = m << 4;
  for (let k: usize = 0; k < m; k++) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let p = w + (k << 4);
    const end = x + (n << 6);
    for (let q = x; q < end; q += 64, p += stride) {
      const v = v128.load(p);
      a = madd(a, v, v128.load(q));
      b = madd(b, v, v128.load(q, 16));
      c = madd(c, v, v128.load(q, 32));
      d = madd(d, v, v128.load(q, 48));
    }
    v128.store(out + (k << 6), a);
    v128.store(out + (k << 6), b, 16);
    v128.store(out + (k << 6), c, 32);
    v128.store(out + (k << 6), d, 48);
  }
}

/** gradient[j][k] += Σ_s a[j][s] b[k][s]. */
// @ts-ignore: decorator
@inline function outer(gradient: usize, a: usize, b: usize, n: usize, m: usize): void {
  let p = gradient;
  for (let j: usize = 0; j < n; j++, a += 64) {
    const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
    const end = b + (m << 6);
    for (let q = b; q < end; q += 64, p += 16) {
      let sum = madd(f32x4.mul(a0, v128.load(q)), a1, v128.load(q, 16));
      sum = f32x4.add(sum, madd(f32x4.mul(a2, v128.load(q, 32)), a3, v128.load(q, 48)));
      v128.store(p, f32x4.add(v128.load(p), sum));
    }
  }
}

/** In a tied model both at once: gradient[j][k] += Σ_s (a b + c d), where a weight is loaded and stored once. */
// @ts-ignore: decorator
@inline function outerTied(gradient: usize, a: usize, b: usize, c: usize, d: usize, n: usize, m: usize): void {
  let p = gradient;
  const far = d - b;
  for (let j: usize = 0; j < n; j++, a += 64, c += 64) {
    const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
    const c0 = v128.load(c), c1 = v128.load(c, 16), c2 = v128.load(c, 32), c3 = v128.load(c, 48);
    const end = b + (m << 6);
    for (let q = b; q < end; q += 64, p += 16) {
      const r = q + far;
      let sum = madd(f32x4.mul(a0, v128.load(q)), a1, v128.load(q, 16));
      let more = madd(f32x4.mul(a2, v128.load(q, 32)), a3, v128.load(q, 48));
      sum = madd(madd(sum, c0, v128.load(r)), c1, v128.load(r, 16));
      more = madd(madd(more, c2, v128.load(r, 32)), c3, v128.load(r, 48));
      v128.store(p, f32x4.add(v128.load(p), f32x4.add(sum, more)));
    }
  }
}

/** Adds the gradients of four samples; returns the sum of their losses. */
function accumulate(model: usize): v128 {
  const n = at(model, N), m = at(model, M);
  const flags = load<i32>(model + FLAGS);
  const encoder = at(model, ENC), decoder = at(model, DEC), bias = at(model, BIAS);
  const importance = at(model, IMPORTANCE), gBias = at(model, G_BIAS);
  const x = at(model, SCRATCH), g = x + (n << 6), h = g + (n << 6), dh = h + (m << 6), u = dh + (m << 6);
  const zero = f32x4.splat(0), all = i32x4.splat(-1);
  const outputs = flags & OUTPUT_RELU ? zero : all, hiddens = flags & HIDDEN_RELU ? zero : all;
  sample(model, x, u);
  project(encoder, x, h, n, m);
  if (flags & HIDDEN_RELU) {
    for (let p = h; p < dh; p += 16) v128.store(p, f32x4.pmax(zero, v128.load(p)));
  }
  let loss = zero;
  for (let j: usize = 0; j < n; j++) {
    const b = v128.load(bias + (j << 4));
    let o0 = b, o1 = b, o2 = b, o3 = b;
    let q = h;
    const end = decoder + ((j + 1) * m << 4);
    for (let p = decoder + (j * m << 4); p < end; p += 16, q += 64) {
      const v = v128.load(p);
      o0 = madd(o0, v, v128.load(q));
      o1 = madd(o1, v, v128.load(q, 16));
      o2 = madd(o2, v, v128.load(q, 32));
      o3 = madd(o3, v, v128.load(q, 48));
    }
    const at4 = x + (j << 6), to = g + (j << 6);
    const weight = v128.load(importance + (j << 4));
    const on0 = v128.or(outputs, f32x4.gt(o0, zero)), on1 = v128.or(outputs, f32x4.gt(o1, zero));
    const on2 = v128.or(outputs, f32x4.gt(o2, zero)), on3 = v128.or(outputs, f32x4.gt(o3, zero));
    const e0 = f32x4.sub(v128.and(o0, on0), f32x4.abs(v128.load(at4)));
    const e1 = f32x4.sub(v128.and(o1, on1), f32x4.abs(v128.load(at4, 16)));
    const e2 = f32x4.sub(v128.and(o2, on2), f32x4.abs(v128.load(at4, 32)));
    const e3 = f32x4.sub(v128.and(o3, on3), f32x4.abs(v128.load(at4, 48)));
    const square = f32x4.add(madd(f32x4.mul(e0, e0), e1, e1), madd(f32x4.mul(e2, e2), e3, e3));
    loss = madd(loss, weight, square);
    const twice = f32x4.add(weight, weight);
    const g0 = v128.and(f32x4.mul(twice, e0), on0), g1 = v128.and(f32x4.mul(twice, e1), on1);
    const g2 = v128.and(f32x4.mul(twice, e2), on2), g3 = v128.and(f32x4.mul(twice, e3), on3);
    v128.store(to, g0);
    v128.store(to, g1, 16);
    v128.store(to, g2, 32);
    v128.store(to, g3, 48);
    const sum = f32x4.add(f32x4.add(g0, g1), f32x4.add(g2, g3));
    v128.store(gBias + (j << 4), f32x4.add(v128.load(gBias + (j << 4)), sum));
  }
  project(decoder, g, dh, n, m);
  if (flags & HIDDEN_RELU) {
    for (let p = dh, q = h; p < u; p += 16, q += 16) {
      v128.store(p, v128.and(v128.load(p), v128.or(hiddens, f32x4.gt(v128.load(q), zero))));
    }
  }
  if (encoder == decoder) outerTied(at(model, G_DEC), g, h, x, dh, n, m);
  else {
    outer(at(model, G_DEC), g, h, n, m);
    outer(at(model, G_ENC), x, dh, n, m);
  }
  return loss;
}

/**
 * Gradients of a fresh batch (a multiple of 4), as sums over samples, into the model's gradients, which lie one after
 * another (encoder unless tied, decoder, bias: `count` vectors); the mean loss of each instance into `losses`.
 */
export function gradients(model: usize, count: usize, losses: usize): void {
  memory.fill(at(model, G_ENC), 0, count << 4);
  const batch = load<i32>(model + BATCH);
  let loss = f32x4.splat(0);
  for (let i = 0; i < batch; i += 4) loss = f32x4.add(loss, accumulate(model));
  v128.store(losses, f32x4.div(loss, f32x4.splat(<f32>batch)));
}

/** Steps `from` … `to` − 1 of Adam (Kingma and Ba 2015; β 0.9 and 0.999, ε 1e-8), a fresh batch in each. */
export function train(model: usize, count: usize, from: i32, to: i32): void {
  const flags = load<i32>(model + FLAGS);
  const batch = <f32>load<i32>(model + BATCH);
  const parameters = at(model, ENC), gradient = at(model, G_ENC), mean = at(model, MEAN), square = at(model, SQUARE);
  const learned = flags & HAS_BIAS ? count : count - at(model, N);
  const rate = v128.load(at(model, RATE));
  const share = f32x4.splat(1 / batch);
  const epsilon = f32x4.splat(1e-8);
  for (let step = from; step < to; step++) {
    gradients(model, count, at(model, LOSSES) + (<usize>step << 4));
    const schedule = at(model, SCHEDULE) + <usize>(step * 12);
    const pace = f32x4.mul(rate, v128.load32_splat(schedule));
    const unbiased = v128.load32_splat(schedule + 4);
    for (let i: usize = 0; i < learned << 4; i += 16) {
      const g = f32x4.mul(v128.load(gradient + i), share);
      const m = madd(f32x4.mul(v128.load(mean + i), f32x4.splat(0.9)), g, f32x4.splat(0.1));
      const v = madd(f32x4.mul(v128.load(square + i), f32x4.splat(0.999)), f32x4.mul(g, g), f32x4.splat(0.001));
      v128.store(mean + i, m);
      v128.store(square + i, v);
      const size = f32x4.add(f32x4.sqrt(f32x4.mul(v, unbiased)), epsilon);
      const w = v128.load(parameters + i);
      v128.store(parameters + i, f32x4.sub(w, f32x4.div(f32x4.mul(pace, m), size)));
    }
  }
}
