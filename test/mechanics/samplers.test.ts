import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { type Landscape, landscape, potentialOf } from '../../src/mechanics/landscape.ts';
import { factor } from '../../src/mechanics/linear.ts';
import { type Chain, expectation, monteCarloMean } from '../../src/mechanics/samplers/chain.ts';
import { hmc } from '../../src/mechanics/samplers/hmc.ts';
import { langevin } from '../../src/mechanics/samplers/langevin.ts';
import { learningCoefficient } from '../../src/mechanics/samplers/learning-coefficient.ts';
import { microcanonicalHmc, microcanonicalLangevin } from '../../src/mechanics/samplers/microcanonical.ts';
import { nuts } from '../../src/mechanics/samplers/nuts.ts';
import { thermodynamics } from '../../src/mechanics/samplers/thermodynamics.ts';
import { doubleWell } from '../../src/mechanics/systems/double-well.ts';

/** exp(−½(x − μ)ᵀP(x − μ)) in four dimensions, P with correlations. */
const n = 4;
const mu = [0.5, -1, 0, 2];
const P = [
  [4, 0.9, 0, -0.5],
  [0.9, 1, 0.2, 0],
  [0, 0.2, 0.6, 0.1],
  [-0.5, 0, 0.1, 1.5],
];
const covariance = (() => {
  const { solve } = factor(P, 'precision');
  return P.map((_, i) => solve(P.map((__, j) => (i === j ? 1 : 0))));
})();
const gaussian: Landscape = {
  name: 'quadratic target',
  dimension: n,
  at(x, gradient) {
    let value = 0;
    for (let i = 0; i < n; i++) {
      gradient[i] = 0;
      for (let j = 0; j < n; j++) gradient[i]! += P[i]![j]! * (x[j]! - mu[j]!);
      value += (gradient[i]! * (x[i]! - mu[i]!)) / 2;
    }
    return value;
  },
};

/** Distance of every first and second moment from the exact one, in standard errors. */
function worstMoment(chain: Chain): number {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const first = expectation(chain, (x) => x[i]! - mu[i]!);
    worst = Math.max(worst, Math.abs(first.value) / first.error);
    for (let j = 0; j <= i; j++) {
      const second = expectation(chain, (x) => (x[i]! - mu[i]!) * (x[j]! - mu[j]!));
      worst = Math.max(worst, Math.abs(second.value - covariance[i]![j]!) / second.error);
    }
  }
  return worst;
}

describe('moments of a quadratic target, within 3 Monte Carlo standard errors', () => {
  const start = [0, 0, 0, 0];
  test('HMC', () => {
    const chain = hmc(gaussian, start, { draws: 4000, warmUp: 300, step: 0.3, length: 1.6 }, random(1));
    expect(worstMoment(chain)).toBeLessThan(3);
    expect(chain.divergences).toBe(0);
    expect(chain.acceptance).toBeGreaterThan(0.7);
  });
  test('HMC with masses', () => {
    const mass = P.map((row, i) => row[i]!);
    const chain = hmc(gaussian, start, { draws: 4000, warmUp: 300, step: 0.3, length: 1.6, mass }, random(2));
    expect(worstMoment(chain)).toBeLessThan(3);
  });
  test('NUTS', () => {
    const chain = nuts(gaussian, start, { draws: 4000, warmUp: 300, step: 0.3 }, random(3));
    expect(worstMoment(chain)).toBeLessThan(3);
    expect(chain.divergences).toBe(0);
  });
  test('microcanonical dynamics, adjusted', () => {
    const chain = microcanonicalHmc(
      gaussian,
      start,
      { draws: 6000, warmUp: 300, step: 0.5, length: 3 },
      random(4),
    );
    expect(worstMoment(chain)).toBeLessThan(3);
  });
  test('microcanonical dynamics, not adjusted: the bias falls with the step, by order 2', () => {
    // The stiffest coordinate shows it best.
    const bias = (step: number) => {
      const chain = microcanonicalLangevin(
        gaussian,
        start,
        { draws: 400_000, warmUp: 1000, step, length: 3 },
        random(5),
      );
      const { value, error } = expectation(chain, (x) => (x[0]! - mu[0]!) ** 2);
      return { bias: value - covariance[0]![0]!, error, energyVariance: chain.energyVariance };
    };
    const [wide, narrow] = [bias(0.9), bias(0.45)];
    expect(narrow.bias).toBeGreaterThan(3 * narrow.error);
    const slope = Math.log2(wide.bias / narrow.bias);
    expect(slope).toBeGreaterThan(1.6);
    expect(slope).toBeLessThan(2.8);
    expect(narrow.energyVariance).toBeLessThan(wide.energyVariance / 16);
  });
});

