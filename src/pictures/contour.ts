/** @file Contour lines of a function on a grid, by marching squares with linear interpolation (Lorensen and Cline's idea in 2-D). */

/** Values on a regular grid, row by row: value of (x_i, y_j) at `j * columns + i`. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly values: Float64Array;
}

/** Samples `f` on a grid of `columns` × `rows` points. */
export function sampleGrid(
  f: (x: number, y: number) => number,
  x: readonly [number, number],
  y: readonly [number, number],
  columns = 161,
  rows = 121,
): Grid {
  const values = new Float64Array(columns * rows);
  for (let j = 0; j < rows; j++) {
    const v = y[0] + ((y[1] - y[0]) * j) / (rows - 1);
    for (let i = 0; i < columns; i++) {
      values[j * columns + i] = f(x[0] + ((x[1] - x[0]) * i) / (columns - 1), v);
    }
  }
  return { columns, rows, x, y, values };
}

export type Point = readonly [number, number];

/** A place where the line crosses an edge of the grid, and the crossings it is joined to (two inside, one at the border). */
interface Crossing {
  readonly point: Point;
  readonly joined: number[];
}

/** The line f = level as polylines in the grid's own coordinates; a closed one ends where it begins. */
export function contour(grid: Grid, level: number): Point[][] {
  const crossings = crossingsOf(grid, level);
  const lines: Point[][] = [];
  const seen = new Set<number>();
  const follow = (start: number): void => {
    if (seen.has(start)) return;
    const line: Point[] = [];
    let at: number | undefined = start;
    while (at !== undefined) {
      seen.add(at);
      const crossing: Crossing = crossings.get(at)!;
      line.push(crossing.point);
      at = crossing.joined.find((next) => !seen.has(next));
    }
    const first = crossings.get(start)!;
    if (line.length > 2 && first.joined.length === 2) line.push(first.point);
    lines.push(line);
  };
  for (const [key, { joined }] of crossings) if (joined.length === 1) follow(key);
  for (const key of crossings.keys()) follow(key);
  return lines;
}

/** All crossings by edge: 2 × the index of its first grid point, plus 1 for an edge along y. */
function crossingsOf({ columns, rows, x, y, values }: Grid, level: number): Map<number, Crossing> {
  const dx = (x[1] - x[0]) / (columns - 1);
  const dy = (y[1] - y[0]) / (rows - 1);
  const crossings = new Map<number, Crossing>();
  const crossing = (key: number): void => {
    if (crossings.has(key)) return;
    const first = key >> 1;
    const upwards = key & 1;
    const [a, b] = [values[first]! - level, values[first + (upwards ? columns : 1)]! - level];
    const t = a / (a - b);
    const point: Point = [
      x[0] + dx * ((first % columns) + (upwards ? 0 : t)),
      y[0] + dy * (Math.floor(first / columns) + (upwards ? t : 0)),
    ];
    crossings.set(key, { point, joined: [] });
  };
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const at = j * columns + i;
      const corners = [at, at + 1, at + columns + 1, at + columns].map((k) => values[k]! - level);
      if (!corners.every(Number.isFinite)) continue;
      const edges = [2 * at, 2 * (at + 1) + 1, 2 * (at + columns), 2 * at + 1];
      const crossed = edges.filter((_, side) => corners[side]! < 0 !== corners[(side + 1) % 4]! < 0);
      for (let k = 0; k + 1 < crossed.length; k += 2) {
        const [a, b] = [crossed[k]!, crossed[k + 1]!];
        crossing(a);
        crossing(b);
        crossings.get(a)!.joined.push(b);
        crossings.get(b)!.joined.push(a);
      }
    }
  }
  return crossings;
}
