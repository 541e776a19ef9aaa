/** @file Every picture is well formed for any numbers: none, one, equal ones, denormal and huge ones, and what is no number. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTokenBars } from '../../src/pictures/bars.ts';
import { budgetPicture } from '../../src/pictures/budget.ts';
import { circuitPicture } from '../../src/pictures/circuit.ts';
import { comparisonPicture } from '../../src/pictures/comparison.ts';
import { sampleGrid } from '../../src/pictures/contour.ts';
import {
  faithfulnessPicture,
  frontierPicture,
  learningPicture,
  strengthPicture,
} from '../../src/pictures/curves.ts';
import { dotsPicture } from '../../src/pictures/dots.ts';
import { dumbbellPicture } from '../../src/pictures/dumbbell.ts';
import { clockSeriesPicture, featurePhasePicture } from '../../src/pictures/feature-motion.ts';
import { type CellColours, heatMapPicture } from '../../src/pictures/heat-map.ts';
import { linesPicture } from '../../src/pictures/lines.ts';
import { pendulumPicture } from '../../src/pictures/pendulum.ts';
import { phasePicture, sectionPicture } from '../../src/pictures/phase.ts';
import { sankeyPicture } from '../../src/pictures/sankey.ts';
import { extent, fixed, linear, logarithmic, number, percent } from '../../src/pictures/scale.ts';
import { costatePicture, histogramPicture } from '../../src/pictures/small.ts';
import { featureBarsPicture, stackPicture } from '../../src/pictures/stack.ts';
import { strengthPathPicture } from '../../src/pictures/strength-path.ts';
import * as thumbs from '../../src/pictures/thumbs.ts';
import { tradeOffPicture } from '../../src/pictures/trade-off.ts';
import { vectorsPicture } from '../../src/pictures/vectors.ts';
import { elements } from './elements.ts';

const size = { width: 640, height: 320 };
const named = { ...size, label: 'a', x: 'x', y: 'y' };

const extremes = [0, -0, 5e-324, -1e-310, 1e-9, -1, 1, 12_345, 1e300, -1e300, Number.MAX_VALUE];
const noNumbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const any = fc.oneof(
  fc.constantFrom(...extremes, -Number.MAX_VALUE),
  fc.constantFrom(...noNumbers),
  fc.double({ min: -1e3, max: 1e3, noNaN: true }),
  fc.double(),
);
const values = fc.oneof(
  fc.array(any, { maxLength: 12 }),
  fc.tuple(any, fc.nat(5)).map(([value, more]) => Array<number>(more + 1).fill(value)),
);
const examples: [number[]][] = [
  [[]],
  ...[...extremes, ...noNumbers].flatMap((value): [number[]][] => [[[value]], [[value, value, value]]]),
  [extremes],
  [[Number.MAX_VALUE, -Number.MAX_VALUE]],
  [[0, 5e-324]],
];

/** Every picture of these numbers, each number in every role. */
const pictures: Readonly<Record<string, (v: readonly number[]) => string>> = {
  'next token': (v) =>
    nextTokenBars(
      v.map((probability) => ({ text: 'a', probability })),
      500,
      'a',
    ),
  budget: (v) => budgetPicture(v.map(budgetRow(v)), size, 'a'),
  circuit: (v) => circuitPicture(circuitOf(v), { width: 700 }, 'a'),
  comparison: (v) =>
    comparisonPicture(
      {
        ...{ a: { name: 'a' }, b: { name: 'b' }, shared: ['0'], onlyA: ['1'] },
        movers: v.map((a, i) => ({
          key: `${i}`,
          kind: i % 2 === 0 ? ('feature' as const) : ('error' as const),
          a,
          b: before(v, i),
        })),
      },
      size,
    ),
  faithfulness: (v) =>
    faithfulnessPicture(
      v.map((x, i) => ({
        nodes: x,
        faithfulness: around(v, i),
        completeness: around(v, i + 1),
        random: around(v, i + 2),
      })),
      v.find(Number.isFinite),
      size,
    ),
  strength: (v) =>
    strengthPicture(
      v.map((strength, i) => ({ method: 'features', strength, biasAfter: around(v, i) })),
      around(v, 0),
      size,
    ),
  learning: (v) =>
    learningPicture([{ name: 'x', curve: v.map((tokens, i) => ({ tokens, fve: before(v, i) })) }], size),
  frontier: (v) =>
    frontierPicture(
      v.map((l0, i) => ({ name: `features=${i % 2} k=1`, l0, fve: before(v, i) })),
      size,
    ),
  'lines, logarithmic': (v) =>
    linesPicture(
      [
        {
          name: 'a',
          colour: 'red',
          points: v.map((y, i) => ({ x: before(v, i), y, low: y, high: before(v, i) })),
        },
      ],
      { ...named, logX: true, logY: true },
    ),
  dots: (v) =>
    dotsPicture(
      v.map((_, i) => ({ name: 'x', score: around(v, i), nulls: [{ name: 'n', score: around(v, i + 1) }] })),
      { ...named, mark: { at: 0, name: 'chance' } },
    ),
  dumbbell: (v) =>
    dumbbellPicture(
      v.map((lean, i) => ({ occupation: 'x', percentWomen: lean, before: lean, after: before(v, i) })),
      { width: 500 },
      'a',
    ),
  'feature phase': (v) => featurePhasePicture([motion(v)], v.at(-1) ?? 1, size, 'a'),
  'feature clock': (v) => clockSeriesPicture(motion(v), [], size, 'a'),
  pendulum: (v) => pendulumPicture(v, size),
  phase: (v) => phasePicture([{ name: 'a', x: v, y: [...v].reverse() }], plane(v)),
  section: (v) => sectionPicture([{ name: 'a', x: v, y: [...v].reverse() }], plane(v)),
  sankey: (v) => sankeyPicture(flowOf(v), size, 'a'),
  costate: (v) =>
    costatePicture(
      v.map((value, cut) => ({ cut, value })),
      size,
    ),
  histogram: (v) => {
    const edges = v.filter(Number.isFinite).sort((a, b) => a - b);
    const bins = edges.slice(1).map((to, i) => ({ from: edges[i]!, to, count: Math.abs(to) }));
    return histogramPicture(bins, size, 'a', 'x');
  },
  stack: (v) => stackPicture([{ name: 'n', parts: v }], { ...named }),
  'feature bars': (v) =>
    featureBarsPicture(
      v.map((norm, i) => ({ name: 'f', norm, interference: before(v, i) })),
      size,
      'a',
    ),
  'strength path': (v) =>
    strengthPathPicture(
      {
        times: v.map((_, i) => i / v.length),
        strengths: [{ name: 'f', pinned: true, values: v }],
        ...{ kinetic: v, potential: [...v].reverse(), energy: v },
      },
      size,
      'a',
    ),
  'trade-off': (v) =>
    tradeOffPicture(
      [{ name: 'a', points: v.map((_, i) => ({ x: around(v, i), y: around(v, i + 1), at: '' })) }],
      {
        ...named,
        logX: v.length % 2 === 0,
      },
    ),
  vectors: (v) =>
    vectorsPicture(
      v.map((x, i) => ({ name: 'f', x, y: before(v, i), feature: i })),
      named,
    ),
  'signed cells': (v) => heatMap(v, { kind: 'signed' }),
  'cells of categories': (v) => heatMap(v, { kind: 'category', names: ['a', 'b'] }),
  thumbs: (v) =>
    [
      thumbs.barsThumb(v),
      thumbs.textThumb(v[0] ?? 0),
      thumbs.curvesThumb([v]),
      thumbs.circuitThumb(circuitOf(v)),
      thumbs.budgetThumb(v.map(budgetRow(v))),
      thumbs.dumbbellThumb(v.map((lean, i) => ({ before: lean, after: before(v, i) }))),
    ].join(''),
};

