/** @file Learning-clock importance: the change of a loss split over features, on losses where the split is known. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { featureWork, type ParameterOwners } from '../../src/energy/learning/feature-work.ts';
import { batchSystem, landscapeSystem, learnerSystem } from '../../src/energy/learning/training.ts';
import { type Landscape, landscape } from '../../src/mechanics/landscape.ts';
import { adam } from '../../src/mechanics/optimisers/adam.ts';
import { conformalLeapfrog } from '../../src/mechanics/optimisers/conformal-leapfrog.ts';
import { heavyBall } from '../../src/mechanics/optimisers/heavy-ball.ts';
import { sgd } from '../../src/mechanics/optimisers/sgd.ts';
import { sparseCodeLandscape } from '../../src/superposition/sparse-code.ts';

const range = (to: number) => Array.from({ length: to }, (_, i) => i);
const normals = (seed: number, length: number, size = 1) => {
  const stream = random(seed);
  return Float64Array.from({ length }, () => size * stream.normal());
};
const owners = (features: number, owner_N: readonly number[]): ParameterOwners => ({
  features,
  owner_N: Int32Array.from(owner_N),
});
const last = <T extends { readonly features: number }>({ features }: T, values_SF: Float64Array) => [
  ...values_SF.subarray(-features),
];
const totalOf = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0);

/** V = ½ xᵀAx with coupled coordinates. */
const A = [
  [2, 0.6, -0.3],
  [0.6, 1.2, 0.4],
  [-0.3, 0.4, 0.7],
] as const;
const coupled = landscape('coupled springs', 3, (o, x) =>
  A.flatMap((row, i) => row.map((a, j) => o.mul(a / 2, o.mul(x[i]!, x[j]!)))).reduce((s, t) => o.add(s, t)),
);
const start = [1, -0.5, 2];

describe('a quadratic loss', () => {
  /** V = ½ Σ k_i x_i², so that feature i's part is ½ k_i (x_i(end)² − x_i(0)²) whatever way it takes. */
  const k = [1, 2.5, 0.4];
  const springs = landscape('springs', 3, (o, x) =>
    k.map((own, i) => o.mul(own / 2, o.mul(x[i]!, x[i]!))).reduce((sum, term) => o.add(sum, term)),
  );

  test.each([
    ['adam', () => adam({ learningRate: 0.2 })],
    ['heavy ball', () => heavyBall({ step: 0.3, friction: 0.5 })],
    ['gradient descent', () => sgd({ learningRate: 0.3 })],
  ])('without coupling each feature’s work is the change of its own spring, under %s', async (_, make) => {
    const work = await featureWork(landscapeSystem(springs), make(), start, owners(2, [0, 1, -1]), {
      steps: 12,
    });
    const own = (i: number) => (k[i]! * (work.end[i]! ** 2 - start[i]! ** 2)) / 2;
    const [first, second] = last(work, work.potential_SF);
    expect(first).toBeCloseTo(own(0), 12);
    expect(second).toBeCloseTo(own(1), 12);
    expect(work.shared).toBeCloseTo(own(2), 12);
    expect(work.completeness).toBeLessThan(1e-12);
  });

  test('with coupling, along gradient flow, it is −∫(∂V/∂x_i)² dt: closed form by the eigenvectors of A', async () => {
    // x(t) = Σ_a c_a e^(−λ_a t) u_a, so ∫(g_i)² dt = Σ_ab λ_a λ_b c_a c_b u_ai u_bi (1 − e^(−(λ_a+λ_b)t))/(λ_a+λ_b).
    const { values, vectors } = eigen();
    const c = vectors.map((u) => totalOf(u.map((part, i) => part * start[i]!)));
    const time = 1.5;
    const known = range(3).map(
      (i) =>
        -totalOf(
          range(9).map((ab) => {
            const [a, b] = [Math.floor(ab / 3), ab % 3];
            const rate = values[a]! + values[b]!;
            const size = values[a]! * values[b]! * c[a]! * c[b]! * vectors[a]![i]! * vectors[b]![i]!;
            return (size * (1 - Math.exp(-rate * time))) / rate;
          }),
        ),
    );
    const error = async (steps: number) => {
      const step = time / steps;
      const work = await featureWork(
        landscapeSystem(coupled),
        sgd({ learningRate: step }),
        start,
        owners(3, [0, 1, 2]),
        { steps, time: step },
      );
      expect(work.completeness).toBeLessThan(1e-12);
      return Math.max(...last(work, work.potential_SF).map((W, i) => Math.abs(W - known[i]!)));
    };
    const [coarse, fine] = [await error(400), await error(800)];
    // Gradient descent is the flow to first order in its step.
    expect(fine).toBeLessThan(2e-3);
    expect(coarse / fine).toBeGreaterThan(1.9);
    expect(coarse / fine).toBeLessThan(2.1);
  });

  test('T is half the squared speed of each feature’s parameters, times the mass', async () => {
    const work = await featureWork(
      landscapeSystem(springs),
      sgd({ learningRate: 0.1 }),
      start,
      owners(2, [0, 0, 1]),
      { steps: 1, time: 0.5, mass: 3 },
    );
    const speeds = k.map((own, i) => (0.1 * own * start[i]!) / 0.5);
    expect(work.kinetic_SF[0]).toBeCloseTo((3 * (speeds[0]! ** 2 + speeds[1]! ** 2)) / 2, 12);
    expect(work.kinetic_SF[1]).toBeCloseTo((3 * speeds[2]! ** 2) / 2, 12);
    expect([...work.potential_SF.subarray(0, 2)]).toEqual([0, 0]);
  });
});

