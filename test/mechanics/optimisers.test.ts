import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { formDefect } from '../../src/mechanics/diagnostics/structure.ts';
import { turn } from '../../src/mechanics/isokinetic.ts';
import { powerKinetic, quadraticKinetic, relativisticKinetic } from '../../src/mechanics/kinetic.ts';
import { bbi } from '../../src/mechanics/optimisers/bbi.ts';
import { conformalLeapfrog } from '../../src/mechanics/optimisers/conformal-leapfrog.ts';
import { ecd } from '../../src/mechanics/optimisers/ecd.ts';
import { hamiltonianDescent } from '../../src/mechanics/optimisers/hamiltonian-descent.ts';
import { frictionOf, heavyBall } from '../../src/mechanics/optimisers/heavy-ball.ts';
import { nesterov } from '../../src/mechanics/optimisers/nesterov.ts';
import type { Floats, Optimiser } from '../../src/mechanics/optimisers/optimiser.ts';
import { relativistic } from '../../src/mechanics/optimisers/relativistic.ts';
import { makeOptimiser, type OptimiserName, type optimisers } from '../../src/mechanics/optimisers/table.ts';
import oracle from '../oracles/optimisers.json' with { type: 'json' };

/** f = Σ cosh(xᵢ + xᵢ₊₁/2) − 1 over a ring: convex, coupled, not quadratic; minimum 0 at 0. */
const coupled = {
  arguments: (x: Floats) => Float64Array.from(x, (xi, i) => xi + x[(i + 1) % x.length]! / 2),
  loss: (x: Floats) => coupled.arguments(x).reduce((sum, a) => sum + Math.cosh(a) - 1, 0),
  gradient(x: Floats): Float64Array {
    const slopes = coupled.arguments(x).map(Math.sinh);
    return slopes.map((s, i) => s + slopes.at(i - 1)! / 2);
  },
  hessianTimes(x: Floats, v: Floats): Float64Array {
    const along = coupled.arguments(v);
    const slopes = coupled.arguments(x).map((a, i) => Math.cosh(a) * along[i]!);
    return slopes.map((s, i) => s + slopes.at(i - 1)! / 2);
  },
};

const descend = (optimiser: Optimiser, x: Floats, steps: number, f = coupled) => {
  for (let n = 0; n < steps; n++) optimiser.update(x, f.gradient(x), f.loss(x));
  return x;
};

const at = (optimiser: Optimiser, momentum: Float64Array) =>
  optimiser.restore({ ...optimiser.save(), vectors: { momentum } });

/** How far DΦᵀΩDΦ is from factor·Ω. The update is linear in (x, p, ∇f), so it moves tangents itself, given ∇²f δx as gradient. */
function conformalDefect(make: () => Optimiser, factor: number): number {
  const n = 3;
  const x = Float64Array.of(0.3, -0.7, 1.1);
  const columns = Array.from({ length: 2 * n }, (_, j) => {
    const tangent = Float64Array.from({ length: 2 * n }, (__, i) => (i === j ? 1 : 0));
    const [dx, optimiser] = [tangent.slice(0, n), make()];
    at(optimiser, tangent.slice(n));
    optimiser.update(dx, coupled.hessianTimes(x, dx), 0);
    return [...dx, ...optimiser.save().vectors.momentum!];
  });
  return formDefect(
    columns.map((_, row) => columns.map((column) => column[row]!)),
    factor,
  );
}

