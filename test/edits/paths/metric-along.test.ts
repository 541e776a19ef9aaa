import { describe, expect, test } from 'vitest';
import { leastActionPath } from '../../../src/edits/paths/least-action.ts';
import { metricAlong } from '../../../src/edits/paths/metric-along.ts';
import { isPositive } from '../../../src/mechanics/linear.ts';
import { curved } from './toys.ts';

const n = 2;
const line = [0, 1.5];
/** σ of the line from (1, 1) to (0, 1.5). */
const placeOf = (a: ArrayLike<number>) => ((a[0]! - 1) * -1 + (a[1]! - 1) * 0.5) / 1.25;
/** A square root of degree 2 in σ, positive; its square is the metric. */
const rootAt = (s: number) => [1 + s * s, 0.3 * s, 0.3 * s, 0.8 + 0.5 * s];
const squaredRoot = (a: ArrayLike<number>) => {
  const [p, q, , r] = rootAt(placeOf(a)) as [number, number, number, number];
  return [p * p + q * q, q * (p + r), q * (p + r), q * q + r * r];
};
/** No polynomial: what a network's metric looks like. */
const bell = (a: ArrayLike<number>) => {
  const w = 1 / (1 + 3 * placeOf(a) ** 2);
  return [2 * w, 0.3 * w, 0.3 * w, 0.5 + w];
};
const measure = (of: (a: ArrayLike<number>) => number[]) => async (alpha_N: Float64Array) => of(alpha_N);

describe('a metric interpolated along a line', () => {
  test('is exact where its root is a polynomial of the points, and says so at the held-out one', async () => {
    const { metric, mu, error, errors, nodes } = await metricAlong(measure(squaredRoot), { end_N: line });
    expect(nodes.length).toBe(5);
    expect(errors.length).toBe(1);
    expect(error).toBeLessThan(1e-12);
    for (const s of [0.1, 0.37, 0.9]) {
      const alpha = Float64Array.of(1 - s, 1 + 0.5 * s);
      const [a, b, c, d] = metric.at(alpha).flatMap((row) => Array.from(row));
      const want = squaredRoot(alpha);
      expect([a! - mu, b, c, d! - mu].every((x, i) => Math.abs(x! - want[i]!) < 1e-12)).toBe(true);
    }
  });
  test('the error at held-out points falls with their number, and is the true one', async () => {
    const error = async (points: number) =>
      (await metricAlong(measure(bell), { end_N: line, points, heldOut: 2 })).error;
    const [few, more, many] = [await error(3), await error(5), await error(9)];
    expect(few).toBeGreaterThan(1e-3);
    expect(more).toBeLessThan(few / 3);
    expect(many).toBeLessThan(more / 3);
    const found = await metricAlong(measure(bell), { end_N: line, points: 3 });
    const at = found.errors[0]!.at;
    const alpha = Float64Array.of(1 - at, 1 + 0.5 * at);
    const truth = bell(alpha);
    const off = found.metric.at(alpha).flatMap((row) => Array.from(row));
    const size = Math.hypot(...truth);
    const wrong = Math.hypot(...off.map((x, i) => x - truth[i]! - (i % 3 === 0 ? found.mu : 0)));
    expect(found.errors[0]!.error).toBeCloseTo(wrong / size, 12);
  });
  test('the mean is that of the measured matrices, the same everywhere, and its error the largest at a measured point', async () => {
    const { mean, nodes, errors, mu } = await metricAlong(measure(bell), { end_N: line });
    const places = [...nodes, ...errors.map(({ at }) => at)];
    const all = places.map((s) => bell([1 - s, 1 + 0.5 * s]));
    const middle = [0, 1, 2, 3].map((i) => all.reduce((sum, G) => sum + G[i]! / all.length, 0));
    const found = mean.metric.at(Float64Array.of(0.2, 3)).flatMap((row) => Array.from(row));
    found.forEach((x, i) => {
      expect(x - (i % 3 === 0 ? mu : 0)).toBeCloseTo(middle[i]!, 12);
    });
    const off = all.map((G) => Math.hypot(...G.map((x, i) => x - middle[i]!)) / Math.hypot(...G));
    expect(mean.error).toBeCloseTo(Math.max(...off), 12);
    expect(mean.error).toBeGreaterThan(0.5);
  });
  test('slopes are those of the values, on the line, beside it and beyond its ends', async () => {
    const { metric } = await metricAlong(measure(bell), { end_N: line });
    for (const alpha of [
      [0.6, 1.2],
      [0.4, 0.7],
      [-0.3, 1.8],
      [1.3, 1],
    ]) {
      const v = Float64Array.of(0.7, -1.3);
      const slopes = metric.slopesTimes!(Float64Array.from(alpha), v);
      for (let k = 0; k < n; k++) {
        const e = 1e-5;
        const [up, down] = [e, -e].map((by) => {
          const G = metric.at(Float64Array.from(alpha, (a, i) => (i === k ? a + by : a)));
          return G.map((row) => row[0]! * v[0]! + row[1]! * v[1]!);
        });
        for (let i = 0; i < n; i++) expect(slopes[k]![i]).toBeCloseTo((up![i]! - down![i]!) / (2 * e), 7);
      }
    }
  });
  test('has no eigenvalue below μ, even where the measured matrices are singular', async () => {
    const rank1 = (a: ArrayLike<number>) => {
      const s = placeOf(a);
      return [s * s, s, s, 1].map((x) => 4 * x);
    };
    const mu = 0.01;
    const { metric } = await metricAlong(measure(rank1), { end_N: line, mu });
    for (let s = -0.4; s <= 1.4; s += 0.05) {
      const G = metric.at(Float64Array.of(1 - s, 1 + 0.5 * s));
      expect(isPositive(G.map((row, i) => Array.from(row, (x, j) => (i === j ? x - 0.999 * mu : x))))).toBe(
        true,
      );
    }
  });
  test('a least-action path runs through it, with H_c as constant as the step allows', async () => {
    const { metric } = await metricAlong(measure(bell), { end_N: line });
    const spread = (steps: number) => leastActionPath({ ...curved, metric }, { steps }).energySpread;
    expect(spread(20)).toBeLessThan(1e-5);
    expect(Math.log2(spread(10) / spread(20))).toBeGreaterThan(3.5);
  });
  test('what is no metric is refused', async () => {
    const refused = { code: 'edit.metric' };
    await expect(metricAlong(measure(bell), { end_N: [1, 1] })).rejects.toMatchObject(refused);
    await expect(metricAlong(measure(bell), { end_N: line, points: 1 })).rejects.toMatchObject(refused);
    await expect(metricAlong(async () => [1, Number.NaN, 0, 1], { end_N: line })).rejects.toMatchObject(
      refused,
    );
    await expect(metricAlong(async () => [0, 0, 0, 0], { end_N: line })).rejects.toMatchObject(refused);
  });
});
