import { describe, expect, test } from 'vitest';
import { nudgedElasticBand, refined } from '../../src/mechanics/diagnostics/elastic-band.ts';
import { landscape, potentialOf } from '../../src/mechanics/landscape.ts';
import { doubleWell } from '../../src/mechanics/systems/double-well.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';

/** Müller and Brown 1979; minima and saddles as published there, to the digits of the coefficients. */
const mullerBrown = landscape('Müller–Brown', 2, (o, x) => {
  const wells = [
    [-200, -1, 0, -10, 1, 0],
    [-100, -1, 0, -10, 0, 0.5],
    [-170, -6.5, 11, -6.5, -0.5, 1.5],
    [15, 0.7, 0.6, 0.7, -1, 1],
  ] as const;
  return wells
    .map(([A, a, b, c, x0, y0]) => {
      const [u, v] = [o.sub(x[0]!, x0), o.sub(x[1]!, y0)];
      const form = o.add(o.mul(a, o.mul(u, u)), o.add(o.mul(b, o.mul(u, v)), o.mul(c, o.mul(v, v))));
      return o.mul(A, o.exp(form));
    })
    .reduce((sum, term) => o.add(sum, term));
});

describe('nudged elastic band', () => {
  test('double well: the barrier is b at q = 0', () => {
    const band = nudgedElasticBand(potentialOf(doubleWell({ barrier: 1.7 })), [-1], [1], { images: 8 });
    expect(band.converged).toBe(true);
    expect(band.saddle[0]).toBeCloseTo(0, 6);
    expect(band.barrier.forward).toBeCloseTo(1.7, 10);
    expect(band.saddleCurvature).toBeCloseTo(-4 * 1.7, 4);
  });

  test('a bent valley with a known saddle: V = (x² − 1)² + 4(y − x² + 1)², saddle (0, −1), height 1', () => {
    const valley = landscape('valley', 2, (o, q) => {
      const [x, y] = [q[0]!, q[1]!];
      const a = o.sub(o.mul(x, x), 1);
      const b = o.sub(y, a);
      return o.add(o.mul(a, a), o.mul(4, o.mul(b, b)));
    });
    const band = nudgedElasticBand(valley, [-1, 0], [1, 0], { images: 9 });
    expect(band.converged).toBe(true);
    expect([...band.saddle]).toEqual([expect.closeTo(0, 5), expect.closeTo(-1, 5)]);
    expect(band.saddleEnergy).toBeCloseTo(1, 10);
    expect(band.highest).toBeGreaterThanOrEqual(band.saddleEnergy);
  });

  test('Hénon–Heiles: from the basin over a corner of the triangle costs 1/6', () => {
    const V = potentialOf(henonHeiles());
    const band = nudgedElasticBand(V, [0, 0], [0, 1.4], {
      images: 11,
      path: Array.from({ length: 13 }, (_, k) => [0.2 * Math.sin((k * Math.PI) / 12), (1.4 * k) / 12]),
    });
    expect(band.converged).toBe(true);
    expect(band.barrier.forward).toBeCloseTo(1 / 6, 9);
    expect([...band.saddle]).toEqual([expect.closeTo(0, 4), expect.closeTo(1, 4)]);
  });

  test('Müller–Brown: saddles and heights as published, and the same at twice the images', () => {
    const [from, to] = [
      [-0.558223634633024, 1.44172584180467],
      [0.623499404930877, 0.0280377585286857],
    ];
    const coarse = nudgedElasticBand(mullerBrown, from, to, { images: 15, tolerance: 1e-4 });
    expect(coarse.converged).toBe(true);
    expect(coarse.saddleEnergy).toBeCloseTo(-40.6648, 3);
    expect([...coarse.saddle]).toEqual([expect.closeTo(-0.822, 3), expect.closeTo(0.624, 3)]);
    const fine = nudgedElasticBand(mullerBrown, from, to, { path: refined(coarse), tolerance: 1e-4 });
    expect(fine.path.length).toBe(33);
    expect(fine.saddleEnergy).toBeCloseTo(coarse.saddleEnergy, 4);
    expect(fine.highest - fine.saddleEnergy).toBeLessThan(coarse.highest - coarse.saddleEnergy + 1e-9);
  });

  test('says when it did not arrive, and names bad ends', () => {
    const V = potentialOf(doubleWell());
    expect(nudgedElasticBand(mullerBrown, [-0.56, 1.44], [0.62, 0.03], { maxIterations: 3 }).converged).toBe(
      false,
    );
    expect(() => nudgedElasticBand(V, [1], [1])).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
    expect(() => nudgedElasticBand(V, [1, 2], [1, 3])).toThrowError(
      expect.objectContaining({ code: 'mechanics.length' }),
    );
    const broken = landscape('broken', 1, (o, q) => o.log(q[0]!));
    expect(() => nudgedElasticBand(broken, [-1], [1])).toThrowError(
      expect.objectContaining({ code: 'mechanics.not-finite' }),
    );
  });
});
