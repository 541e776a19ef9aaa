import { describe, expect, test } from 'vitest';
import { gifOf } from '../../src/pictures/gif.ts';
import { cellColour, heatMapPicture } from '../../src/pictures/heat-map.ts';
import { pixelsOf } from '../../src/pictures/png.ts';
import { linear } from '../../src/pictures/scale.ts';
import { featureBarsPicture, stackPicture } from '../../src/pictures/stack.ts';
import { vectorsPicture } from '../../src/pictures/vectors.ts';

const size = { width: 300, height: 200 };
const rects = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"/g)].map((m) =>
    m.slice(1, 5).map(Number),
  ) as [number, number, number, number][];

describe('stack plots', () => {
  test('parts stack from zero outwards, largest first, negative ones downwards', () => {
    const svg = stackPicture([{ name: 'n0', parts: [1, 3, -2, 0] }], {
      ...size,
      label: 'stack',
      y: 'weight',
    });
    const drawn = rects(svg);
    expect(drawn).toHaveLength(3);
    const [large, negative, small] = drawn;
    // Heights in the ratio 3 : 2 : 1, but for the hair between them.
    expect(large![3]! + 0.6).toBeCloseTo(3 * (small![3]! + 0.6), 0);
    expect(negative![3]! + 0.6).toBeCloseTo(2 * (small![3]! + 0.6), 0);
    expect(small![1]!).toBeLessThan(large![1]!);
    expect(negative![1]!).toBeGreaterThan(large![1]!);
  });
  test('a feature with a direction of its own is all blue, a shared one all orange', () => {
    const svg = featureBarsPicture(
      [
        { name: '0', norm: 1, interference: 0 },
        { name: '1', norm: 0.5, interference: 1.7 },
      ],
      size,
      'bars',
    );
    const opacities = [...svg.matchAll(/fill-opacity="([\d.]+)"/g)].map((m) => Number(m[1]));
    expect(opacities).toEqual([1, 0, 0, 1]);
  });
});

describe('heat maps', () => {
  const signed = { kind: 'signed' } as const;
  test('zero is white, signs are blue and orange, what is no number is grey', () => {
    expect(cellColour(0, signed)).toBe('rgb(252,252,250)');
    expect(cellColour(1, signed)).toBe('rgb(20,100,180)');
    expect(cellColour(-1, signed)).toBe('rgb(205,95,0)');
    expect(cellColour(Number.NaN, signed)).toContain('--null');
  });
  test('row 0 is at the top of a matrix and at the bottom of a graph', () => {
    const draw = (upward: boolean) =>
      rects(
        heatMapPicture([1, 0, 0, 1], [2, 2], {
          ...size,
          label: 'map',
          colours: signed,
          x: 'x',
          y: 'y',
          upward,
        }),
      )[0]![1];
    expect(draw(false)).toBeLessThan(draw(true));
  });
  test('a curve in data units lies where the scales put it', () => {
    const svg = heatMapPicture([0, 1], [1, 2], {
      ...size,
      label: 'map',
      colours: { kind: 'category', names: ['off', 'on'] },
      x: 'x',
      y: 'y',
      xScale: (range) => linear([0, 1], range),
      yScale: (range) => linear([0, 1], range),
      curves: [
        {
          name: 'boundary',
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
    });
    // Frame: 56 … 286 across; from 154 (bottom) up to 50, below the legend.
    expect(svg).toContain('d="M56.0 154.0L286.0 50.0"');
  });
});

test('dropped features are a dot in the middle, the others arrows of their length', () => {
  const svg = vectorsPicture(
    [
      { name: 'a', x: 1, y: 0, feature: 0 },
      { name: 'b', x: 0, y: 0.5, feature: 1 },
      { name: 'c', x: 0.001, y: 0, feature: 2 },
    ],
    { width: 200, height: 200, label: 'plane', reach: 1 },
  );
  expect(svg).toContain('x2="182"');
  expect(svg).toContain('y2="59"');
  expect(svg).toContain('1 dropped');
});

test('a film has one frame for each picture, of their size, and loops', async () => {
  const frames = [0.2, 0.6, 1].map((x) =>
    vectorsPicture([{ name: 'a', x, y: 0, feature: 0 }], { width: 60, height: 60, label: 'plane', reach: 1 }),
  );
  const bytes = await gifOf(frames, { delay: 50, hold: 500 });
  expect(new TextDecoder('latin1').decode(bytes.slice(0, 6))).toBe('GIF89a');
  expect([bytes[6]! + 256 * bytes[7]!, bytes[8]! + 256 * bytes[9]!]).toEqual([60, 60]);
  const text = new TextDecoder('latin1').decode(bytes);
  expect(text).toContain('NETSCAPE2.0');
  // Graphic control extensions: delays of 5, 5 and 50 hundredths.
  const delays: number[] = [];
  for (let i = 0; i < bytes.length - 6; i++) {
    if (bytes[i] === 0x21 && bytes[i + 1] === 0xf9 && bytes[i + 2] === 4)
      delays.push(bytes[i + 4]! + 256 * bytes[i + 5]!);
  }
  expect(delays).toEqual([5, 5, 50]);
  expect((await pixelsOf(frames[0]!, 1)).rgba).toHaveLength(60 * 60 * 4);
});
