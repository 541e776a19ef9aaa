/** @file Effects from an averaged costate: complete by construction, and the textbook numbers on metrics one can integrate by hand. */
import { describe, expect, test } from 'vitest';
import { quadrature } from '../../src/autodiff/quadrature.ts';
import { movesOf, placeEffects, sumPositions } from '../../src/circuits/effects.ts';
import { activeFeatures, featureState, meanState } from '../../src/circuits/feature-state.ts';
import { random } from '../../src/core/random.ts';
import { plainEncode, randomDictionary } from './support/dictionaries.ts';

const shape = { examples: 5, positions: 3, width: 8 };
const dictionary = randomDictionary(random(3), { site: 'cut', width: 8, features: 20, k: 4 });
const state = (seed: number, d = dictionary) => {
  const stream = random(seed);
  const x = Float32Array.from({ length: 5 * 3 * 8 }, () => stream.normal());
  return featureState(d, x, plainEncode(d, x), shape);
};
const clean = state(1);
const patch = state(2);
const size = 3 * 8;

/** λ̄ of m(x) by a rule, on the line from clean to patch. */
const average = (rule: string, gradient: (x: number, i: number) => number) => {
  const { points, weights } = quadrature(rule);
  return clean.x_BTD.map((c, i) =>
    points.reduce((s, a, j) => s + weights[j]! * gradient((1 - a) * c + a * patch.x_BTD[i]!, i), 0),
  );
};
const place = { site: 'cut', depth: 1, ...shape };
const effectsOf = (costate: ArrayLike<number>) =>
  placeEffects(place, dictionary, movesOf(clean, patch), costate, new Float64Array(5));
const metric = (x: Float32Array, f: (v: number) => number) =>
  Array.from({ length: 5 }, (_, b) => x.subarray(b * size, (b + 1) * size).reduce((sum, v) => sum + f(v), 0));
const sums = (costate: Float32Array) => {
  const e = effectsOf(costate);
  return Array.from(e.featureSums_B, (f, b) => f + e.errorSums_B[b]!);
};

describe('effects', () => {
  test('of a linear metric: any rule is exact, features and errors add up to m(patch) − m(clean)', () => {
    for (const rule of ['attribution-patching', 'left-3', 'midpoint-1']) {
      const got = sums(average(rule, () => 0.5));
      for (const [b, m] of metric(patch.x_BTD, (v) => v / 2).entries()) {
        expect(got[b]).toBeCloseTo(m - metric(clean.x_BTD, (v) => v / 2)[b]!, 4);
      }
    }
  });

  test('of a quadratic metric: one midpoint is exact; the left rule with N points misses |Δx|²/N, attribution patching |Δx|²', () => {
    const exact = metric(patch.x_BTD, (v) => v * v).map((m, b) => m - metric(clean.x_BTD, (v) => v * v)[b]!);
    const square = Array.from({ length: 5 }, (_, b) =>
      Array.from(
        { length: size },
        (_, i) => (patch.x_BTD[b * size + i]! - clean.x_BTD[b * size + i]!) ** 2,
      ).reduce((s, v) => s + v, 0),
    );
    for (const [rule, missing] of [
      ['midpoint-1', 0],
      ['left-10', 0.1],
      ['left-4', 0.25],
      ['attribution-patching', 1],
    ] as const) {
      const got = sums(average(rule, (x) => 2 * x));
      for (const [b, m] of exact.entries()) expect(got[b]! + missing * square[b]!).toBeCloseTo(m, 3);
    }
  });

  test('of a feature is its momentum times its change, by the definition', () => {
    const costate = Float32Array.from({ length: 5 * size }, (_, i) => Math.sin(i));
    const { features_TF } = effectsOf(costate);
    for (let t = 0; t < 3; t++) {
      for (let i = 0; i < 20; i++) {
        let mean = 0;
        for (let b = 0; b < 5; b++) {
          const change =
            (activeFeatures(patch, b, t).get(i) ?? 0) - (activeFeatures(clean, b, t).get(i) ?? 0);
          for (let d = 0; d < 8; d++) {
            mean += (change * dictionary.W_dec_FD[i * 8 + d]! * costate[b * size + t * 8 + d]!) / 5;
          }
        }
        expect(features_TF[t * 20 + i]).toBeCloseTo(mean, 4);
      }
    }
  });

  test('of single examples add up to the means, and positions can be added up', () => {
    const e = effectsOf(Float32Array.from({ length: 5 * size }, (_, i) => Math.cos(i)));
    const mean = new Float64Array(3 * 21);
    for (const { nodes, values } of e.nodes_B)
      for (const [j, n] of nodes.entries()) mean[n]! += values[j]! / 5;
    const summed = sumPositions(e);
    for (let i = 0; i < 20; i++) {
      for (let t = 0; t < 3; t++) expect(mean[t * 21 + i]).toBeCloseTo(e.features_TF[t * 20 + i]!, 5);
      expect(summed.features_TF[i]).toBeCloseTo(mean[i]! + mean[21 + i]! + mean[42 + i]!, 5);
    }
    expect(summed.errors_T[0]).toBeCloseTo(mean[20]! + mean[41]! + mean[62]!, 5);
    expect(summed.nodes_B[0]!.values.reduce((s, v) => s + v, 0)).toBeCloseTo(
      e.featureSums_B[0]! + e.errorSums_B[0]!,
      3,
    );
  });

  test('at positions that pass the dictionary by, everything is the error node’s', () => {
    const { features_TF, errors_T } = effectsOf(average('midpoint-1', () => 1));
    expect(features_TF.subarray(0, 20).every((v) => v === 0)).toBe(true);
    expect(errors_T[0]).not.toBe(0);
    const sink = { ...dictionary, sinkNorm: 0.01 };
    expect(activeFeatures(state(1, sink), 2, 2).size).toBe(0);
    expect(activeFeatures(clean, 2, 2).size).toBeGreaterThan(0);
  });
});

describe('mean state', () => {
  test('features and rest of the mean decode to the mean state', () => {
    const { features_TF, rest_TD } = meanState(clean, dictionary);
    for (let t = 0; t < 3; t++) {
      for (let d = 0; d < 8; d++) {
        let decoded = rest_TD[t * 8 + d]!;
        for (let i = 0; i < 20; i++) decoded += features_TF[t * 20 + i]! * dictionary.W_dec_FD[i * 8 + d]!;
        const mean = [0, 1, 2, 3, 4].reduce((s, b) => s + clean.x_BTD[b * size + t * 8 + d]! / 5, 0);
        expect(decoded).toBeCloseTo(mean, 5);
      }
    }
  });

  test('a dictionary for another width is refused', () => {
    const x = new Float32Array(15 * 6);
    expect(() =>
      featureState(
        dictionary,
        x,
        { slots: 1, indices_BK: new Int32Array(15), values_BK: new Float32Array(15) },
        { ...shape, width: 6 },
      ),
    ).toThrow(expect.objectContaining({ code: 'circuit.width' }));
  });
});