describe('Monte Carlo standard errors', () => {
  test.each(['hmc', 'nuts', 'microcanonical'] as const)(
    '%s: over seeds, distances from the truth are as large as their errors say',
    (name) => {
      const distances = Array.from({ length: 24 }, (_, seed) => {
        const stream = random(100 + seed);
        const common = { draws: 800, warmUp: 200, step: 0.3 };
        const chain =
          name === 'hmc'
            ? hmc(gaussian, mu, { ...common, length: 1.6 }, stream)
            : name === 'nuts'
              ? nuts(gaussian, mu, common, stream)
              : microcanonicalHmc(gaussian, mu, { ...common, length: 3 }, stream);
        return [0, 1, 2, 3].map((i) => {
          const { value, error } = expectation(chain, (x) => (x[i]! - mu[i]!) ** 2 - covariance[i]![i]!);
          return value / error;
        });
      }).flat();
      const rootMeanSquare = Math.sqrt(distances.reduce((sum, z) => sum + z * z, 0) / distances.length);
      expect(rootMeanSquare).toBeGreaterThan(0.75);
      expect(rootMeanSquare).toBeLessThan(1.3);
    },
  );
  test('of independent draws are σ/√K; of an autoregression √((1 + φ)/(1 − φ)) times that', () => {
    const stream = random(6);
    const K = 20_000;
    const white = Array.from({ length: K }, () => stream.normal());
    expect(monteCarloMean(white).error * Math.sqrt(K)).toBeCloseTo(1, 1);
    let x = 0;
    const red = white.map((w) => {
      x = 0.8 * x + 0.6 * w;
      return x;
    });
    expect(monteCarloMean(red).error * Math.sqrt(K)).toBeGreaterThan(0.85 * 3);
    expect(monteCarloMean(red).error * Math.sqrt(K)).toBeLessThan(1.15 * 3);
  });
  test('of a chain that never moved are infinite, whatever rounding does to its mean', () => {
    for (const x of [0, 1, 0.1])
      expect(monteCarloMean(new Float64Array(1001).fill(x))).toMatchObject({
        error: Number.POSITIVE_INFINITY,
        effective: 1,
      });
  });
});

describe('ensembles', () => {
  const sample = (V: Landscape) =>
    nuts(V, new Float64Array(V.dimension), { draws: 4000, warmUp: 300, step: 0.3 }, random(7));
  test('a quadratic: ⟨V⟩ = n/2β, heat capacity n/2, βF − β₀F₀ = (n/2) log β/β₀', () => {
    for (const { beta, energy, heatCapacity, freeEnergy } of thermodynamics(
      gaussian,
      [0.5, 1, 2, 4],
      sample,
    )) {
      expect(Math.abs(energy.value - n / 2 / beta)).toBeLessThan(3 * energy.error);
      expect(Math.abs(heatCapacity.value - n / 2)).toBeLessThan(3 * heatCapacity.error);
      expect(Math.abs(freeEnergy.value - (n / 2) * Math.log(beta / 0.5))).toBeLessThanOrEqual(
        3 * freeEnergy.error,
      );
    }
  });
  test('a double well against quadrature', () => {
    const V = potentialOf(doubleWell());
    const weight = (beta: number) => (k: number) => {
      const q = -4 + k * 1e-3;
      const v = (q * q - 1) ** 2;
      return { v, w: Math.exp(-beta * v) };
    };
    const exact = (beta: number) => {
      const points = Array.from({ length: 8001 }, (_, k) => weight(beta)(k));
      const Z = points.reduce((sum, { w }) => sum + w, 0);
      const first = points.reduce((sum, { v, w }) => sum + v * w, 0) / Z;
      const second = points.reduce((sum, { v, w }) => sum + v * v * w, 0) / Z;
      return { Z, energy: first, heat: beta * beta * (second - first * first) };
    };
    const rows = thermodynamics(V, [1, 2], (W) =>
      nuts(W, [1], { draws: 6000, warmUp: 300, step: 0.3 }, random(8)),
    );
    for (const { beta, energy, heatCapacity, freeEnergy } of rows) {
      const truth = exact(beta);
      expect(Math.abs(energy.value - truth.energy)).toBeLessThan(3 * energy.error);
      expect(Math.abs(heatCapacity.value - truth.heat)).toBeLessThan(3 * heatCapacity.error);
      expect(Math.abs(freeEnergy.value + Math.log(truth.Z / exact(1).Z))).toBeLessThanOrEqual(
        3 * freeEnergy.error,
      );
    }
  });
  test('temperatures that share no energies are named', () => {
    expect(() => thermodynamics(gaussian, [1, 1e7], sample)).toThrowError(
      expect.objectContaining({ code: 'mechanics.no-overlap' }),
    );
    expect(() => thermodynamics(gaussian, [0], sample)).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
  });
});

