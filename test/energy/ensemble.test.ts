/** @file Beyond Hamilton, with known answers: free energies in closed form, entropies of known matrices, coefficients of known value. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metricWith } from '../../src/circuits/exact.ts';
import { forwardPairs } from '../../src/circuits/forward.ts';
import { random } from '../../src/core/random.ts';
import { effectiveFeatures } from '../../src/energy/ensemble/coactivation.ts';
import { localLearning } from '../../src/energy/ensemble/local-learning.ts';
import {
  heatPeak,
  maskEnergies,
  maskThermodynamics,
  temperatureLadder,
  withoutInteraction,
} from '../../src/energy/ensemble/masks.ts';
import { networkMasks } from '../../src/energy/ensemble/network-masks.ts';
import { multilinear, strengthThermodynamics } from '../../src/energy/ensemble/strengths.ts';
import { relaxed } from '../../src/mechanics/diagnostics/relax.ts';
import { type Landscape, landscape } from '../../src/mechanics/landscape.ts';
import { plainEncode } from '../circuits/support/dictionaries.ts';
import { run, tinySetting } from '../circuits/support/tiny.ts';

const bits = (n: number, energy: (s: readonly number[]) => number) =>
  maskEnergies(
    Array.from({ length: 2 ** n }, (_, s) => energy(Array.from({ length: n }, (__, i) => (s >> i) & 1))),
  );
/** Two-level systems beside each other: V(s) = 0.3 + Σ c_i (1 − s_i). */
const costs = [0.5, 1.2, -0.4];
const levels = bits(3, (s) => 0.3 + s.reduce((V, si, i) => V + (1 - si) * costs[i]!, 0));

