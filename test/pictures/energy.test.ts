/** @file Pictures of energy and edits: well-formed whatever the data say, and they show what they promise. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dotsPicture } from '../../src/pictures/dots.ts';
import {
  clockSeriesPicture,
  type FeatureMotion,
  featurePhasePicture,
} from '../../src/pictures/feature-motion.ts';
import { type SankeyFlow, sankeyPicture } from '../../src/pictures/sankey.ts';
import { strengthPathPicture } from '../../src/pictures/strength-path.ts';
import { tradeOffPicture } from '../../src/pictures/trade-off.ts';
import { elements } from './elements.ts';

const size = { width: 720, height: 360 };
const estimate = (value: number, half = 0.1) => ({ value, low: value - half, high: value + half });

/** 2 words → 2 features and errors → the answer; a sends 3 to f and −1 to errors, b 1 to others. */
const flow: SankeyFlow = {
  deltaM: 4,
  columns: [
    { name: 'words', energy: 3, bands: [band('a', 'token', 2), band('b', 'token', 1)] },
    {
      name: 'block 11',
      energy: 3,
      bands: [band('f', 'feature', 3), band('o', 'other', 1), band('e', 'errors', -1)],
    },
    { name: 'answer', bands: [band('answer', 'answer', 3)] },
  ],
  links: [
    { source: 'a', target: 'f', energy: 3 },
    { source: 'a', target: 'e', energy: -1 },
    { source: 'b', target: 'o', energy: 1 },
    { source: 'f', target: 'answer', energy: 3 },
    { source: 'o', target: 'answer', energy: 1 },
    { source: 'e', target: 'answer', energy: -1 },
  ],
};
function band(id: string, kind: 'token' | 'feature' | 'other' | 'errors' | 'answer', energy: number) {
  return { id, kind, name: id, energy };
}

describe('energy flow', () => {
  const widths = (svg: string, sign: 'towards' | 'against') =>
    [
      ...svg.matchAll(
        new RegExp(`fill="var\\(--${sign},[^"]*" fill-opacity="0.34" data-width="([\\d.]+)"`, 'g'),
      ),
    ].map((found) => Number(found[1]));

  test('widths are |energy| in one scale, colours its sign, and the leak stands under each column', () => {
    const svg = sankeyPicture(flow, size, 'a');
    elements(svg);
    const [towards, against] = [widths(svg, 'towards'), widths(svg, 'against')];
    expect([towards.length, against.length]).toEqual([4, 2]);
    const unit = against[0]!;
    for (const [i, e] of [3, 1, 3, 1].entries()) expect(towards[i]! / unit).toBeCloseTo(e, 1);
    expect(svg.match(/leak 25\.0 %/g)).toHaveLength(2);
    expect(svg).toContain('url(#flow-hatch)');
    expect(svg).toContain('f: energy 3.000, 75.0 % of the whole effect');
  });

  test('nothing and a flow without links are pictures too', () => {
    elements(sankeyPicture({ deltaM: 0, columns: [], links: [] }, size, 'a'));
    elements(sankeyPicture({ ...flow, links: [] }, size, 'a'));
  });
});

describe('dots', () => {
  test('a score, its nulls, the mark', () => {
    const svg = dotsPicture(
      [{ name: 'drift', score: estimate(0.3), nulls: [{ name: 'untrained', score: estimate(0.05) }] }],
      { width: 600, label: 'a', x: 'Spearman', mark: { at: 0, name: 'chance' } },
    );
    elements(svg);
    expect(svg).toContain('drift: 0.30 (0.20 to 0.40)');
    expect(svg).toContain('drift, untrained: 0.050');
    expect(svg).toContain('chance');
  });

  test('what was not measured says so', () => {
    const svg = dotsPicture(
      [{ name: 'x', score: { value: Number.NaN, low: Number.NaN, high: Number.NaN } }],
      { width: 500, label: 'a', x: 'y' },
    );
    elements(svg);
    expect(svg).toContain('not measured');
  });
});

