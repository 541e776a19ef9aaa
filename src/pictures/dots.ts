/** @file Estimates as dots with their intervals, one row a name, nulls as grey rings beside them: scores and figures to compare. */
import type { Estimate } from '../core/statistics.ts';
import { type Frame, xAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey, paper } from './colours.ts';
import { extent, linear, number } from './scale.ts';
import { el, picture, text, title } from './svg.ts';

type Numbers = Pick<Estimate, 'value' | 'low' | 'high'>;

export interface DotRow {
  readonly name: string;
  readonly score: Numbers;
  /** The same figure where there is nothing to find. */
  readonly nulls?: readonly { readonly name: string; readonly score: Numbers }[];
  /** Drawn apart: a bound that is no competitor. */
  readonly faint?: boolean;
  readonly colour?: string;
}

export interface DotsOptions {
  readonly width: number;
  readonly label: string;
  /** What the numbers are, with their unit. */
  readonly x: string;
  readonly format?: (value: number) => string;
  /** Values that the axis must reach. */
  readonly reach?: readonly number[];
  /** A vertical line, e.g. chance. */
  readonly mark?: { readonly at: number; readonly name: string };
  /** Height of a row without nulls, in pixels. */
  readonly row?: number;
}

const finite = (value: number | null): value is number => value !== null && Number.isFinite(value);

/** One row for each name; its nulls stand under it as rings with thin intervals. Height follows from the rows. */
export function dotsPicture(rows: readonly DotRow[], options: DotsOptions): string {
  const { width, format = number, row = 26, mark } = options;
  const left = Math.min(width * 0.42, Math.max(90, ...rows.map((one) => one.name.length * 6.7 + 16)));
  const tall = rows.map((one) => row + 9 * (one.nulls?.length ?? 0));
  const frame: Frame = {
    left,
    right: width - 16,
    top: 26,
    bottom: 30 + tall.reduce((sum, one) => sum + one, 0),
  };
  const values = rows.flatMap(({ score, nulls = [] }) =>
    [score, ...nulls.map((one) => one.score)].flatMap(({ value, low, high }) =>
      [value, low, high].filter(finite),
    ),
  );
  const x = linear(
    extent(values, [...(options.reach ?? []), ...(mark ? [mark.at] : [])], 0.03),
    [frame.left, frame.right],
    6,
  );
  const grid = x.ticks.map((tick) =>
    el('line', { x1: x(tick), x2: x(tick), y1: frame.top, y2: frame.bottom - 4, stroke: hairline }),
  );
  let top = frame.top + 4;
  const drawn = rows.map((one, i) => {
    const y = top + row / 2;
    top += tall[i]!;
    return el(
      'g',
      one.faint ? { opacity: 0.62 } : {},
      text(0, y + 4, one.name, { fill: ink }),
      interval(one.name, one.score, y, x, one.colour ?? categories[0], false, format),
      ...(one.nulls ?? []).map(({ name, score }, j) =>
        interval(`${one.name}, ${name}`, score, y + row / 2 + 9 * (j + 0.2), x, nullGrey, true, format),
      ),
    );
  });
  return picture(
    { width, height: frame.bottom + 40 },
    options.label,
    ...grid,
    mark
      ? el('line', {
          x1: x(mark.at),
          x2: x(mark.at),
          y1: frame.top,
          y2: frame.bottom - 4,
          stroke: nullGrey,
          'stroke-dasharray': '4 3',
        }) + text(x(mark.at), 14, mark.name, { fill: inkSoft, 'text-anchor': 'middle' })
      : '',
    ...drawn,
    xAxis(x, { ...frame, bottom: frame.bottom - 6 }, options.x, format),
  );
}

function interval(
  name: string,
  { value, low, high }: Numbers,
  y: number,
  x: (value: number) => number,
  colour: string,
  isNull: boolean,
  format: (value: number) => string,
): string {
  if (!finite(value)) return text(x(0), y + 4, 'not measured', { fill: inkSoft, 'font-size': 11 });
  const known = finite(low) && finite(high);
  return el(
    'g',
    {},
    title(`${name}: ${format(value)}${known ? ` (${format(low)} to ${format(high)})` : ''}`),
    el('rect', { x: 0, y: y - 6, width: x(value) + 6, height: 12, fill: 'transparent' }),
    known
      ? el('line', { x1: x(low), x2: x(high), y1: y, y2: y, stroke: colour, 'stroke-width': isNull ? 1 : 2 })
      : '',
    el('circle', {
      cx: x(value),
      cy: y,
      r: isNull ? 3 : 4.5,
      fill: isNull ? paper : colour,
      stroke: colour,
      'stroke-width': 1.4,
    }),
  );
}