describe('conformal symplecticity: DΦᵀΩDΦ = e^(−γh) Ω', () => {
  const [step, friction, mass] = [0.17, 0.9, 1.7];
  test.each([
    ['heavy ball', () => heavyBall({ step, friction, mass }), Math.exp(-friction * step)],
    ['conservative heavy ball', () => heavyBall({ step, friction: 0 }), 1],
    ['conservative leapfrog', () => conformalLeapfrog({ step, friction: 0 }), 1],
    ['Hamiltonian descent', () => hamiltonianDescent({ step, friction }), 1 / (1 + friction * step)],
  ])('%s', (_, make, factor) => expect(conformalDefect(make, factor)).toBeLessThan(1e-13));

  test('conformal leapfrog, between two of its kept half steps', () => {
    const make = () => {
      const optimiser = conformalLeapfrog({ step, friction, mass });
      optimiser.restore({
        ...optimiser.save(),
        step: 1,
        numbers: { before: step },
        vectors: { momentum: new Float64Array(3) },
      });
      return optimiser;
    };
    expect(conformalDefect(make, Math.exp(-friction * step))).toBeLessThan(1e-13);
  });

  test('Nesterov’s method has no such factor', () => {
    const make = () => {
      const optimiser = nesterov({ step, friction, mass });
      optimiser.restore({ ...optimiser.save(), step: 1, vectors: { momentum: new Float64Array(3) } });
      return optimiser;
    };
    expect(conformalDefect(make, Math.exp(-friction * step))).toBeGreaterThan(1e-3);
    expect(make().structure).toBe('none');
  });

  test('relativistic gradient descent (derivatives by extrapolated differences)', () => {
    // One degree of freedom: the determinant of the map of (x½, p) must be e^(−γh).
    const map = (x0: number, p0: number) => {
      const optimiser = relativistic({ step: 0.3, friction: 0.8, mass: 1.3, speed: 0.9 });
      const x = Float64Array.of(x0);
      at(optimiser, Float64Array.of(p0));
      optimiser.update(x, Float64Array.of(Math.sinh(x0)), 0);
      return [x[0]!, optimiser.save().vectors.momentum![0]!] as const;
    };
    const slope = (f: (t: number) => readonly [number, number]) => {
      const central = (h: number) => [0, 1].map((k) => (f(h)[k as 0]! - f(-h)[k as 0]!) / (2 * h));
      const [wide, middle, narrow] = [central(0.04), central(0.02), central(0.01)];
      return [0, 1].map((k) => (64 * narrow[k]! - 20 * middle[k]! + wide[k]!) / 45);
    };
    const dx = slope((t) => map(0.4 + t, -0.6));
    const dp = slope((t) => map(0.4, -0.6 + t));
    expect(dx[0]! * dp[1]! - dx[1]! * dp[0]!).toBeCloseTo(Math.exp(-0.8 * 0.3), 8);
  });
});

describe('stability on a quadratic, γ = λ = 1 (França et al. 2020)', () => {
  const grows = (optimiser: Optimiser) => {
    const x = Float64Array.of(1);
    for (let n = 0; n < 4000 && Math.abs(x[0]!) < 1e6; n++) optimiser.update(x, x.slice(), 0);
    return Math.abs(x[0]!) > 1;
  };
  test.each([
    ['heavy ball', heavyBall, 1.5561],
    ['nesterov', nesterov, 1.2817],
    ['conformal leapfrog', conformalLeapfrog, 2],
  ] as const)('%s: threshold %#', (_, make, threshold) => {
    expect(grows(make({ step: 0.995 * threshold, friction: 1 }))).toBe(false);
    expect(grows(make({ step: 1.005 * threshold, friction: 1 }))).toBe(true);
  });
});

describe('energies', () => {
  const slope = (error: (h: number) => number) => Math.log2(error(0.02) / error(0.01));
  /** Largest |H − H₀| over a time of 4 from x₀ with the momentum that `prepare` leaves. */
  const worst = (optimiser: Optimiser, h: number, key: string) => {
    const x = Float64Array.of(0.9, -0.4, 0.2);
    let [first, largest] = [Number.NaN, 0];
    for (let n = 0; n * h < 4; n++) {
      optimiser.update(x, coupled.gradient(x), coupled.loss(x) + 1);
      const value = optimiser.figures()[key]!;
      if (n === 0) first = value;
      largest = Math.max(largest, Math.abs(value - first));
    }
    return largest;
  };
  test('without friction the energy error is of order 1 for heavy ball, 2 for leapfrog', () => {
    expect(slope((h) => worst(heavyBall({ step: h, friction: 0 }), h, 'energy'))).toBeCloseTo(1, 1);
    expect(slope((h) => worst(conformalLeapfrog({ step: h, friction: 0 }), h, 'energy'))).toBeCloseTo(2, 1);
  });
  test('BBI’s steps err in energy by order 2 each, and the error is rescaled away', () =>
    expect(slope((h) => worst(bbi({ step: h, extraEnergy: 1 }), h, 'energyError'))).toBeCloseTo(2, 0));
  test('ECD’s turns err in S + (d − 1) log|Π| by order 2', () =>
    expect(slope((h) => worst(ecd({ step: h, eta: 4 }), h, 'energyError'))).toBeCloseTo(2, 1));
});