/** Eigenvalues and unit eigenvectors of A by Jacobi rotations. */
function eigen(): { values: number[]; vectors: number[][] } {
  const M: number[][] = A.map((row) => [...row]);
  const U = range(3).map((i) => range(3).map((j) => Number(i === j)));
  for (let sweep = 0; sweep < 30; sweep++) {
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const angle = Math.atan2(2 * M[p]![q]!, M[q]![q]! - M[p]![p]!) / 2;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      for (const rows of [M, U]) {
        for (const row of rows) {
          const [x, y] = [row[p]!, row[q]!];
          row[p] = cos * x - sin * y;
          row[q] = sin * x + cos * y;
        }
      }
      for (let j = 0; j < 3; j++) {
        const [x, y] = [M[p]![j]!, M[q]![j]!];
        M[p]![j] = cos * x - sin * y;
        M[q]![j] = sin * x + cos * y;
      }
    }
  }
  return { values: range(3).map((i) => M[i]![i]!), vectors: range(3).map((a) => U.map((row) => row[a]!)) };
}

describe('the work–energy theorem, feature by feature', () => {
  /** T of a step and V half way through it. */
  const energies = async (friction: number, step: number) => {
    const steps = Math.round(6 / step);
    const work = await featureWork(
      landscapeSystem(coupled),
      conformalLeapfrog({ step, friction }),
      start,
      owners(3, [0, 1, 2]),
      { steps, time: step },
    );
    return range(3).map((i) => {
      let lost = 0;
      const all = range(steps).map((s) => {
        const T = work.kinetic_SF[s * 3 + i]!;
        const V = (work.potential_SF[s * 3 + i]! + work.potential_SF[(s + 1) * 3 + i]!) / 2;
        const before = lost;
        lost += 2 * friction * T * step;
        return { E: T + V, kept: T + V + (before + lost) / 2 };
      });
      return {
        moved: Math.max(...all.map(({ E }) => Math.abs(E - all[0]!.E))),
        missing: Math.max(...all.map(({ kept }) => Math.abs(kept - all[0]!.kept))),
      };
    });
  };

  test('without friction T_i + V_i stays for every feature, coupled or not: conservation singles none out', async () => {
    const [coarse, fine] = [await energies(0, 0.04), await energies(0, 0.02)];
    coarse.forEach(({ moved }, i) => {
      expect(fine[i]!.moved).toBeLessThan(2e-3);
      expect(moved / fine[i]!.moved).toBeGreaterThan(3.5);
    });
  });

  test('with friction each feature loses 2γ∫T_i dt, and nothing else goes missing', async () => {
    const [coarse, fine] = [await energies(0.3, 0.04), await energies(0.3, 0.02)];
    coarse.forEach(({ missing }, i) => {
      expect(fine[i]!.moved).toBeGreaterThan(0.1);
      expect(fine[i]!.missing).toBeLessThan(2e-3);
      expect(missing / fine[i]!.missing).toBeGreaterThan(3);
    });
  });
});

