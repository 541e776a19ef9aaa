import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitStandardProbe } from '../../../src/activations/probes/standard.ts';
import { random } from '../../../src/core/random.ts';
import { bca, bootstrapCrossed, studentQuantile, tInterval } from '../../../src/core/resampling.ts';
import { type Costs, hypervolume } from '../../../src/edits/bias/hypervolume.ts';
import { balancedWeights, brierScore, calibrationError, sharesOf } from '../../../src/edits/bias/metrics.ts';
import type { BiasRows } from '../../../src/edits/bias/problem.ts';
import { groupsOf, type RightCounts, rightCounts, rightOf, unitsOf } from '../../../src/edits/bias/runs.ts';
import type { BiasMethod } from '../../../src/edits/bias/types.ts';
import { type CurveRuns, compareCurves } from '../../../src/edits/bias/verdicts.ts';

const oracle = JSON.parse(readFileSync('test/oracles/bias_metrics.json', 'utf8'));
const rows = {
  outcome_N: Uint8Array.from(oracle.outcome),
  protected_N: Uint8Array.from(oracle.protected),
};
const equal = new Float64Array(oracle.p.length).fill(1);

test('group figures and calibration are those of an independent script', () => {
  // Persons of three rows each, of several groups.
  const people: BiasRows = {
    ...rows,
    ids: oracle.p.map((_: number, n: number) => `p${n % Math.ceil(oracle.p.length / 3)}`),
    swapped_N: new Uint8Array(oracle.p.length),
    x_ND: new Float32Array(0),
    features_NF: new Float32Array(0),
  };
  const units = unitsOf(people);
  const logits = oracle.p.map((p: number) => Math.log(p / (1 - p)));
  const right = rightCounts(people, units, rightOf(logits, rows.outcome_N));
  const shares = sharesOf(groupsOf(right, new Float64Array(units.count).fill(1)));
  expect(shares.fieldAccuracy).toBeCloseTo(oracle.fieldAccuracy, 12);
  expect(shares.genderAccuracy).toBeCloseTo(oracle.genderAccuracy, 12);
  expect(shares.worstGroup).toBeCloseTo(oracle.worstGroup, 12);
  expect(shares.tprGap).toBeCloseTo(oracle.tprGap, 12);
  const weights = balancedWeights(rows, equal);
  expect(calibrationError(oracle.p, rows.outcome_N, weights)).toBeCloseTo(oracle.ece, 12);
  expect(brierScore(oracle.p, rows.outcome_N, weights)).toBeCloseTo(oracle.brier, 12);
});

test('a classifier that tells the protected value has field accuracy one half and a gap of one', () => {
  // Right exactly where outcome = protected.
  expect(sharesOf([1, 0, 0, 1])).toEqual({
    fieldAccuracy: 0.5,
    genderAccuracy: 1,
    worstGroup: 0,
    tprGap: 1,
  });
  expect(sharesOf([1, 1, 1, 1])).toEqual({
    fieldAccuracy: 1,
    genderAccuracy: 0.5,
    worstGroup: 1,
    tprGap: 0,
  });
});

test('a group without rows is left out of the means and of the minimum', () => {
  const shares = sharesOf([0.9, Number.NaN, 0.7, 0.8]);
  expect(shares.worstGroup).toBe(0.7);
  expect(shares.fieldAccuracy).toBeCloseTo(0.8, 12);
  expect(shares.tprGap).toBeCloseTo(0.1, 12);
});

test('the probe on standardised columns is the penalised logistic regression of an independent script', () => {
  const { x, labels, w, b } = oracle.probe;
  const probe = fitStandardProbe(Float64Array.from(x.flat()), Uint8Array.from(labels), w.length);
  for (const [d, value] of w.entries()) expect(probe.w_D[d]).toBeCloseTo(value, 4);
  expect(probe.b).toBeCloseTo(b, 3);
});

test('BCa is near that of scipy, t is that of scipy', () => {
  const { values, mean, low, high } = oracle.bca;
  const found = bca(
    values.length,
    (weights) => {
      let [sum, all] = [0, 0];
      weights.forEach((weight, u) => {
        sum += weight * values[u];
        all += weight;
      });
      return sum / all;
    },
    random(3),
    8000,
  );
  expect(found.value).toBeCloseTo(mean, 12);
  expect(Math.abs(found.low - low)).toBeLessThan(0.02);
  expect(Math.abs(found.high - high)).toBeLessThan(0.02);
  for (const [freedom, quantile] of Object.entries(oracle.student))
    expect(studentQuantile(Number(freedom))).toBeCloseTo(quantile as number, 5);
  expect(tInterval([1, 2, 3]).high).toBeCloseTo(2 + 4.30265 / Math.sqrt(3), 4);
});