describe('trade-off', () => {
  test('the line follows the strength, not the axis, and ends in the larger mark', () => {
    const points = [0.5, 0.9, 0.7].map((x, i) => ({
      x: estimate(x),
      y: estimate(0.6 + 0.1 * i),
      at: `strength ${i}`,
    }));
    const svg = tradeOffPicture([{ name: 'leace', points }], {
      ...size,
      label: 'a',
      x: 'leakage',
      y: 'accuracy',
    });
    elements(svg);
    const [, d] = /data-line="leace"><path d="([^"]*)"/.exec(svg)!;
    const xs = [...d!.matchAll(/[ML]([\d.]+) /g)].map((found) => Number(found[1]));
    expect(xs[1]!).toBeGreaterThan(xs[2]!);
    expect(xs[2]!).toBeGreaterThan(xs[0]!);
    expect(svg.match(/r="4.5"/g)).toHaveLength(1);
  });
  test('a logarithmic axis keeps zeros at its left edge', () => {
    const line = (x: number) => ({ x: estimate(x, 0), y: estimate(1), at: '' });
    elements(
      tradeOffPicture([{ name: 'a', dashed: true, points: [0, 0.001, 0.1].map(line) }], {
        ...{ ...size, label: 'a', x: 'KL', y: 'y', logX: true },
      }),
    );
    elements(tradeOffPicture([], { ...size, label: 'a', x: 'x', y: 'y' }));
  });
});

describe('path of strengths', () => {
  const times = [0, 0.25, 0.5, 0.75, 1];
  const path = {
    times,
    strengths: [
      { name: 'f1', pinned: true, values: times.map((s) => 1 - s) },
      { name: 'f2', pinned: false, values: times.map((s) => 1 + 0.2 * s) },
    ],
    kinetic: times.map(() => 0.5),
    potential: times.map((s) => s),
    energy: times.map((s) => 0.5 - s),
  };
  test('pinned solid, free dashed, energies below; half the way is half the line', () => {
    const svg = strengthPathPicture(path, size, 'a');
    elements(svg);
    expect(svg).toContain('f1: ends at 0');
    expect(svg.match(/stroke-dasharray="4 3"/g)).toHaveLength(1);
    expect(svg).toContain('H_c = T − V');
    const points = (text: string) => text.match(/L[\d.]+ /g)!.length;
    expect(points(strengthPathPicture(path, size, 'a', 0.5))).toBeLessThan(points(svg));
  });
});

describe('a feature over tokens', () => {
  const motion: FeatureMotion = {
    name: 'text 1',
    q: [0, 2, 1, 0],
    p: [2, -1, -1],
    kinetic: [2, 0.5, 0.5],
    potential: [0, -0.8, -0.2],
  };
  test('phase portrait with energy levels', () => {
    const svg = featurePhasePicture([motion, { ...motion, name: 'text 2' }], 1, size, 'a');
    elements(svg);
    expect(svg.match(/opacity="0.28"/g)!.length).toBeGreaterThan(4);
    expect(svg).toContain('text 2');
    elements(featurePhasePicture([], 1, size, 'a'));
  });
  test('T + V of the textbook and T − U of the article are one line under two names', () => {
    const tokens = ['The', ' <nurse>', ' slept', '.'];
    const [textbook, article] = (['textbook', 'article'] as const).map((kind) =>
      clockSeriesPicture(motion, tokens, size, 'a', kind),
    );
    for (const svg of [textbook!, article!]) elements(svg);
    expect(textbook).toContain('V −0.800, T + V −0.300');
    expect(article).toContain('U = −V 0.800, T − U −0.300');
    expect(textbook).toContain('&#60;nurse&#62;');
  });
});

test('any numbers make a picture', () => {
  const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(numbers, (values) => {
      const motion = {
        name: 'x',
        q: values,
        p: values.slice(1),
        kinetic: values.slice(1),
        potential: values.slice(1),
      };
      elements(featurePhasePicture([motion], 1, size, 'a'));
      elements(clockSeriesPicture(motion, [], size, 'a'));
      elements(
        dotsPicture(
          values.map((v) => ({ name: 'x', score: estimate(v) })),
          { width: 500, label: 'a', x: 'y' },
        ),
      );
      const points = values.map((v) => ({ x: estimate(v), y: estimate(-v), at: '' }));
      elements(tradeOffPicture([{ name: 'x', points }], { ...size, label: 'a', x: 'x', y: 'y' }));
      const bands = values.map((v, i) => ({ ...band(`${i}`, 'feature', v), id: `${i}` }));
      elements(
        sankeyPicture(
          {
            deltaM: values[0]!,
            columns: [
              { name: 'a', bands },
              { name: 'b', bands: [band('answer', 'answer', 1)] },
            ],
            links: bands.map(({ id, energy }) => ({ source: id, target: 'answer', energy })),
          },
          size,
          'a',
        ),
      );
    }),
    { numRuns: 25, examples: [[[0, -5e-324]]] },
  );
});