describe('a small dictionary', () => {
  const shape = { units: 6, width: 3 };
  const V: Landscape = sparseCodeLandscape(normals(4, 90), shape, 0.05);
  const [F, m] = [shape.units, shape.width];
  const ownOf = owners(
    F,
    range(V.dimension).map((i) => (i < 2 * F * m ? Math.floor(i / m) % F : i - 2 * F * m)),
  );
  const from = normals(8, V.dimension, 0.4);
  const trained = (x: Float64Array, rule: string, steps = 300) =>
    featureWork(landscapeSystem(V), heavyBall({ step: 0.1, friction: 0.5 }), x, ownOf, {
      ...{ steps, time: 0.1, friction: 0.5, rule },
    });

  test('the parts add up to the change of the loss at every step; ReLU’s kinks cost the quadrature, and points mend it', async () => {
    const [coarse, fine] = [await trained(from, 'midpoint-1'), await trained(from, 'midpoint-60')];
    expect(coarse.completeness).toBeLessThan(1e-2);
    expect(fine.completeness).toBeLessThan(1e-4);
    expect(fine.completeness).toBeLessThan(coarse.completeness / 5);
    expect(fine.change).toBeLessThan(0);
    expect(fine.shared).toBe(0);
    for (const s of [50, 150, 300]) {
      const total = totalOf(range(F).map((f) => fine.potential_SF[s * F + f]!));
      const change = fine.potential_K[s]! - fine.potential_K[0]!;
      expect(Math.abs(total - change)).toBeLessThan(3e-4 * Math.abs(change));
    }
  });

  test('features in another order have their works and energies in that order', async () => {
    const order = [3, 0, 5, 1, 4, 2];
    const moved = from.map((_, i) => {
      const f = ownOf.owner_N[i]!;
      const within = i < 2 * F * m ? i - Math.floor(i / m) * m : 0;
      if (i >= 2 * F * m) return from[2 * F * m + order[f]!]!;
      return from[(i < F * m ? 0 : F * m) + order[f]! * m + within]!;
    });
    const [plain, permuted] = [await trained(from, 'gauss-2', 60), await trained(moved, 'gauss-2', 60)];
    for (const key of ['kinetic_SF', 'potential_SF'] as const) {
      const [one, other] = [last(plain, plain[key]), last(permuted, permuted[key])];
      order.forEach((old, f) => {
        expect(other[f]).toBeCloseTo(one[old]!, 9);
      });
    }
  });

  test('however parameters are shared out, works and energies of the parts add up to those of the whole', async () => {
    const parts = await trained(from, 'midpoint-1', 20);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -1, max: 2 }), { minLength: V.dimension, maxLength: V.dimension }),
        async (owner_N) => {
          const work = await featureWork(
            landscapeSystem(V),
            heavyBall({ step: 0.1, friction: 0.5 }),
            from,
            owners(3, owner_N),
            { steps: 20, time: 0.1, rule: 'midpoint-1' },
          );
          const total = totalOf(last(work, work.potential_SF)) + work.shared;
          expect(total).toBeCloseTo(totalOf(last(parts, parts.potential_SF)), 10);
          expect(work.completeness).toBeCloseTo(parts.completeness, 10);
          expect(totalOf(last(work, work.kinetic_SF))).toBeLessThanOrEqual(
            totalOf(last(parts, parts.kinetic_SF)) + 1e-12,
          );
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a feature whose parameters never move has W = T = 0', async () => {
    // A bias far below what any row reaches: the unit is never active, and its gradient is 0.
    const still = from.slice();
    still[2 * F * m + 2] = -50;
    const work = await trained(still, 'midpoint-1', 40);
    for (let s = 0; s <= 40; s++) {
      expect(work.kinetic_SF[s * F + 2]).toBe(0);
      expect(work.potential_SF[s * F + 2]).toBe(0);
    }
    expect(work.kinetic_SF[F + 1]).toBeGreaterThan(0);
  });
});

