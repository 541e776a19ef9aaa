/** @file Lines with bands: the common ground of the faithfulness curve, the edit's strengths and the training curves. */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { hairline, ink } from './colours.ts';
import { extent, linear, logarithmic, number } from './scale.ts';
import { band, el, picture, polyline, type Size, text, title } from './svg.ts';

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** A null: drawn dashed. */
  readonly dashed?: boolean;
  readonly points: readonly LinePoint[];
}

export interface LinesOptions extends Size {
  readonly label: string;
  readonly x: string;
  readonly y: string;
  readonly logX?: boolean;
  /** Logarithmic y: values must be positive; 0 is not shown. */
  readonly logY?: boolean;
  /** Values that the y axis must reach. */
  readonly reach?: readonly number[];
  /** A vertical mark, e.g. the chosen size. */
  readonly mark?: { readonly x: number; readonly name: string };
  readonly formatX?: (value: number) => string;
  readonly formatY?: (value: number) => string;
  /** Room for the lines' names at the right. */
  readonly names?: number;
}

/** One picture of several lines, each with its interval as a band and its name at its right end; points without a number are left out. */
export function linesPicture(given: readonly Line[], options: LinesOptions): string {
  const lines = given.map((line) => ({
    ...line,
    points: line.points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const { width, height, formatX = number, formatY = number, names = 104 } = options;
  const frame: Frame = { left: 52, right: width - names, top: 28, bottom: height - 46 };
  const points = lines.flatMap((line) => line.points);
  const xs = extent(
    points.map((p) => p.x),
    options.mark ? [options.mark.x] : [],
  );
  const ys = extent(
    points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]).filter((y) => !options.logY || y > 0),
    options.reach ?? (options.logY ? [] : [0]),
    options.logY ? 0 : 0.03,
  );
  const x = options.logX ? logarithmic(xs, [frame.left, frame.right]) : linear(xs, [frame.left, frame.right]);
  const y = (options.logY ? logarithmic : linear)(ys, [frame.bottom, frame.top]);
  const mark = options.mark
    ? el('line', {
        x1: x(options.mark.x),
        x2: x(options.mark.x),
        y1: frame.top,
        y2: frame.bottom,
        stroke: ink,
        opacity: 0.55,
      }) + text(x(options.mark.x), frame.top - 6, options.mark.name, { fill: ink, 'text-anchor': 'middle' })
    : '';
  return picture(
    options,
    options.label,
    yAxis(y, frame, options.y, formatY),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    mark,
    ...lines.map((line) => drawLine(options.logY ? positive(line) : line, x, y, formatX, formatY)),
    endLabels(lines, y, frame.right + 10),
    xAxis(x, frame, options.x, formatX),
  );
}

const positive = (line: Line): Line => ({ ...line, points: line.points.filter((p) => p.y > 0) });

function drawLine(
  line: Line,
  x: (v: number) => number,
  y: (v: number) => number,
  formatX: (v: number) => string,
  formatY: (v: number) => string,
): string {
  const sorted = [...line.points].sort((a, b) => a.x - b.x);
  const banded = sorted.length > 0 && sorted.every((p) => Number.isFinite(p.low) && Number.isFinite(p.high));
  const area = banded
    ? el('path', {
        d: band(
          sorted.map((p) => x(p.x)),
          sorted.map((p) => y(p.low!)),
          sorted.map((p) => y(p.high!)),
        ),
        fill: line.colour,
        opacity: 0.16,
      })
    : '';
  const path = el('path', {
    d: polyline(sorted.map((p) => [x(p.x), y(p.y)])),
    fill: 'none',
    stroke: line.colour,
    'stroke-width': 2,
    'stroke-linejoin': 'round',
    'stroke-dasharray': line.dashed ? '5 4' : undefined,
  });
  const dots =
    sorted.length > 30
      ? []
      : sorted.map((p) => {
          const interval =
            p.low === undefined || p.high === undefined ? '' : ` (${formatY(p.low)} to ${formatY(p.high)})`;
          return el(
            'circle',
            { cx: x(p.x), cy: y(p.y), r: 3, fill: line.colour },
            title(`${line.name} at ${formatX(p.x)}: ${formatY(p.y)}${interval}`),
          );
        });
  return el('g', {}, area, path, ...dots);
}

/** Names at the right ends, pushed apart so that none covers another. */
function endLabels(lines: readonly Line[], y: (v: number) => number, x: number): string {
  const ends = lines
    .filter((line) => line.points.length > 0)
    .map((line) => ({ line, at: y(line.points.reduce((a, b) => (b.x >= a.x ? b : a)).y) }))
    .sort((a, b) => a.at - b.at);
  let last = Number.NEGATIVE_INFINITY;
  return ends
    .map(({ line, at }) => {
      last = Math.max(at, last + 15);
      return (
        el('line', { x1: x - 6, x2: x, y1: last, y2: last, stroke: line.colour, 'stroke-width': 2 }) +
        text(x + 4, last + 4, line.name, { fill: ink })
      );
    })
    .join('');
}