describe('the ensemble of masks', () => {
  test('independent features are two-level systems: F, ⟨V⟩, S, C and ⟨s⟩ in closed form (Schottky)', () => {
    for (const row of maskThermodynamics(levels, [0.2, 1, 5])) {
      const { beta } = row;
      const log = costs.map((c) => Math.log1p(Math.exp(-beta * c)));
      const off = costs.map((c) => 1 / (1 + Math.exp(beta * c)));
      const F = 0.3 - log.reduce((a, b) => a + b) / beta;
      const E = 0.3 + costs.reduce((sum, c, i) => sum + c * off[i]!, 0);
      expect(row.freeEnergy).toBeCloseTo(F, 12);
      expect(row.energy).toBeCloseTo(E, 12);
      expect(row.entropy).toBeCloseTo(beta * (E - F), 12);
      const C = costs.reduce((sum, c, i) => sum + (beta * c) ** 2 * off[i]! * (1 - off[i]!), 0);
      expect(row.specificHeat).toBeCloseTo(C / 3, 12);
      row.kept_N.forEach((kept, i) => {
        expect(kept).toBeCloseTo(1 - off[i]!, 12);
      });
      expect(row.temperature).toBe(1 / beta);
    }
  });

  test('C = −β² d⟨V⟩/dβ and S = −dF/dT, whatever V is', () => {
    const value = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 8, maxLength: 8 }),
        fc.double({ min: 0.2, max: 4, noNaN: true }),
        (V, beta) => {
          const h = 1e-4;
          const at = (b: number) => maskThermodynamics(maskEnergies(V), [b])[0]!;
          const [low, here, high] = [at(beta - h), at(beta), at(beta + h)];
          expect(3 * here.specificHeat).toBeCloseTo((-beta * beta * (high.energy - low.energy)) / (2 * h), 4);
          const dF = (high.freeEnergy - low.freeEnergy) / (high.temperature - low.temperature);
          expect(here.entropy).toBeCloseTo(-dF, 3);
          expect(here.entropy).toBeLessThanOrEqual(3 * Math.log(2) + 1e-12);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('hot: every mask; cold: the best one alone; huge energies do not overflow', () => {
    const [hot, cold] = maskThermodynamics(
      bits(3, (s) => 1e5 + 100 * Math.abs(s[0]! + 2 * s[1]! + 4 * s[2]! - 5)),
      [1e-7, 10],
    );
    expect(hot!.entropy).toBeCloseTo(3 * Math.log(2), 6);
    expect(cold!.entropy).toBeCloseTo(0, 6);
    expect(cold!.kept_N.map(Math.round)).toEqual([1, 0, 1]);
    expect(cold!.freeEnergy).toBeCloseTo(1e5, 6);
  });

  test('the null keeps what each feature costs alone and drops what they do together', () => {
    const pair = bits(3, (s) => -2 * s[0]! * s[1]! - 0.5 * s[2]!);
    const alone = withoutInteraction(pair);
    for (const i of [0, 1, 2]) expect(alone.V_S[7 ^ (1 << i)]).toBeCloseTo(pair.V_S[7 ^ (1 << i)]!, 12);
    expect(alone.V_S[4]).toBeCloseTo(pair.V_S[7]! + 4, 12);
    const same = withoutInteraction(levels);
    levels.V_S.forEach((V, s) => {
      expect(same.V_S[s]).toBeCloseTo(V, 12);
    });
  });

  test('the ladder spans the peak of the specific heat', () => {
    const ladder = temperatureLadder(levels);
    const rows = maskThermodynamics(levels, ladder);
    const peak = heatPeak(rows);
    expect(peak.specificHeat).toBe(Math.max(...rows.map((row) => row.specificHeat)));
    expect(peak.temperature).toBeGreaterThan(rows.at(-1)!.temperature);
    expect(peak.temperature).toBeLessThan(rows[0]!.temperature);
  });

  test('wrong numbers of masks and temperatures are errors', () => {
    const code = (make: () => unknown, expected: string) =>
      expect(make).toThrowError(expect.objectContaining({ code: expected }));
    code(() => maskEnergies([1, 2, 3]), 'energy.masks');
    code(() => maskEnergies([1]), 'energy.masks');
    code(() => maskThermodynamics(levels, [0]), 'energy.temperature');
  });

  test('masks of a network: each is a run with those features taken out, by another road', async () => {
    const { network, pairs, dictionaries } = tinySetting();
    const [dictionary] = dictionaries;
    const { clean } = await forwardPairs(network, pairs, [dictionary!.site], run);
    const x = clean.states[dictionary!.site]!;
    const code = plainEncode(dictionary!, x);
    const features = [...new Set(code.indices_BK.subarray(6, 24))].slice(0, 3);
    const { V_S } = await networkMasks(network, dictionary!, pairs, features, run);
    expect(V_S).toHaveLength(8);
    const mean = (m: Float64Array) => -m.reduce((sum, v) => sum + v, 0) / m.length;
    expect(V_S[7]).toBeCloseTo(mean(clean.metric_B), 4);
    for (const s of [0, 2, 5]) {
      const moved = Float64Array.from(x);
      code.values_BK.forEach((f, at) => {
        const row = Math.floor(at / code.slots);
        const i = features.indexOf(code.indices_BK[at]!);
        if (row % pairs.positions === 0 || i < 0 || (s >> i) & 1) return;
        for (let d = 0; d < 16; d++) moved[row * 16 + d]! -= f * dictionary!.W_dec_FD[features[i]! * 16 + d]!;
      });
      expect(V_S[s]).toBeCloseTo(mean(await metricWith(network, dictionary!.site, moved, pairs, run)), 4);
    }
    expect(new Set(Array.from(V_S, (V) => V.toFixed(4))).size).toBe(8);
  });
});

describe('the ensemble of strengths', () => {
  test('V is multilinear: the masks at its corners, with its exact gradient between', () => {
    const V = multilinear(bits(3, (s) => Math.sin(1 + s[0]! + 3 * s[1]! * s[2]! - s[0]! * s[1]!)));
    const gradient = new Float64Array(3);
    for (let s = 0; s < 8; s++) {
      const corner = Float64Array.from([0, 1, 2], (i) => (s >> i) & 1);
      const [a, b, c] = corner as unknown as [number, number, number];
      expect(V.at(corner, gradient)).toBeCloseTo(Math.sin(1 + a + 3 * b * c - a * b), 12);
    }
    const alpha = Float64Array.from([0.3, 0.7, 0.45]);
    V.at(alpha, gradient);
    const slope = gradient.slice();
    for (const i of [0, 1, 2]) {
      const moved = (by: number) =>
        V.at(
          alpha.map((a, j) => (i === j ? a + by : a)),
          gradient,
        );
      expect(slope[i]).toBeCloseTo(moved(0.5) - moved(-0.5), 10);
    }
  });

  /** F and ⟨V⟩ of V = Σ c_i (1 − α_i) on the box: Z = Π (1 − e^{−βc})/(βc). */
  const closed = (beta: number, c: number) => ({
    F: -Math.log((1 - Math.exp(-beta * c)) / (beta * c)) / beta,
    E: 1 / beta - c / Math.expm1(beta * c),
    C: 1 - ((beta * c) ** 2 * Math.exp(beta * c)) / Math.expm1(beta * c) ** 2,
  });
  test.each(['hmc', 'nuts', 'microcanonical'] as const)(
    '%s draws it: F, ⟨V⟩ and C within their errors',
    (sampler) => {
      const scales = [1, 2.5];
      const V = multilinear(bits(2, (s) => (1 - s[0]!) * scales[0]! + (1 - s[1]!) * scales[1]!));
      const rows = strengthThermodynamics(V, [0.5, 1.5, 4], { sampler, draws: 4000, random: random(3) });
      for (const { beta, freeEnergy, energy, specificHeat, temperature } of rows) {
        expect(temperature).toBe(1 / beta);
        const known = scales.map((c) => closed(beta, c));
        const [F, E, C] = [
          known[0]!.F + known[1]!.F,
          known[0]!.E + known[1]!.E,
          (known[0]!.C + known[1]!.C) / 2,
        ];
        expect(Math.abs(freeEnergy.value - F)).toBeLessThan(4 * freeEnergy.error);
        expect(Math.abs(energy.value - E)).toBeLessThan(4 * energy.error);
        expect(Math.abs(specificHeat.value - C)).toBeLessThan(4 * specificHeat.error);
        expect(freeEnergy.error).toBeLessThan(0.1);
        expect(energy.error).toBeLessThan(0.05);
      }
    },
  );
});

/** A code from dense rows. */
function codeOf(rows: readonly (readonly number[])[]) {
  const slots = rows[0]!.length;
  return {
    slots,
    indices_BK: Int32Array.from(rows.flatMap(() => Array.from({ length: slots }, (_, i) => i))),
    values_BK: Float32Array.from(rows.flat()),
  };
}
const unitRow = (n: number, i: number, value = 1) =>
  Array.from({ length: n }, (_, j) => (j === i ? value : 0));

describe('the effective number of features', () => {
  const options = { random: random(1), permutations: 2 };

  test('k features that never fire together are k, whatever their strengths (cosine)', () => {
    const rows = Array.from({ length: 40 }, (_, r) => unitRow(8, r % 5, 1 + r));
    const found = effectiveFeatures(codeOf(rows), options);
    expect(found).toMatchObject({ norm: 'cosine', rows: 40, active: 5, l0: 1 });
    expect(found.effective).toBeCloseTo(5, 10);
    expect(found.entropy).toBeCloseTo(Math.log(5), 10);
  });

  test('features that always fire together in proportion are one', () => {
    const rows = Array.from({ length: 30 }, (_, r) => [1, 2, 0.5].map((s) => s * (1 + (r % 7))));
    const found = effectiveFeatures(codeOf(rows), options);
    expect(found.effective).toBeCloseTo(1, 10);
    expect(found.independent.effective).toBeGreaterThan(1.01);
  });

  test('two of three together: eigenvalues ⅔ and ⅓, exp S = 3/4^(1/3)', () => {
    const rows = Array.from({ length: 20 }, (_, r) => (r % 2 === 0 ? [1, 1, 0] : [0, 0, 3]));
    const found = effectiveFeatures(codeOf(rows), options);
    expect(found.effective).toBeCloseTo(3 / 4 ** (1 / 3), 10);
  });

  test('by energy a loud feature outweighs the others; the trace is 1 either way', () => {
    const rows = Array.from({ length: 20 }, (_, r) => unitRow(2, r % 2, r % 2 === 0 ? 3 : 1));
    const found = effectiveFeatures(codeOf(rows), { ...options, norm: 'energy' });
    expect(found.entropy).toBeCloseTo(-0.9 * Math.log(0.9) - 0.1 * Math.log(0.1), 10);
  });

  test('features that fire independently lie in their own null', () => {
    const stream = random(9);
    const rows = Array.from({ length: 200 }, () =>
      Array.from({ length: 30 }, () => (stream.uniform() < 0.1 ? 1 + stream.uniform() : 0)),
    );
    const found = effectiveFeatures(codeOf(rows), { random: random(2), permutations: 12 });
    const off = found.effective - found.independent.effective;
    expect(Math.abs(off)).toBeLessThan(4 * found.independent.deviation + 0.02);
  });

  test('no more rows than asked for, the same for the same seed; nothing active is an error', () => {
    const rows = Array.from({ length: 60 }, (_, r) => unitRow(10, r % 10));
    const few = () => effectiveFeatures(codeOf(rows), { random: random(4), rows: 12, permutations: 1 });
    expect(few().rows).toBe(12);
    expect(few()).toEqual(few());
    expect(() =>
      effectiveFeatures(
        codeOf([
          [0, 0],
          [0, 0],
        ]),
        options,
      ),
    ).toThrowError(expect.objectContaining({ code: 'energy.no-active' }));
  });
});

describe('the local learning coefficient of a trained network', () => {
  /** A linear network of one hidden unit, 2 → 1 → 2, that learns a map C of rank 1 or 0: L = ‖ba′ − C‖². */
  const network = (C: readonly (readonly number[])[]): Landscape =>
    landscape('linear network 2-1-2', 4, (o, w) =>
      [0, 1]
        .flatMap((i) => [0, 1].map((j) => o.sub(o.mul(w[2 + i]!, w[j]!), C[i]![j]!)))
        .map((error) => o.mul(error, error))
        .reduce((sum, term) => o.add(sum, term)),
    );
  const train = (V: Landscape) => relaxed(V, [0.4, -0.3, 0.5, 0.6], { tolerance: 1e-10 });

  test('rank 1 through one unit: 3 of 4 parameters count, λ = 3/2 (rescaling is free), not d/2 = 2', () => {
    const V = network([
      [0.6, -0.3],
      [1.2, -0.6],
    ]);
    const { x, energy } = train(V);
    expect(energy).toBeLessThan(1e-15);
    const found = localLearning(V, x, { examples: 100_000, draws: 4000, random: random(5) });
    expect(found).toMatchObject({ parameters: 4, regular: 2 });
    expect(found.slope).toBeLessThan(1e-9);
    expect(Math.abs(found.value - 1.5)).toBeLessThan(4 * found.error);
    expect(found.error).toBeLessThan(0.08);
    expect(found.effective).toBe(2 * found.value);
  });

  test('a chain that leaves a shallow basin says so', () => {
    // Two wells, the right one lower by 0.05, a barrier of 0.1 between.
    const wells = landscape('two wells', 1, (o, w) => {
      const u = o.sub(o.mul(w[0]!, w[0]!), 1);
      return o.sub(o.mul(0.1, o.mul(u, u)), o.mul(0.025, w[0]!));
    });
    const { x } = relaxed(wells, [-1], { tolerance: 1e-12 });
    const options = { draws: 1500, localisation: 0.01 };
    const warm = localLearning(wells, x, { ...options, examples: 200, random: random(7) });
    expect(warm.lower).toBeGreaterThan(0.5);
    expect(warm.value).toBeLessThan(0);
    const cold = localLearning(wells, x, { ...options, examples: 100_000, random: random(7) });
    expect(cold.lower).toBe(0);
    expect(Math.abs(cold.value - 0.5)).toBeLessThan(4 * cold.error);
  });

  test('nothing to learn: λ = 1 up to 1/log n (Aoyagi and Watanabe 2005), less than for rank 1', () => {
    const V = network([
      [0, 0],
      [0, 0],
    ]);
    const found = localLearning(V, [0, 0, 0, 0], { examples: 100_000, draws: 4000, random: random(6) });
    expect(found.value).toBeLessThan(1.1);
    expect(found.value).toBeGreaterThan(0.6);
  });
});
