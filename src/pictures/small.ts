/** @file Small pictures: a histogram, and the costate's products that should be one flat line. */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, nullGrey } from './colours.ts';
import { extent, fixed, largestSize, linear, number } from './scale.ts';
import { el, picture, type Size, title } from './svg.ts';

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts per bin; heights are square roots so that rare strong activations stay visible (said on the axis). */
export function histogramPicture(bins: readonly Bin[], size: Size, label: string, xName: string): string {
  const frame: Frame = { left: 44, right: size.width - 8, top: 24, bottom: size.height - 42 };
  const top = Math.max(1, ...bins.map((bin) => Math.sqrt(bin.count)));
  const x = linear([bins[0]?.from ?? 0, bins.at(-1)?.to ?? 1], [frame.left, frame.right], 4);
  const y = linear([0, top], [frame.bottom, frame.top], 3);
  const bars = bins.map((bin) =>
    el(
      'rect',
      {
        x: x(bin.from) + 0.5,
        width: Math.max(1, x(bin.to) - x(bin.from) - 1),
        y: y(Math.sqrt(bin.count)),
        height: frame.bottom - y(Math.sqrt(bin.count)),
        fill: categories[0],
      },
      title(`${number(bin.from)} to ${number(bin.to)}: ${bin.count.toLocaleString('en-US')} tokens`),
    ),
  );
  return picture(
    size,
    label,
    yAxis(y, frame, 'tokens (square-root scale)', (v) => number(Math.round(v * v))),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    ...bars,
    xAxis(x, frame, xName),
  );
}

/** ⟨λ, δx⟩ at every cut, as parts per million off their mean: the invariant says they are all equal. */
export function costatePicture(given: readonly { cut: number; value: number }[], size: Size): string {
  const products = given.filter(({ value }) => Number.isFinite(value));
  const frame: Frame = { left: 56, right: size.width - 12, top: 28, bottom: size.height - 44 };
  const [low, high] = extent(products.map((p) => p.value));
  const sum = products.reduce((part, p) => part + p.value / products.length, 0);
  const mean = Math.min(high, Math.max(low, sum));
  const off = products.map((p) => ((p.value - mean) / Math.abs(mean || 1)) * 1e6);
  const reach = largestSize(off, 1) * 1.15;
  const x = linear(extent(products.map((p) => p.cut)), [frame.left, frame.right], 6);
  const y = linear([-reach, reach], [frame.bottom, frame.top], 4);
  const marks = products.map((p, i) =>
    el(
      'circle',
      { cx: x(p.cut), cy: y(off[i]!), r: 3, fill: categories[0] },
      title(`cut ${p.cut}: ${number(p.value, 7)}`),
    ),
  );
  return picture(
    size,
    'Product of costate and tangent at every cut, in parts per million off their mean',
    yAxis(y, frame, 'parts per million off the mean', (v) => fixed(v, reach < 4 ? 1 : 0)),
    el('line', {
      x1: frame.left,
      x2: frame.right,
      y1: y(0),
      y2: y(0),
      stroke: nullGrey,
      'stroke-dasharray': '4 3',
    }),
    ...marks,
    xAxis(x, frame, 'cut (blocks passed)', (v) => fixed(v, 0)),
  );
}
