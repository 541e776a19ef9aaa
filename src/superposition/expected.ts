/**
 * @file The expected loss of a ReLU toy model and its exact gradient, without a single sample.
 *
 * Output i sees u = b_i + Σ_j a_j x_j, a_j = W_i·W_j, and costs E[(x_i − u₊)²]. With a period P ≥ max |u| and Bernoulli's
 * polynomial B₃, u₊² = f(u) − (P²/3) B₃({u/P}), f(u) = u²/2 + u³/3P + Pu/6, for every u that can occur; and the periodic
 * B₃ is the Fourier series (12/(2π)³) Σ_k sin(2πku/P)/k³. Features are independent, so E[e^{iωu}] is a product of n
 * known factors: the expectation becomes a sum over frequencies, each exact. Inputs with no or one active feature, whose
 * terms fall most slowly, are left out of the series and added in closed form. What is cut off is bounded (`truncation`),
 * and the gradient is that of the sum as it stands.
 */

/** Frequencies of the series unless asked otherwise. */
export const FREQUENCIES = 64;

/** Moments of a feature that is 0 with probability S, else uniform in [0, 1]. */
function featureMoments(sparsity: number) {
  const p = 1 - sparsity;
  const [m1, m2, m3] = [p / 2, p / 3, p / 4];
  return { p, m1, m2, variance: m2 - m1 * m1, third: m3 - 3 * m1 * m2 + 2 * m1 ** 3 };
}

/** The expected loss of every output, and its derivatives, as functions of the overlaps G = W Wᵀ and the biases. */
export interface ExpectedOutputs {
  /** E[(x_i − x′_i)²]. */
  readonly loss_N: Float64Array;
  /** ∂loss_i/∂b_i. */
  readonly bySlope_N: Float64Array;
  /** ∂loss_i/∂a_ij, a_ij = W_i·W_j. */
  readonly byOverlap_NN: Float64Array;
  /** Upper bound of what the cut-off terms add to any loss_i. */
  readonly truncation: number;
}

