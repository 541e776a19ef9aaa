/**
 * @file The energy budget: at each cut, how much of the total effect features carry, how much is in what the
 * dictionaries could not explain, and what the linear approximation loses.
 */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { hatch } from './circuit.ts';
import { categories, ink, inkSoft, leak, nullGrey } from './colours.ts';
import { extent, linear, percent } from './scale.ts';
import { el, picture, type Size, text, title } from './svg.ts';

export interface BudgetRow {
  readonly cut: number;
  readonly site: string;
  /** Δm = m(clean) − m(patch). */
  readonly deltaM: number;
  /** Energies in the unit of the metric. */
  readonly features: number;
  readonly errors: number;
}

/** Short name of a cut's site: the block number, or the embedding. */
export const cutLabel = (site: string): string => {
  if (site === 'hook_embed' || site === 'blocks.0.hook_resid_pre') return 'embedding';
  const block = /^blocks\.(\d+)\.hook_resid_post$/.exec(site);
  return block ? `block ${block[1]}` : site;
};

/** Stacked shares of Δm per cut: features solid, errors hatched, the leak outlined up to the whole. */
export function budgetPicture(
  rows: readonly BudgetRow[],
  { width, height }: Size,
  label: string,
  id = 'budget',
): string {
  const frame: Frame = { left: 48, right: width - 84, top: 24, bottom: height - 44 };
  const shares = rows.map((row) => ({
    row,
    features: row.features / row.deltaM,
    errors: row.errors / row.deltaM,
  }));
  // Where the whole effect is nothing there are no shares of it.
  const known = shares.filter(({ features, errors }) => Number.isFinite(features + errors));
  const [low, high] = extent(
    known.flatMap((s) => [s.features, s.errors, s.features + s.errors]),
    [0, 1],
  );
  const y = linear([low, high * 1.04], [frame.bottom, frame.top]);
  const step = (frame.right - frame.left) / Math.max(1, rows.length);
  const bar = Math.min(56, step * 0.62);
  const bars = shares.map((one, i) => {
    if (!known.includes(one)) return '';
    const { row, features, errors } = one;
    const x = frame.left + (i + 0.5) * step - bar / 2;
    const parts = [
      { share: features, fill: categories[0], name: 'features' },
      { share: errors, fill: `url(#${id}-hatch)`, name: 'error nodes' },
    ];
    let [up, down] = [0, 0];
    const drawn = parts.map(({ share, fill, name }) => {
      const from = share >= 0 ? up : down;
      if (share >= 0) up += share;
      else down += share;
      const [a, b] = [y(from), y(from + share)];
      return el(
        'rect',
        {
          x,
          y: Math.min(a, b),
          width: bar,
          height: Math.abs(a - b),
          fill,
          stroke: name === 'features' ? undefined : nullGrey,
        },
        title(`${cutLabel(row.site)}: ${name} ${percent(share, 1)} of the whole effect`),
      );
    });
    const sum = features + errors;
    const rest = el(
      'rect',
      {
        x,
        width: bar,
        y: Math.min(y(1), y(sum)),
        height: Math.max(1.5, Math.abs(y(1) - y(sum))),
        fill: leak,
        'fill-opacity': 0.25,
        stroke: leak,
        'stroke-dasharray': '3 2',
      },
      title(`${cutLabel(row.site)}: leak ${percent(1 - sum, 1)}`),
    );
    return el('g', {}, ...drawn, rest);
  });
  const last = known.at(-1);
  const names = last ? sideLabels(y, last.features, last.errors, frame.right + 8) : '';
  return picture(
    { width, height },
    label,
    el('defs', {}, hatch(`${id}-hatch`)),
    yAxis(y, frame, 'share of the whole effect', (v) => percent(v)),
    el('line', {
      x1: frame.left,
      x2: frame.right,
      y1: y(1),
      y2: y(1),
      stroke: ink,
      'stroke-dasharray': '4 3',
    }),
    ...bars,
    xAxis(
      Object.assign((i: number) => frame.left + (i + 0.5) * step, { ticks: rows.map((_, i) => i) }),
      frame,
      'cut: state after this block',
      (i) => cutLabel(rows[i]!.site).replace('block ', ''),
    ),
    names,
  );
}

/** Names of the parts beside the last bar, pushed apart so that none covers another. */
function sideLabels(y: (v: number) => number, features: number, errors: number, x: number): string {
  const sum = features + errors;
  const wanted = [
    { name: 'features', at: y(features / 2) },
    { name: 'errors', at: y(features + errors / 2) },
    { name: 'leak', at: y((1 + sum) / 2) },
  ];
  let above = Number.POSITIVE_INFINITY;
  return wanted
    .map(({ name, at }) => {
      above = Math.min(at, above - 16);
      return text(x, above + 4, name, { fill: name === 'features' ? ink : inkSoft });
    })
    .join('');
}
