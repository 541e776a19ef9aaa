/** @file Before and after of an edit: one line per occupation, from its lean before to its lean after. */
import { type Frame, xAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey, paper } from './colours.ts';
import { fixed, largestSize, linear } from './scale.ts';
import { el, picture, text, title } from './svg.ts';

export interface Lean {
  readonly occupation: string;
  readonly percentWomen: number;
  /** Log-odds of “she” over “he”: positive leans to “she”. */
  readonly before: number;
  readonly after: number;
}

/** Dumbbells ordered by the share of women, most at the top; hollow before, filled after. */
export function dumbbellPicture(
  leans: readonly Lean[],
  { width, row = 20 }: { readonly width: number; readonly row?: number },
  label: string,
): string {
  const ordered = [...leans].sort((a, b) => b.percentWomen - a.percentWomen);
  const frame: Frame = { left: 172, right: width - 16, top: 28, bottom: 36 + ordered.length * row };
  const reach = (largestSize(ordered.flatMap((one) => [one.before, one.after])) || 1) * 1.06;
  const x = linear([-reach, reach], [frame.left, frame.right], 6);
  const grid = x.ticks.map((tick) =>
    el('line', {
      x1: x(tick),
      x2: x(tick),
      y1: frame.top,
      y2: frame.bottom - 8,
      stroke: tick === 0 ? nullGrey : hairline,
      'stroke-dasharray': tick === 0 ? '4 3' : undefined,
    }),
  );
  const lines = ordered.map((one, i) => {
    const y = frame.top + 8 + (i + 0.5) * row;
    const [a, b] = [x(one.before), x(one.after)];
    return el(
      'g',
      {},
      title(
        `${one.occupation} (${fixed(one.percentWomen, 0)} % women): ${fixed(one.before, 2)} before, ${fixed(one.after, 2)} after`,
      ),
      el('rect', { x: 0, y: y - row / 2, width, height: row, fill: 'transparent' }),
      text(0, y + 4, one.occupation, { fill: ink }),
      text(160, y + 4, `${fixed(one.percentWomen, 0)} %`, { fill: inkSoft, 'text-anchor': 'end' }),
      ...(Number.isFinite(a + b)
        ? [
            el('line', {
              x1: a,
              x2: b,
              y1: y,
              y2: y,
              stroke: categories[0],
              'stroke-width': 2,
              opacity: 0.45,
            }),
            el('circle', { cx: a, cy: y, r: 4, fill: paper, stroke: inkSoft, 'stroke-width': 1.5 }),
            el('circle', { cx: b, cy: y, r: 4.5, fill: categories[0] }),
          ]
        : [text(x(0), y + 4, 'not measured', { fill: inkSoft, 'text-anchor': 'middle' })]),
    );
  });
  return picture(
    { width, height: frame.bottom + 40 },
    label,
    text(0, 12, 'occupation', { fill: inkSoft }),
    text(160, 12, 'women', { fill: inkSoft, 'text-anchor': 'end' }),
    text(frame.left, 12, '← he', { fill: inkSoft }),
    text(x(0), 12, 'no lean', { fill: inkSoft, 'text-anchor': 'middle' }),
    text(frame.right, 12, 'she →', { fill: inkSoft, 'text-anchor': 'end' }),
    ...grid,
    ...lines,
    xAxis(
      x,
      { ...frame, bottom: frame.bottom - 6 },
      'log-odds of “she” over “he”   ○ before   ● after',
      (v) => fixed(v, Math.abs(v) < 1 && v !== 0 ? 1 : 0),
    ),
  );
}
