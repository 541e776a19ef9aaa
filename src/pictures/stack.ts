/** @file Stack plots: one column for each neuron, built from the features that it reads, each in its own colour (Elhage et al. 2022). */
import { type Frame, yAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey } from './colours.ts';
import { extent, linear, number } from './scale.ts';
import { el, picture, type Size, text, title } from './svg.ts';

export interface StackColumn {
  /** The neuron's name, under its column. */
  readonly name: string;
  /** One signed part for each feature, in their order: positive parts stack up from 0, negative ones down. */
  readonly parts: ArrayLike<number>;
}

export interface StackOptions extends Size {
  readonly label: string;
  /** The name of the vertical axis: what a part's height is. */
  readonly y: string;
  /** The feature's name in tooltips and in the legend. */
  readonly featureName?: (feature: number) => string;
  /** Heights that the axis must reach, so that two plots can be compared. */
  readonly reach?: readonly number[];
}

/** The colour of feature i of a toy model: the categories, darker after each round so that twenty stay apart. */
export function toyColour(feature: number): { readonly fill: string; readonly opacity: number } {
  const round = Math.floor(feature / categories.length);
  return { fill: categories[feature % categories.length]!, opacity: Math.max(0.25, 1 - 0.22 * round) };
}

/**
 * Columns of stacked parts. A neuron of one colour reads one feature (monosemantic); one of many colours is tangled.
 * Within a column the largest parts lie nearest to 0; parts below 0.2 % of the axis are left out.
 */
export function stackPicture(columns: readonly StackColumn[], options: StackOptions): string {
  const { width, height, featureName = (f: number) => `feature ${f}` } = options;
  const frame: Frame = { left: 48, right: width - 12, top: 28, bottom: height - 28 };
  const sums = columns.map(({ parts }) => {
    let up = 0;
    let down = 0;
    for (let f = 0; f < parts.length; f++) {
      if (parts[f]! > 0) up += parts[f]!;
      else if (parts[f]! < 0) down += parts[f]!;
    }
    return [down, up] as const;
  });
  const range = extent(sums.flat(), [0, ...(options.reach ?? [])], 0.02);
  const y = linear(range, [frame.bottom, frame.top]);
  const least = (range[1] - range[0]) / 500;
  const pitch = (frame.right - frame.left) / Math.max(1, columns.length);
  const wide = Math.min(64, pitch * 0.78);
  const every = Math.ceil(28 / pitch);
  const drawn = columns.map(({ name, parts }, c) => {
    const left = frame.left + pitch * (c + 0.5) - wide / 2;
    const order = Array.from({ length: parts.length }, (_, f) => f)
      .filter((f) => Math.abs(parts[f]!) > least)
      .sort((a, b) => Math.abs(parts[b]!) - Math.abs(parts[a]!) || a - b);
    let up = 0;
    let down = 0;
    const pieces = order.map((f) => {
      const part = parts[f]!;
      const from = part > 0 ? up : down;
      const to = from + part;
      if (part > 0) up = to;
      else down = to;
      const top = Math.min(y(from), y(to));
      const { fill, opacity } = toyColour(f);
      return el(
        'rect',
        {
          x: left,
          y: top,
          width: wide,
          height: Math.max(0.4, Math.abs(y(to) - y(from)) - 0.6),
          fill,
          'fill-opacity': opacity,
        },
        title(`${name}, ${featureName(f)}: ${number(part)}`),
      );
    });
    const named =
      c % every === 0
        ? text(left + wide / 2, frame.bottom + 16, name, { 'text-anchor': 'middle', fill: inkSoft })
        : '';
    return el('g', {}, ...pieces, named);
  });
  return picture(
    options,
    options.label,
    yAxis(y, frame, options.y),
    ...drawn,
    el('line', { x1: frame.left, x2: frame.right, y1: y(0), y2: y(0), stroke: ink, 'stroke-width': 0.8 }),
  );
}

export interface FeatureBar {
  readonly name: string;
  /** ‖W_i‖. */
  readonly norm: number;
  /** Σ_{j≠i} (Ŵ_i·W_j)²: 0 means a direction of its own, 1 and more a shared one. */
  readonly interference: number;
}

/** One bar for each feature: its length is ‖W_i‖, its fill how much of its direction others use. */
export function featureBarsPicture(bars: readonly FeatureBar[], size: Size, label: string): string {
  const frame: Frame = { left: 48, right: size.width - 12, top: 28, bottom: size.height - 28 };
  const y = linear(
    extent(
      bars.map((b) => b.norm),
      [0, 1],
      0.02,
    ),
    [frame.bottom, frame.top],
  );
  const pitch = (frame.right - frame.left) / Math.max(1, bars.length);
  const wide = Math.min(48, pitch * 0.8);
  const every = Math.ceil(24 / pitch);
  return picture(
    size,
    label,
    yAxis(y, frame, 'length of the feature; orange: its direction is shared'),
    ...bars.map((bar, i) => {
      const x = frame.left + pitch * (i + 0.5) - wide / 2;
      const shared = Math.max(0, Math.min(1, bar.interference || 0));
      const top = y(bar.norm || 0);
      const box = { x, y: top, width: wide, height: Math.max(0, y(0) - top) };
      return el(
        'g',
        {},
        el('rect', { ...box, fill: categories[0], 'fill-opacity': 1 - shared }),
        el('rect', { ...box, fill: categories[1], 'fill-opacity': shared }),
        el('rect', { ...box, fill: 'none', stroke: nullGrey, 'stroke-width': 0.5 }),
        title(`${bar.name}: length ${number(bar.norm)}, interference ${number(bar.interference)}`),
        i % every === 0
          ? text(x + wide / 2, frame.bottom + 16, bar.name, { 'text-anchor': 'middle', fill: inkSoft })
          : '',
      );
    }),
    el('line', { x1: frame.left, x2: frame.right, y1: y(0), y2: y(0), stroke: hairline }),
  );
}