test('resamples keep strata, and runs are drawn beside units', () => {
  const strata_U = Uint8Array.from([0, 0, 0, 1, 1]);
  const [first] = bootstrapCrossed(
    { units: 5, strata_U, runs: 3, resamples: 200, random: random(1) },
    (weights, runs) => {
      expect(weights[0]! + weights[1]! + weights[2]!).toBeLessThanOrEqual(3);
      expect(runs).toHaveLength(3);
      return [runs.reduce((a, b) => a + b, 0) / 3];
    },
  );
  // Only runs vary: 0, 1, 2 with mean 1.
  expect(first!.value).toBe(1);
  expect(first!.low).toBeLessThan(0.6);
  expect(first!.high).toBeGreaterThan(1.4);
});

test('runs of one group are alike: groups are drawn, and the same seeds in each', () => {
  // Two dictionaries of three seeds each; only the dictionary matters.
  const values = [0, 0, 0, 1, 1, 1];
  const mean = (runs: readonly number[]) => runs.reduce((sum, run) => sum + values[run]!, 0) / runs.length;
  const plan = { units: 4, runs: 6, resamples: 400, random: random(2) };
  const [grouped] = bootstrapCrossed({ ...plan, groups: 2 }, (_, runs) => {
    expect(runs.slice(3).map((run) => run % 3)).toEqual(runs.slice(0, 3).map((run) => run % 3));
    return [mean(runs)];
  });
  expect([grouped!.value, grouped!.low, grouped!.high]).toEqual([0.5, 0, 1]);
  const [flat] = bootstrapCrossed({ ...plan, random: random(2) }, (_, runs) => [mean(runs)]);
  expect(flat!.high - flat!.low).toBeLessThan(0.9);
});

test('a statistic that most resamples cannot say has no interval', () => {
  const plan = { units: 12, runs: 1, resamples: 200, random: random(2) };
  const [some, most] = bootstrapCrossed(plan, (weights) => [
    weights[0]! > 4 ? Number.NaN : 1,
    weights[0]! > 0 && weights[1]! > 0 ? 1 : Number.NaN,
  ]);
  expect([some!.low, some!.high]).toEqual([1, 1]);
  expect([most!.value, most!.low, most!.high]).toEqual([1, Number.NaN, Number.NaN]);
});

test('verdicts that rest on few windows of text are undecided, however many the persons', () => {
  const counts = (share: number): RightCounts => ({
    right_UG: Float64Array.from({ length: 4 * 200 }, (_, i) => (i % 100 < 100 * share ? 1 : 0)),
    all_UG: new Float64Array(4 * 200).fill(1),
  });
  const curve = (method: BiasMethod, worst: number, kl: number, windows: number): CurveRuns => ({
    method,
    points: [1, 0.6].map((leakage) => ({
      strength: 1 - leakage,
      field: [counts(worst)],
      leakage: [counts(leakage)],
      kl_W: Array.from({ length: windows }, () => kl * (1 - leakage)),
    })),
  });
  const outcomes = (windows: number) =>
    compareCurves(
      {
        claim: '',
        of: curve('least-action', 0.9, 0.1, windows),
        against: curve('straight', 0.5, 0.4, windows),
      },
      {
        ...{ persons: 200, windows, runs: 1, resamples: 100 },
        strata_U: new Uint8Array(200),
        random: random(5),
      },
    ).map((one) => one.outcome);
  expect(outcomes(12)).toEqual(['supported', 'supported', 'supported']);
  expect(outcomes(9)).toEqual(['undecided', 'supported', 'undecided']);
});

test('the hypervolume is the share of the cube that the points are better than', () => {
  expect(hypervolume([[0, 0, 0]])).toBe(1);
  expect(hypervolume([[0.5, 0.5, 0.5]])).toBeCloseTo(0.125, 12);
  expect(hypervolume([[1, 0, 0]])).toBe(0);
  const { points, volume } = oracle.hypervolume;
  expect(Math.abs(hypervolume(points) - volume)).toBeLessThan(0.01);
});

test('a point more never makes the hypervolume smaller, a dominated one leaves it', () => {
  const cost = fc.double({ min: 0, max: 1, noNaN: true });
  const point = fc.tuple(cost, cost, cost) as fc.Arbitrary<Costs>;
  fc.assert(
    fc.property(fc.array(point, { maxLength: 6 }), point, (points, extra) => {
      const before = hypervolume(points);
      const after = hypervolume([...points, extra]);
      expect(after).toBeGreaterThanOrEqual(before - 1e-12);
      const worse: Costs = [(1 + extra[0]) / 2, (1 + extra[1]) / 2, (1 + extra[2]) / 2];
      expect(hypervolume([...points, extra, worse])).toBeCloseTo(after, 10);
    }),
  );
});