describe('local learning coefficient', () => {
  const sample = (V: Landscape, start: Float64Array) =>
    nuts(V, start, { draws: 5000, warmUp: 500, step: 0.1 }, random(9));
  const options = { examples: 10_000, localisation: 1e-3, sample };

  test('x² has 1/2, x⁴ has 1/4, a regular minimum of three parameters 3/2', () => {
    const square = landscape('x²', 1, (o, w) => o.mul(w[0]!, w[0]!));
    const fourth = landscape('x⁴', 1, (o, w) => o.pow(w[0]!, 4));
    const regular = landscape('regular', 3, (o, w) =>
      o.add(
        o.mul(w[0]!, w[0]!),
        o.add(o.mul(3, o.mul(w[1]!, w[1]!)), o.mul(o.add(w[2]!, w[0]!), o.add(w[2]!, w[0]!))),
      ),
    );
    for (const [loss, lambda] of [
      [square, 0.5],
      [fourth, 0.25],
      [regular, 1.5],
    ] as const) {
      const found = learningCoefficient(loss, new Float64Array(loss.dimension), options);
      expect(Math.abs(found.value - lambda), loss.name).toBeLessThan(3 * found.error);
    }
  });

  /** ⟨tx²y²⟩ under exp(−tx²y² − γ(x² + y²)/2): y is Gaussian for given x; trapezoidal rule in log x. */
  const exactXY = (t: number, gamma: number) => {
    let [above, below] = [0, 0];
    for (let u = -40; u < 8; u += 1e-3) {
      const x2 = Math.exp(2 * u);
      const curvature = gamma + 2 * t * x2;
      const weight = Math.exp(u - (gamma * x2) / 2) / Math.sqrt(curvature);
      above += (weight * t * x2) / curvature;
      below += weight;
    }
    return above / below;
  };
  test('x²y² tends to λ = 1/2 as 1/2 − (m − 1)/log t with multiplicity m = 2', () => {
    const distance = (t: number) => 1 / (0.5 - exactXY(t, 1));
    expect(distance(1e12) - distance(1e8)).toBeCloseTo(Math.log(1e4), 2);
    expect(exactXY(1e15, 1)).toBeGreaterThan(0.46);
  });
  test('x²y²: the estimate is the exact value at its n', () => {
    const loss = landscape('x²y²', 2, (o, w) => o.mul(o.mul(w[0]!, w[0]!), o.mul(w[1]!, w[1]!)));
    const found = learningCoefficient(loss, [0, 0], { ...options, localisation: 1 });
    const exact = exactXY(10_000 / Math.log(10_000), 1);
    expect(Math.abs(found.value - exact)).toBeLessThan(3 * found.error);
    expect(found.error).toBeLessThan(0.02);
  });
  test('Langevin dynamics gives the same for a small step, a regular minimum', () => {
    const square = landscape('x²', 1, (o, w) => o.mul(w[0]!, w[0]!));
    const found = learningCoefficient(square, [0], {
      ...options,
      sample: (V, start) => langevin(V, start, { draws: 40_000, warmUp: 500, step: 1e-4 }, random(10)),
    });
    // Its bias on a quadratic of curvature k is the factor 1/(1 − εk/4).
    const curvature = (2 * 10_000) / Math.log(10_000);
    expect(Math.abs(found.value - 0.5 / (1 - (1e-4 * curvature) / 4))).toBeLessThan(3 * found.error);
  });
});

test('one dimension has no directions to turn in', () => {
  const V = potentialOf(doubleWell());
  expect(() => microcanonicalLangevin(V, [1], { draws: 1, step: 0.1, length: 1 }, random(1))).toThrowError(
    expect.objectContaining({ code: 'mechanics.option' }),
  );
});
test('a chain that starts where V is not finite says so', () => {
  const V = landscape('log', 1, (o, x) => o.log(x[0]!));
  expect(() => hmc(V, [-1], { draws: 1, step: 0.1, length: 1 }, random(1))).toThrowError(
    expect.objectContaining({ code: 'mechanics.not-finite' }),
  );
});
test('no draws, trajectories of no length and an integrator that keeps no volume are refused', () => {
  const stream = random(1);
  const common = { draws: 10, step: 0.1, length: 1 };
  const integrator = integratorNamed('rk4');
  for (const wrong of [{ draws: 0 }, { draws: 1.5 }, { length: 0 }, { step: Number.NaN }, { integrator }])
    expect(() => hmc(gaussian, mu, { ...common, ...wrong }, stream)).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
});