/** A workspace for models of n features at one sparsity: evaluates without allocating. */
export function expectedOutputs(
  n: number,
  sparsity: number,
  frequencies = FREQUENCIES,
): (overlaps_NN: Float64Array, b_N: Float64Array) => ExpectedOutputs {
  const moments = featureMoments(sparsity);
  const { p, m1 } = moments;
  const none = sparsity ** n;
  const one = sparsity ** (n - 1) * p;
  const loss_N = new Float64Array(n);
  const bySlope_N = new Float64Array(n);
  const byOverlap_NN = new Float64Array(n * n);
  const series = seriesWorkspace(n, sparsity, none, one);
  return (G, b_N) => {
    const { period, truncation } = periodOf(G, b_N);
    for (let i = 0; i < n; i++) {
      const a = G.subarray(i * n, (i + 1) * n);
      const slopes = byOverlap_NN.subarray(i * n, (i + 1) * n);
      polynomials(i, b_N[i]!, a, period, slopes);
      inClosedForm(i, b_N[i]!, a, period, slopes);
    }
    series.add(G, b_N, period, frequencies, loss_N, bySlope_N, byOverlap_NN);
    return { loss_N, bySlope_N, byOverlap_NN, truncation };
  };

  /** The period: above every |u|, and one of a few values, so that it stays put where the weights move a little. */
  function periodOf(G: Float64Array, b_N: Float64Array) {
    let most = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      let [up, down] = [b_N[i]!, -b_N[i]!];
      for (let j = 0; j < n; j++) {
        const a = G[i * n + j]!;
        if (a > 0) up += a;
        else down -= a;
      }
      most = Math.max(most, up, down);
      least = Math.min(least, G[i * n + i]!);
    }
    const period = 2 ** (Math.ceil(4 * Math.log2(Math.max(most, 1e-3)) + 1e-9) / 4);
    const several = 1 - none - n * one;
    const withOther = 1 - sparsity ** (n - 1);
    // |E[x_i e^{iωu}]| ≤ m₁, and ≤ 2p/(ω a_ii), over inputs where another feature is active too.
    const cross = Math.min(m1 / frequencies, (p * period) / (Math.PI * least * 2 * frequencies ** 2));
    const truncation =
      ((period ** 2 / (2 * Math.PI ** 3)) * several) / (2 * frequencies ** 2) +
      (period / Math.PI ** 2) * withOther * cross;
    return { period, truncation };
  }

  /** E[x_i²] − E[x_i f′(u)] + E[f(u)], and its derivatives. */
  function polynomials(i: number, b: number, a: Float64Array, P: number, slopes: Float64Array): void {
    const { m2, variance: v, third } = moments;
    let [sum, squares, cubes] = [0, 0, 0];
    for (let j = 0; j < n; j++) {
      const value = a[j]!;
      sum += value;
      squares += value * value;
      cubes += value ** 3;
    }
    const mean = b + m1 * sum;
    const spread = v * squares;
    const second = spread + mean * mean;
    const cube = third * cubes + 3 * spread * mean + mean ** 3;
    // E[x_j u], E[x_j u²].
    const first = (j: number) => v * a[j]! + mean * m1;
    const quadratic = (j: number) => third * a[j]! ** 2 + 2 * v * a[j]! * mean + second * m1;
    const slope = (j: number) => first(j) + quadratic(j) / P + (P * m1) / 6;
    loss_N[i] = m2 - slope(i) + second / 2 + cube / (3 * P) + (P * mean) / 6;
    bySlope_N[i] = mean + second / P + P / 6 - (m1 + (2 * first(i)) / P);
    for (let j = 0; j < n; j++) {
      const pair = j === i ? m2 : m1 * m1;
      const pairU =
        j === i
          ? third * a[i]! + v * mean + 2 * v * a[i]! * m1 + mean * m1 * m1
          : v * m1 * (a[i]! + a[j]!) + mean * m1 * m1;
      slopes[j] = slope(j) - (pair + (2 * pairU) / P);
    }
  }

  /** Inputs with no or one active feature: (x_i − u₊)² in closed form, in place of what the polynomials made of them. */
  function inClosedForm(i: number, b: number, a: Float64Array, P: number, slopes: Float64Array): void {
    if (b > 0) {
      loss_N[i]! += none * b * b;
      bySlope_N[i]! += 2 * none * b;
    }
    loss_N[i]! -= none * ((b * b) / 2 + b ** 3 / (3 * P) + (P * b) / 6);
    bySlope_N[i]! -= none * (b + (b * b) / P + P / 6);
    for (let j = 0; j < n; j++) {
      const c = a[j]!;
      // u = b + ct is positive for t in [t0, t1]; q-th moments of t there, and over [0, 1].
      const root = c === 0 ? 0 : Math.min(1, Math.max(0, -b / c));
      const [t0, t1] = c > 0 ? [root, 1] : c < 0 ? [0, root] : [0, b > 0 ? 1 : 0];
      const [q0, q1, q2] = [t1 - t0, (t1 * t1 - t0 * t0) / 2, (t1 ** 3 - t0 ** 3) / 3];
      // ∫f, ∫f′, ∫t f′ over [0, 1].
      const f =
        (b * b + b * c + (c * c) / 3) / 2 + (b ** 3 + 1.5 * b * b * c + b * c * c + c ** 3 / 4) / (3 * P);
      const f1 = b + c / 2 + (b * b + b * c + (c * c) / 3) / P + P / 6;
      const tf1 = b / 2 + c / 3 + ((b * b) / 2 + (2 * b * c) / 3 + (c * c) / 4) / P + P / 12;
      loss_N[i]! += one * (b * b * q0 + 2 * b * c * q1 + c * c * q2 - f - (P * (b + c / 2)) / 6);
      bySlope_N[i]! += one * (2 * (b * q0 + c * q1) - f1);
      slopes[j]! += one * (2 * (b * q1 + c * q2) - tf1);
      if (j === i) {
        loss_N[i]! -= one * (2 * (b * q1 + c * q2) - tf1);
        bySlope_N[i]! -= one * (2 * q1 - (0.5 + (2 * (b / 2 + c / 3)) / P));
        slopes[j]! -= one * (2 * q2 - (1 / 3 + (2 * (b / 3 + c / 4)) / P));
      }
    }
  }
}

