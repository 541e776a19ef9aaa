/** @file The path of an edit: the strength of each feature over s, and below it T, V and H_c = T − V along the way. */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey } from './colours.ts';
import { extent, linear, number } from './scale.ts';
import { el, picture, polyline, type Size, text, title } from './svg.ts';

export interface StrengthPath {
  /** s from 0 (untouched) to 1 (edited), K values. */
  readonly times: ArrayLike<number>;
  /** α_i(s), one list of K a feature; pinned ones end at their target, the others are free. */
  readonly strengths: readonly {
    readonly name: string;
    readonly pinned: boolean;
    readonly values: ArrayLike<number>;
  }[];
  readonly kinetic: ArrayLike<number>;
  readonly potential: ArrayLike<number>;
  /** H_c = T − V. */
  readonly energy: ArrayLike<number>;
}

/** Features that are named at the right end of their lines. */
const NAMED = 14;

/** Two panels over the same s. Pinned features solid, free ones dashed. `until` in (0, 1] draws part of the way. */
export function strengthPathPicture(
  path: StrengthPath,
  { width, height }: Size,
  label: string,
  until = 1,
): string {
  const right = width - 132;
  const split = Math.round(height * 0.56);
  const above: Frame = { left: 56, right, top: 28, bottom: split - 14 };
  const below: Frame = { left: 56, right, top: split + 26, bottom: height - 46 };
  const times = Array.from(path.times);
  const count = Math.max(1, Math.round(times.length * Math.min(1, Math.max(0, until))));
  const x = linear(extent(times, [0, 1]), [above.left, above.right], 5);
  const strengths = path.strengths.flatMap(({ values }) => Array.from(values));
  const y = linear(extent(strengths, [0, 1], 0.04), [above.bottom, above.top]);
  const energies = [
    { name: 'T, moving', colour: categories[2], values: path.kinetic },
    { name: 'V, cost', colour: categories[1], values: path.potential },
    { name: 'H_c = T − V', colour: ink, values: path.energy },
  ];
  const e = linear(
    extent(
      energies.flatMap(({ values }) => Array.from(values)),
      [0],
      0.06,
    ),
    [below.bottom, below.top],
    4,
  );
  const line = (values: ArrayLike<number>, at: (v: number) => number) =>
    polyline(times.slice(0, count).map((t, k) => [x(t), at(values[k]!)]));
  const named = [...path.strengths]
    .sort((a, b) => Number(b.pinned) - Number(a.pinned) || moved(b) - moved(a))
    .slice(0, NAMED);
  return picture(
    { width, height },
    label,
    yAxis(y, above, 'strength of the feature (1 = as it is, 0 = removed)'),
    ...path.strengths.map((one, i) =>
      el(
        'g',
        {},
        title(`${one.name}: ends at ${number(one.values[count - 1] ?? Number.NaN)}`),
        el('path', {
          d: line(one.values, y),
          fill: 'none',
          stroke: one.pinned ? categories[i % categories.length]! : nullGrey,
          'stroke-width': one.pinned ? 2 : 1.2,
          'stroke-dasharray': one.pinned ? undefined : '4 3',
        }),
      ),
    ),
    ...endNames(
      named.map((one) => ({ name: one.name, at: y(one.values[count - 1] ?? 0), soft: !one.pinned })),
      right + 8,
      above.top,
    ),
    yAxis(e, below, 'energy', (v) => number(v)),
    el('line', { x1: below.left, x2: right, y1: e(0), y2: e(0), stroke: hairline }),
    ...energies.map(({ name, colour, values }) =>
      el(
        'g',
        {},
        title(name),
        el('path', { d: line(values, e), fill: 'none', stroke: colour, 'stroke-width': 2 }),
      ),
    ),
    ...endNames(
      energies.map(({ name, values }) => ({ name, at: e(values[count - 1] ?? 0), soft: false })),
      right + 8,
      below.top,
    ),
    xAxis(x, below, 's, from untouched to edited'),
  );
}

/** How far a feature ends from where it began. */
const moved = ({ values }: StrengthPath['strengths'][number]): number =>
  Math.abs((values[values.length - 1] ?? 1) - (values[0] ?? 1));

/** Names at the right ends, pushed apart so that none covers another. */
function endNames(
  names: readonly { readonly name: string; readonly at: number; readonly soft: boolean }[],
  x: number,
  top: number,
): string[] {
  let last = top - 14;
  return names
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at)
    .map(({ name, at, soft }) => {
      last = Math.max(at, last + 13);
      return text(x, last + 4, shortened(name), { fill: soft ? inkSoft : ink, 'font-size': 11 });
    });
}

/** A name with room beside the picture; the whole one stands in the line's title. */
const shortened = (name: string): string => (name.length > 20 ? `${name.slice(0, 19)}…` : name);