/** The value before the i-th, round about. */
const before = (v: readonly number[], i: number): number => v.at((i - 1) % v.length) ?? 0;
const around = (v: readonly number[], i: number) => ({
  value: v[i % v.length] ?? 0,
  low: before(v, i),
  high: before(v, i + 2),
  n: 1,
});
const budgetRow = (v: readonly number[]) => (deltaM: number, i: number) => ({
  ...{ cut: i, site: `blocks.${i}.hook_resid_post`, deltaM },
  ...{ features: before(v, i), errors: before(v, i + 2) },
});
const motion = (v: readonly number[]) => ({
  ...{ name: 'x', q: [0, ...v], p: v, kinetic: v, potential: [...v].reverse() },
});
const plane = (v: readonly number[]) => {
  const [x, y] = [extent(v), extent(v, [1])];
  const energy = { grid: sampleGrid((a, b) => a * b, x, y, 9, 9), levels: v };
  return { ...size, label: 'a', xName: 'q', yName: 'p', x, y, energy };
};
const heatMap = (v: readonly number[], colours: CellColours) =>
  heatMapPicture(v, [1, v.length], { ...named, colours, xScale: (range) => linear(extent(v), range) });
const circuitOf = (v: readonly number[]) => ({
  nodes: [
    ...v.map((effect, i) => ({
      id: `${i}`,
      kind: 'feature' as const,
      cut: 1 + (i % 3),
      position: i % 2,
      effect,
    })),
    { id: 'answer', kind: 'output' as const, cut: 9, position: 1, effect: v[0] ?? 0 },
  ],
  edges: v.map((weight, i) => ({ source: `${i}`, target: 'answer', weight })),
  positions: { labels: ['a', 'b'], exampleTokens: ['x', 'y'] },
});
const flowOf = (v: readonly number[]) => {
  const bands = v.map((energy, i) => ({ id: `${i}`, kind: 'feature' as const, name: 'f', energy }));
  const answer = { id: 'answer', kind: 'answer' as const, name: 'answer', energy: v[0] ?? 0 };
  return {
    deltaM: v.at(-1) ?? 0,
    columns: [
      { name: 'a', bands, energy: v[0] ?? 0 },
      { name: 'b', bands: [answer] },
    ],
    links: bands.map(({ id, energy }) => ({ source: id, target: 'answer', energy })),
  };
};

test.each(Object.entries(pictures))('%s', (_, draw) => {
  fc.assert(
    fc.property(values, (v) => {
      elements(draw(v));
    }),
    { numRuns: 25, examples },
  );
});

test('scales put every number somewhere, with few ticks, and every number can be written', () => {
  fc.assert(
    fc.property(values, any, (v, one) => {
      for (const make of [linear, logarithmic]) {
        const scale = make(extent(v, [], 0.05), [0, 300]);
        for (const value of [...v, one, ...scale.ticks])
          if (!Number.isNaN(value)) expect(Number.isFinite(scale(value))).toBe(true);
        expect(scale.ticks.length).toBeLessThan(20);
      }
      for (const written of [number(one), fixed(one, 3), percent(one)])
        expect(written).not.toMatch(/NaN|Infinity/);
    }),
    { examples: examples.map(([v]) => [v, v[0] ?? 0]) },
  );
});