/** Below this angle the integrals ∫tᑫ e^{iθt} are taken from their power series. */
const SMALL_ANGLE = 0.5;
const POWERS = 12;

/**
 * The sum over frequencies, for all outputs at once; symmetric overlaps share their factors. Complex numbers lie as two
 * neighbours in an array, and loops hold scalars only: this is where the time goes.
 */
function seriesWorkspace(n: number, sparsity: number, none: number, one: number) {
  const p = 1 - sparsity;
  const complex = () => new Float64Array(2 * n * n);
  // Per overlap: e^{iθ} of frequency 1 and k; E_q = ∫₀¹ tᑫ e^{iθt} dt.
  const [first, power, e0, e1, e2] = [complex(), complex(), complex(), complex(), complex()];
  // Products of φ_l over the features before, and after, each one.
  const [before, after] = [new Float64Array(2 * n), new Float64Array(2 * n)];
  return { add };

  function add(
    G: Float64Array,
    b_N: Float64Array,
    P: number,
    frequencies: number,
    loss_N: Float64Array,
    bySlope_N: Float64Array,
    byOverlap_NN: Float64Array,
  ): void {
    const base = (2 * Math.PI) / P;
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        const at = 2 * (i * n + j);
        first[at] = Math.cos(base * G[i * n + j]!);
        first[at + 1] = Math.sin(base * G[i * n + j]!);
        power[at] = 1;
        power[at + 1] = 0;
      }
    for (let k = 1; k <= frequencies; k++) {
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) factors(2 * (i * n + j), 2 * (j * n + i), k * base * G[i * n + j]!);
      for (let i = 0; i < n; i++) output(i, k, P, k * base * b_N[i]!, loss_N, bySlope_N, byOverlap_NN);
    }
  }

  /** Frequency k of output i. */
  function output(
    i: number,
    k: number,
    P: number,
    phase: number,
    loss_N: Float64Array,
    bySlope_N: Float64Array,
    byOverlap_NN: Float64Array,
  ): void {
    const square = P / (Math.PI ** 2 * k * k);
    const linear = 2 / (Math.PI * k);
    const cubic = P ** 2 / (2 * Math.PI ** 3 * k ** 3);
    const cosB = Math.cos(phase);
    const sinB = Math.sin(phase);
    const row = 2 * i * n;
    // Over l ≠ i.
    let re = 1;
    let im = 0;
    for (let j = 0; j < n; j++) {
      before[2 * j] = re;
      before[2 * j + 1] = im;
      if (j === i) continue;
      const x = sparsity + p * e0[row + 2 * j]!;
      const y = p * e0[row + 2 * j + 1]!;
      const next = re * x - im * y;
      im = re * y + im * x;
      re = next;
    }
    const allRe = re;
    const allIm = im;
    let sumRe = 0;
    let sumIm = 0;
    re = 1;
    im = 0;
    for (let j = n - 1; j >= 0; j--) {
      after[2 * j] = re;
      after[2 * j + 1] = im;
      sumRe += e0[row + 2 * j]!;
      sumIm += e0[row + 2 * j + 1]!;
      if (j === i) continue;
      const x = sparsity + p * e0[row + 2 * j]!;
      const y = p * e0[row + 2 * j + 1]!;
      const next = re * x - im * y;
      im = re * y + im * x;
      re = next;
    }
    // E[e^{iωu}], E[x_i e^{iωu}], E[x_i² e^{iωu}] over inputs with two active features or more.
    const at = row + 2 * i;
    const ownRe = sparsity + p * e0[at]!;
    const ownIm = p * e0[at + 1]!;
    const zeroRe = ownRe * allRe - ownIm * allIm - none - one * sumRe;
    const zeroIm = ownRe * allIm + ownIm * allRe - one * sumIm;
    const restRe = p * allRe - one;
    const restIm = p * allIm;
    const oneRe = e1[at]! * restRe - e1[at + 1]! * restIm;
    const oneIm = e1[at]! * restIm + e1[at + 1]! * restRe;
    const twoRe = e2[at]! * restRe - e2[at + 1]! * restIm;
    const twoIm = e2[at]! * restIm + e2[at + 1]! * restRe;
    loss_N[i]! += square * (oneRe * cosB - oneIm * sinB) - cubic * (zeroRe * sinB + zeroIm * cosB);
    bySlope_N[i]! -= linear * (oneRe * sinB + oneIm * cosB) + square * (zeroRe * cosB - zeroIm * sinB);
    const slopeRe = p * e1[at]!;
    const slopeIm = p * e1[at + 1]!;
    for (let j = 0; j < n; j++) {
      const slot = i * n + j;
      if (j === i) {
        byOverlap_NN[slot]! -=
          linear * (twoRe * sinB + twoIm * cosB) + square * (oneRe * cosB - oneIm * sinB);
        continue;
      }
      const othersRe = before[2 * j]! * after[2 * j]! - before[2 * j + 1]! * after[2 * j + 1]!;
      const othersIm = before[2 * j]! * after[2 * j + 1]! + before[2 * j + 1]! * after[2 * j]!;
      const c = e1[row + 2 * j]!;
      const d = e1[row + 2 * j + 1]!;
      // E[x_j e^{iωu}] but for feature i, then with it alone, then with x_i.
      const moreRe = p * (c * othersRe - d * othersIm);
      const moreIm = p * (c * othersIm + d * othersRe);
      const jRe = moreRe * ownRe - moreIm * ownIm - one * c;
      const jIm = moreRe * ownIm + moreIm * ownRe - one * d;
      const bothRe = moreRe * slopeRe - moreIm * slopeIm;
      const bothIm = moreRe * slopeIm + moreIm * slopeRe;
      byOverlap_NN[slot]! -= linear * (bothRe * sinB + bothIm * cosB) + square * (jRe * cosB - jIm * sinB);
    }
  }

  /** E₀, E₁, E₂ of one overlap at the next frequency, kept at both of its places. */
  function factors(at: number, mirror: number, angle: number): void {
    const re = power[at]! * first[at]! - power[at + 1]! * first[at + 1]!;
    const im = power[at]! * first[at + 1]! + power[at + 1]! * first[at]!;
    power[at] = re;
    power[at + 1] = im;
    if (angle < SMALL_ANGLE && angle > -SMALL_ANGLE) {
      smallAngle(at, angle, 0, e0);
      smallAngle(at, angle, 1, e1);
      smallAngle(at, angle, 2, e2);
    } else {
      // ∫tᑫ e^{iθt} = (e^{iθ} − q E_{q−1}) / iθ.
      const over = 1 / angle;
      e0[at] = im * over;
      e0[at + 1] = (1 - re) * over;
      e1[at] = (im - e0[at + 1]!) * over;
      e1[at + 1] = (e0[at]! - re) * over;
      e2[at] = (im - 2 * e1[at + 1]!) * over;
      e2[at + 1] = (2 * e1[at]! - re) * over;
    }
    e0[mirror] = e0[at]!;
    e0[mirror + 1] = e0[at + 1]!;
    e1[mirror] = e1[at]!;
    e1[mirror + 1] = e1[at + 1]!;
    e2[mirror] = e2[at]!;
    e2[mirror + 1] = e2[at + 1]!;
  }

  /** Σ_k (iθ)ᵏ/k! ∫t^{q+k}: even k are real, odd ones imaginary, signs alternate in pairs. */
  function smallAngle(at: number, angle: number, q: number, e: Float64Array): void {
    let re = 0;
    let im = 0;
    let term = 1;
    for (let k = 0; k <= POWERS; k += 2) {
      re += term / (q + k + 1);
      term *= angle / (k + 1);
      im += term / (q + k + 2);
      term *= -angle / (k + 2);
    }
    e[at] = re;
    e[at + 1] = im;
  }
}
