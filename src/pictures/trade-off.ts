/** @file Trade-off curves: what an edit gains against what it costs, the whole curve of each method with its intervals. */
import type { Estimate } from '../core/statistics.ts';
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, ink, nullGrey } from './colours.ts';
import { extent, linear, logarithmic, number } from './scale.ts';
import { el, picture, polyline, type Size, text, title } from './svg.ts';

type Numbers = Pick<Estimate, 'value' | 'low' | 'high'>;

export interface TradeOffLine {
  readonly name: string;
  readonly colour?: string;
  /** A null or a bound: drawn dashed. */
  readonly dashed?: boolean;
  /** In the order of the edit's strength: the line is drawn in this order, however it turns. */
  readonly points: readonly { readonly x: Numbers; readonly y: Numbers; readonly at: string }[];
}

export interface TradeOffOptions extends Size {
  readonly label: string;
  /** Names of the axes with what is better. */
  readonly x: string;
  readonly y: string;
  /** Logarithmic x, e.g. of KL: values of 0 stand at the left edge. */
  readonly logX?: boolean;
  readonly formatX?: (value: number) => string;
  readonly formatY?: (value: number) => string;
}

const known = (value: number | null): value is number => value !== null && Number.isFinite(value);
/** Colours twice round: the second round has hollow marks. */
const colourOf = (line: TradeOffLine, i: number): string =>
  line.colour ?? (line.dashed ? nullGrey : categories[i % categories.length]!);

/** One line a method through its points by strength, with crosses of intervals; the last point is the full edit. */
export function tradeOffPicture(lines: readonly TradeOffLine[], options: TradeOffOptions): string {
  const { width, height, formatX = number, formatY = number } = options;
  const names = Math.min(0.4 * width, Math.max(90, ...lines.map((line) => line.name.length * 6.6 + 30)));
  const frame: Frame = { left: 56, right: width - names, top: 28, bottom: height - 46 };
  const points = lines.flatMap((line) => line.points);
  const ends = ({ value, low, high }: Numbers) => [value, low, high].filter(known);
  const xs = points.flatMap((p) => ends(p.x)).filter((v) => !options.logX || v > 0);
  const x = options.logX
    ? logarithmic(extent(xs), [frame.left, frame.right])
    : linear(extent(xs, [], 0.03), [frame.left, frame.right], 6);
  const y = linear(
    extent(
      points.flatMap((p) => ends(p.y)),
      [],
      0.04,
    ),
    [frame.bottom, frame.top],
  );
  const at = (value: number) => Math.max(frame.left, x(value));
  const drawn = lines.map((line, i) => {
    const colour = colourOf(line, i);
    const shown = line.points.filter((p) => known(p.x.value) && known(p.y.value));
    const last = shown.length - 1;
    return el(
      'g',
      { 'data-line': line.name },
      el('path', {
        d: polyline(shown.map((p) => [at(p.x.value), y(p.y.value)])),
        fill: 'none',
        stroke: colour,
        'stroke-width': 2,
        'stroke-linejoin': 'round',
        'stroke-dasharray': line.dashed ? '5 4' : undefined,
      }),
      ...shown.map((p, j) => {
        const [cx, cy] = [at(p.x.value), y(p.y.value)];
        const cross = (a: Numbers, vertical: boolean) =>
          known(a.low) && known(a.high)
            ? el('line', {
                ...(vertical
                  ? { x1: cx, x2: cx, y1: y(a.low), y2: y(a.high) }
                  : { x1: at(a.low), x2: at(a.high), y1: cy, y2: cy }),
                stroke: colour,
                opacity: 0.4,
              })
            : '';
        return el(
          'g',
          {},
          title(`${line.name}, ${p.at}: ${formatX(p.x.value)} · ${formatY(p.y.value)}`),
          cross(p.x, false),
          cross(p.y, true),
          el('circle', { cx, cy, r: j === last ? 4.5 : 2.6, fill: colour }),
        );
      }),
    );
  });
  return picture(
    options,
    options.label,
    yAxis(y, frame, options.y, formatY),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    ...drawn,
    ...legend(lines, frame),
    xAxis(x, frame, options.x, formatX),
  );
}

/** Names one under another at the right: ends of curves lie too near each other to carry them. */
const legend = (lines: readonly TradeOffLine[], frame: Frame): string[] =>
  lines.map((line, i) => {
    const [x, y] = [frame.right + 14, frame.top + 8 + 17 * i];
    return (
      el('line', {
        x1: x,
        x2: x + 14,
        y1: y,
        y2: y,
        stroke: colourOf(line, i),
        'stroke-width': 2.5,
        'stroke-dasharray': line.dashed ? '4 3' : undefined,
      }) + text(x + 19, y + 4, line.name, { fill: ink })
    );
  });