describe('a turn at constant speed', () => {
  test('solves u̇ = −(1 − uuᵀ)∇S/(d − 1) and gains log|Π| as its ODE says', () => {
    const g = Float64Array.of(0.7, -1.1, 0.4, 2);
    const u = Float64Array.of(0.5, 0.5, -0.5, 0.5);
    const [scale, time, d] = [1.3, 0.8, 4];
    const rate = (v: number[]) => {
      const dot = v.slice(0, d).reduce((sum, ui, i) => sum + ui * g[i]! * scale, 0);
      return [...v.slice(0, d).map((ui, i) => -(g[i]! * scale - ui * dot) / (d - 1)), -dot];
    };
    let y = [...u, 0];
    const h = time / 2000;
    const shifted = (by: number[], t: number) => y.map((yi, i) => yi + t * by[i]!);
    for (let n = 0; n < 2000; n++) {
      const k1 = rate(y);
      const k2 = rate(shifted(k1, h / 2));
      const k3 = rate(shifted(k2, h / 2));
      const k4 = rate(shifted(k3, h));
      y = y.map((yi, i) => yi + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
    }
    const gain = turn(u, g, scale, time);
    for (let i = 0; i < d; i++) expect(u[i]).toBeCloseTo(y[i]!, 12);
    expect(gain).toBeCloseTo(y[d]!, 11);
  });
});

describe('what each is for', () => {
  test('relativistic gradient descent never moves farther than c·h a step', () => {
    const optimiser = relativistic({ step: 0.1, friction: 0.5, speed: 2 });
    const x = Float64Array.of(40, -25, 3);
    for (let n = 0; n < 200; n++) {
      const before = x.slice();
      optimiser.update(x, coupled.gradient(x), 0);
      expect(Math.hypot(...x.map((xi, i) => xi - before[i]!))).toBeLessThanOrEqual(0.2 * (1 + 1e-12));
    }
  });

  test('Hamiltonian descent on x⁴/4: linear rate with the matched kinetic energy, slower with the quadratic one', () => {
    const quartic = {
      ...coupled,
      loss: (x: Floats) => x[0]! ** 4 / 4,
      gradient: (x: Floats) => Float64Array.of(x[0]! ** 3),
    };
    const lossAfter = (kinetic: ReturnType<typeof powerKinetic>, steps: number) =>
      quartic.loss(
        descend(hamiltonianDescent({ step: 0.1, friction: 1, kinetic }), Float64Array.of(1), steps, quartic),
      );
    const matched = powerKinetic(4 / 3, 4 / 3);
    expect(lossAfter(matched, 2000)).toBeLessThan(1e-20);
    expect(lossAfter(quadraticKinetic(), 2000)).toBeGreaterThan(1e-8);
  });

  test('kinetic energies: the velocity is their gradient', () => {
    for (const kinetic of [
      quadraticKinetic(2),
      relativisticKinetic(1.5, 0.7),
      powerKinetic(2, 1),
      powerKinetic(4 / 3, 3),
    ]) {
      const [p, h] = [0.8, 1e-5];
      const slope = (kinetic.energy((p + h) ** 2) - kinetic.energy((p - h) ** 2)) / (2 * h);
      expect(kinetic.factor(p * p) * p).toBeCloseTo(slope, 8);
    }
    expect(powerKinetic(2, 2).energy(1.69)).toBeCloseTo(quadraticKinetic().energy(1.69), 14);
  });

  test('η and β of the usual momentum are h = √η, γ = −ln β / h', () => {
    const optimiser = heavyBall(frictionOf(0.04, 0.9));
    const x = Float64Array.of(1);
    let [y, v] = [1, 0];
    for (let n = 0; n < 20; n++) {
      optimiser.update(x, x.slice(), 0);
      v = 0.9 * v - 0.04 * y;
      y += v;
    }
    expect(x[0]).toBeCloseTo(y, 13);
  });

  test('energy-conserving descent says when its floor is too high', () => {
    for (const make of [bbi, ecd])
      expect(() =>
        make({ step: 0.1, floor: 1 }).update(Float64Array.of(1, 1), Float64Array.of(1, 1), 0.5),
      ).toThrowError(expect.objectContaining({ code: 'mechanics.below-floor' }));
  });
});

const OPTIONS: { [N in OptimiserName]: Parameters<(typeof optimisers)[N]>[0] } = {
  sgd: { learningRate: 0.1 },
  adam: { learningRate: 0.05 },
  adamw: { learningRate: 0.05, weightDecay: 0.1 },
  'heavy-ball': { step: 0.2, friction: 1 },
  'conformal-leapfrog': { step: (n) => 0.2 / (1 + n / 50), friction: 1 },
  nesterov: { step: 0.2, friction: 1 },
  relativistic: { step: 0.2, friction: 1 },
  'hamiltonian-descent': { step: 0.2, friction: 1, kinetic: powerKinetic(2, 1) },
  bbi: { step: 0.02, floor: -0.01, bounces: { count: 4, every: 7 }, patience: 20 },
  ecd: { step: 0.05, eta: 10, floor: -0.01, noise: 0.1 },
};
const names = Object.keys(OPTIONS) as OptimiserName[];

describe.each(names)('%s', (name) => {
  const make = () => makeOptimiser(name, OPTIONS[name] as never);
  test('goes on from a saved state to the bit, in both precisions', () => {
    for (const kind of [Float32Array, Float64Array]) {
      const stream = random(3);
      const start = kind.from(Array.from({ length: 5 }, () => stream.normal()));
      const straight = descend(make(), start.slice(), 40);
      const first = make();
      const x = descend(first, start.slice(), 17);
      const second = make();
      second.restore(first.save());
      expect(descend(second, x, 23)).toEqual(straight);
    }
  });
  test('lowers a convex loss by a factor of ten', () => {
    const x = Float64Array.of(1, -0.5, 0.8);
    const before = coupled.loss(x);
    const optimiser = make();
    let lowest = before;
    for (let n = 0; n < 400; n++) lowest = Math.min(lowest, coupled.loss(descend(optimiser, x, 1)));
    expect(lowest).toBeLessThan(before / 10);
  });
});

test('an unknown name comes back with the nearest ones', () =>
  expect(() => makeOptimiser('adan' as 'adam', {})).toThrowError(
    expect.objectContaining({ code: 'mechanics.unknown-optimiser', hint: expect.stringContaining('adam') }),
  ));

describe('against PyTorch (test/oracles/optimisers.py)', () => {
  const usual = frictionOf(0.04, 0.9);
  test.each([
    ['sgd', makeOptimiser('sgd', { learningRate: 0.05 })],
    ['heavy-ball', heavyBall(usual)],
    ['nesterov', nesterov(usual)],
    ['adam', makeOptimiser('adam', { learningRate: 0.03, beta1: 0.8, beta2: 0.95, epsilon: 1e-6 })],
    ['adamw', makeOptimiser('adamw', { learningRate: 0.03, weightDecay: 0.2 })],
  ] as const)('%s ends where PyTorch does', (name, optimiser) => {
    const x = descend(optimiser, Float64Array.from(oracle.start), oracle.steps);
    oracle.ends[name].forEach((end, i) => {
      expect(x[i]).toBeCloseTo(end, 13);
    });
  });
});
