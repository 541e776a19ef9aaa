/** @file Matrices as coloured cells: signed values around white (WᵀW, correlations), phases by category. */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, inkSoft, nullGrey } from './colours.ts';
import { number, type Scale } from './scale.ts';
import { el, picture, type Size, text, title } from './svg.ts';

/** How a value becomes a colour. */
export type CellColours =
  /** Blue for positive, orange for negative, white at 0; full at ±reach (the largest size by default). */
  | { readonly kind: 'signed'; readonly reach?: number }
  /** The value is the number of a category; its name is in the legend. */
  | { readonly kind: 'category'; readonly names: readonly string[] };

export interface HeatMapOptions extends Size {
  readonly label: string;
  readonly colours: CellColours;
  readonly x: string;
  readonly y: string;
  /** The outer edges of the grid as scales in data units: cells are then drawn between equal steps in pixels. */
  readonly xScale?: (range: [number, number]) => Scale;
  readonly yScale?: (range: [number, number]) => Scale;
  readonly formatX?: (value: number) => string;
  readonly formatY?: (value: number) => string;
  /** Row 0 at the bottom, as in a graph; otherwise at the top, as a matrix is written. */
  readonly upward?: boolean;
  /** Curves over the cells in data units (needs both scales), e.g. a boundary in closed form. */
  readonly curves?: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
  /** The words of a cell's tooltip. */
  readonly cell?: (row: number, column: number, value: number) => string;
}

const blend = (from: readonly number[], to: readonly number[], t: number): string =>
  `rgb(${from.map((value, i) => Math.round(value + (to[i]! - value) * t)).join(',')})`;

const white = [252, 252, 250];
const blue = [20, 100, 180];
const orange = [205, 95, 0];

/** The colour of one value; what is not finite, or no category, is grey. */
export function cellColour(value: number, colours: CellColours, reach = 1): string {
  if (!Number.isFinite(value)) return nullGrey;
  if (colours.kind === 'category') return categories[value % categories.length] ?? nullGrey;
  const t = Math.min(1, Math.abs(value) / (reach || 1));
  return blend(white, value >= 0 ? blue : orange, t);
}

/** `rows` × `columns` cells, row-major. */
export function heatMapPicture(
  values: ArrayLike<number>,
  [rows, columns]: readonly [number, number],
  options: HeatMapOptions,
): string {
  const { width, height, colours } = options;
  const legendRoom = colours.kind === 'category' ? 22 : 0;
  const frame: Frame = { left: 56, right: width - 14, top: 28 + legendRoom, bottom: height - 46 };
  const wide = (frame.right - frame.left) / Math.max(1, columns);
  const high = (frame.bottom - frame.top) / Math.max(1, rows);
  let reach = 0;
  for (let i = 0; i < values.length; i++)
    if (Number.isFinite(values[i]!)) reach = Math.max(reach, Math.abs(values[i]!));
  if (colours.kind === 'signed' && colours.reach !== undefined) reach = colours.reach;
  const cells: string[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = values[r * columns + c]!;
      const top = options.upward ? frame.bottom - (r + 1) * high : frame.top + r * high;
      cells.push(
        el(
          'rect',
          {
            x: frame.left + c * wide,
            y: top,
            // A hair wider than the cell, so that no seam shows between neighbours.
            width: wide + 0.3,
            height: high + 0.3,
            fill: cellColour(value, colours, reach),
          },
          title(options.cell?.(r, c, value) ?? `row ${r}, column ${c}: ${number(value)}`),
        ),
      );
    }
  }
  const x = options.xScale?.([frame.left, frame.right]);
  const y = options.yScale?.([frame.bottom, frame.top]);
  const curves =
    x && y
      ? (options.curves ?? []).map(({ name, points }) =>
          el(
            'path',
            {
              d: points
                .map(([a, b], i) => `${i === 0 ? 'M' : 'L'}${x(a).toFixed(1)} ${y(b).toFixed(1)}`)
                .join(''),
              fill: 'none',
              stroke: '#17191e',
              'stroke-width': 1.6,
              'stroke-dasharray': '5 4',
            },
            title(name),
          ),
        )
      : [];
  const legend =
    colours.kind === 'category'
      ? colours.names.map((name, i) => {
          const left =
            frame.left + colours.names.slice(0, i).reduce((sum, n) => sum + n.length * 6.6 + 30, 0);
          return (
            el('rect', {
              x: left,
              y: 22,
              width: 11,
              height: 11,
              rx: 2,
              fill: categories[i % categories.length]!,
            }) + text(left + 16, 32, name, { fill: inkSoft })
          );
        })
      : [];
  return picture(
    options,
    options.label,
    y
      ? yAxis(y, { ...frame, top: legendRoom > 0 ? 24 : frame.top }, options.y, options.formatY)
      : text(frame.left, 18, options.y, { fill: inkSoft }),
    el('g', { 'shape-rendering': 'crispEdges' }, ...cells),
    ...curves,
    el('rect', {
      x: frame.left,
      y: frame.top,
      width: frame.right - frame.left,
      height: frame.bottom - frame.top,
      fill: 'none',
      stroke: hairline,
    }),
    ...legend,
    x
      ? xAxis(x, frame, options.x, options.formatX)
      : text(frame.right, frame.bottom + 20, options.x, { 'text-anchor': 'end', fill: inkSoft }),
  );
}