describe('a small dictionary without kinks', () => {
  /** Mean over rows of ½‖h − Σ_f log(1 + e^(E_f·h + b_f)) d_f‖²; parameters E [3, 2], d [3, 2], b [3]. */
  const rows = [...normals(5, 12)];
  const V = landscape('softplus units', 15, (o, x) => {
    const losses = range(6).map((row) => {
      const h = rows.slice(2 * row, 2 * row + 2);
      const codes = range(3).map((f) => {
        const a = o.add(o.add(o.mul(h[0]!, x[2 * f]!), o.mul(h[1]!, x[2 * f + 1]!)), x[12 + f]!);
        return o.log(o.add(1, o.exp(a)));
      });
      return [0, 1]
        .map((d) => {
          const written = codes.map((code, f) => o.mul(code, x[6 + 2 * f + d]!));
          const left = o.sub(
            h[d]!,
            written.reduce((sum, one) => o.add(sum, one)),
          );
          return o.mul(left, left);
        })
        .reduce((sum, one) => o.add(sum, one));
    });
    return o.mul(
      1 / 12,
      losses.reduce((sum, one) => o.add(sum, one)),
    );
  });
  const ownOf = owners(
    3,
    range(15).map((i) => (i < 12 ? Math.floor(i / 2) % 3 : i - 12)),
  );

  test.each([
    ['heavy ball', () => heavyBall({ step: 0.1, friction: 0.3 })],
    ['adam', () => adam({ learningRate: 0.02 })],
  ])('works of the features add up to the change of the loss to 1e-8 of it, under %s', async (_, make) => {
    const error = async (rule: string) => {
      const start = normals(3, 15, 0.5);
      const work = await featureWork(landscapeSystem(V), make(), start, ownOf, { steps: 200, rule });
      expect(work.change).toBeLessThan(-0.05);
      const total = totalOf(last(work, work.potential_SF));
      expect(Math.abs(total - work.change) / Math.abs(work.change)).toBeCloseTo(work.completeness, 12);
      return work.completeness;
    };
    expect(await error('gauss-5')).toBeLessThan(1e-8);
    // Midpoints are of order 2: a quarter of the step, a sixteenth of the error.
    const [one, four] = [await error('midpoint-1'), await error('midpoint-4')];
    expect(one / four).toBeGreaterThan(14);
    expect(one / four).toBeLessThan(18);
  });
});

describe('a fixed evaluation batch', () => {
  /** Each step sees one of two springs; V is a third. */
  const spring = (centre: number) =>
    landscape('spring', 2, (o, x) =>
      o.add(o.mul(0.5, o.mul(o.sub(x[0]!, centre), o.sub(x[0]!, centre))), o.mul(x[1]!, x[1]!)),
    );
  const system = batchSystem(spring(2), [spring(1), spring(3)]);

  test('work is done against the fixed potential, also where the steps see others', async () => {
    const work = await featureWork(system, sgd({ learningRate: 0.2 }), [5, 1], owners(2, [0, 1]), {
      steps: 9,
    });
    expect(work.potentialOf).toBe('evaluation batch');
    const [first, second] = last(work, work.potential_SF);
    expect(first).toBeCloseTo(((work.end[0]! - 2) ** 2 - 9) / 2, 12);
    expect(second).toBeCloseTo(work.end[1]! ** 2 - 1, 12);
    expect(work.completeness).toBeLessThan(1e-12);
  });

  test('V of a learner is the mean over the parts of its evaluation batch, and so is its gradient', async () => {
    let at = 0;
    const learner = {
      vector: new Float64Array(2),
      gradient: new Float64Array(2),
      ...{ tensors: {}, figures: {} },
      run: async (batch: object) => {
        at = (batch as { centre: number }).centre;
        return spring(at).at(learner.vector, learner.gradient);
      },
      loss: async (batch: object) =>
        spring((batch as { centre: number }).centre).at(learner.vector, new Float64Array(2)),
      close: async () => {},
    };
    const own = learnerSystem('springs', learner, {
      batch: () => ({ centre: 9 }) as never,
      evaluation: [{ centre: 1 }, { centre: 3 }] as never,
    });
    const x = Float64Array.of(5, 1);
    const slope = Float64Array.of(7, 7);
    const V = await own.potential!(x, slope);
    expect(V).toBeCloseTo((8 + 2) / 2 + 1, 12);
    expect(await own.potential!(x)).toBe(V);
    expect([...slope]).toEqual([3, 2]);
  });
});
