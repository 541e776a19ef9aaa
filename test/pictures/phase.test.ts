import { describe, expect, test } from 'vitest';
import { contour, sampleGrid } from '../../src/pictures/contour.ts';
import { phasePicture, sectionPicture } from '../../src/pictures/phase.ts';
import { pngOf } from '../../src/pictures/png.ts';

const size = { width: 400, height: 300 };
const plane = { label: 'a circle', xName: 'q', yName: 'p', x: [-2, 2], y: [-2, 2] } as const;
const circle = Array.from({ length: 200 }, (_, i) => (2 * Math.PI * i) / 199);
const orbit = { name: 'circle', x: circle.map(Math.cos), y: circle.map(Math.sin) };

describe('contour lines', () => {
  const grid = sampleGrid((x, y) => x * x + y * y, [-2, 2], [-2, 2], 201, 201);
  test('a circle is one closed line of the right radius and length', () => {
    const lines = contour(grid, 1);
    expect(lines).toHaveLength(1);
    const line = lines[0]!;
    expect(line.at(-1)).toEqual(line[0]);
    for (const [x, y] of line) expect(Math.hypot(x, y)).toBeCloseTo(1, 3);
    const length = line
      .slice(1)
      .reduce((sum, [x, y], i) => sum + Math.hypot(x - line[i]![0], y - line[i]![1]), 0);
    expect(length).toBeCloseTo(2 * Math.PI, 2);
  });
  test('a line that leaves the grid is open', () => {
    const [line] = contour(
      sampleGrid((x) => x, [-1, 1], [-1, 1], 11, 11),
      0.13,
    );
    expect(line!.map(([x]) => x).every((x) => Math.abs(x - 0.13) < 1e-12)).toBe(true);
    expect(line!.map(([, y]) => y).sort((a, b) => a - b)[0]).toBe(-1);
    expect(line!.at(-1)).not.toEqual(line![0]);
  });
  test('a level that is nowhere reached gives nothing; cells without a number are left out', () => {
    expect(contour(grid, 99)).toEqual([]);
    expect(
      contour(
        sampleGrid((x) => (x < 0 ? Number.NaN : x), [-1, 1], [0, 1], 21, 3),
        -0.5,
      ),
    ).toEqual([]);
  });
});

describe('phase pictures', () => {
  const energy = { grid: sampleGrid((q, p) => (q * q + p * p) / 2, [-2, 2], [-2, 2]), levels: [0.2, 0.5] };
  test('levels, separatrix and orbit are drawn, the orbit with its name', () => {
    const svg = phasePicture([orbit], {
      ...size,
      ...plane,
      energy,
      separatrix: [{ level: 1, name: 'edge' }],
    });
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(1);
    expect(svg).toContain('<title>edge</title>');
    expect(svg).toContain('<title>circle</title>');
  });
  test('a shorter time draws less of the orbit', () => {
    const ends = (until: number) =>
      /<circle cx="([\d.]+)"/.exec(phasePicture([orbit], { ...size, ...plane }, until))![1];
    expect(Number(ends(0.5))).toBeLessThan(Number(ends(1)));
  });
  test('a section has one mark per point', () => {
    const svg = sectionPicture([orbit], { ...size, ...plane });
    expect(svg.match(/h0/g)).toHaveLength(200);
  });
});

test('PNG: the size asked for, paper behind, ink on it', async () => {
  const png = await pngOf(phasePicture([orbit], { ...size, ...plane }), 2);
  const view = new DataView(png.buffer, png.byteOffset);
  expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  expect([view.getUint32(16), view.getUint32(20)]).toEqual([800, 600]);
  const empty = await pngOf(phasePicture([], { ...size, ...plane }), 2);
  expect(png.length).toBeGreaterThan(1.2 * empty.length);
});
