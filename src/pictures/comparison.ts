/** @file Two circuits as one picture: every node at its share of the behaviour in each; moved effects lie off the diagonal. */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey, paper } from './colours.ts';
import { largestSize, linear, percent } from './scale.ts';
import { el, picture, type Size, text, title } from './svg.ts';

export interface ComparedMark {
  readonly key: string;
  readonly kind: 'feature' | 'error';
  /** Shares of Δm on either side. */
  readonly a: number;
  readonly b: number;
}

export interface ComparisonPictureInput {
  readonly a: { readonly name: string };
  readonly b: { readonly name: string };
  readonly shared: readonly string[];
  readonly onlyA: readonly string[];
  readonly movers: readonly ComparedMark[];
}

/** Names that are written beside their marks, the largest changes. */
const NAMED = 6;

/** Effects span decades around 0: the root of a share keeps its sign and lets small ones be seen. */
const root = (share: number): number => Math.sign(share) * Math.sqrt(Math.abs(share));

/** Every node by its share of the behaviour in both circuits: filled in both, ringed in one; axes are roots of shares. */
export function comparisonPicture(
  { a, b, shared, onlyA, movers: given }: ComparisonPictureInput,
  size: Size,
): string {
  // Where the behaviour is nothing there are no shares of it.
  const movers = given.filter((m) => Number.isFinite(m.a) && Number.isFinite(m.b));
  const frame: Frame = { left: 60, right: size.width - 20, top: 34, bottom: size.height - 50 };
  const shares = movers.flatMap((m) => [root(m.a), root(m.b)]);
  const reach = 1.08 * largestSize(shares, 0.05);
  const ticks = [-1, -0.5, -0.2, -0.05, 0, 0.05, 0.2, 0.5, 1].map(root).filter((t) => Math.abs(t) <= reach);
  const x = Object.assign(linear([-reach, reach], [frame.left, frame.right]), { ticks });
  const y = Object.assign(linear([-reach, reach], [frame.bottom, frame.top]), { ticks });
  const format = (v: number) => percent(v * Math.abs(v));
  const [both, first] = [new Set(shared), new Set(onlyA)];
  const colour = (key: string) =>
    both.has(key) ? categories[0] : first.has(key) ? categories[4] : categories[2];
  const line = (x1: number, y1: number, x2: number, y2: number, dashed: boolean) =>
    el('line', {
      x1,
      y1,
      x2,
      y2,
      stroke: dashed ? nullGrey : hairline,
      'stroke-dasharray': dashed ? '4 4' : undefined,
    });
  const marks = movers
    .map((m, i) => {
      const [cx, cy] = [x(root(m.a)), y(root(m.b))];
      const named = i < NAMED && m.a !== m.b;
      const label = `${m.key}: ${percent(m.a, 1)} in ${a.name}, ${percent(m.b, 1)} in ${b.name}`;
      const shape = {
        fill: both.has(m.key) ? colour(m.key) : paper,
        stroke: colour(m.key),
        'stroke-width': 1.6,
        opacity: 0.85,
      };
      const right = cx < (frame.left + frame.right) / 2;
      return el(
        'g',
        {},
        title(label),
        m.kind === 'error'
          ? el('rect', {
              x: cx - 3.6,
              y: cy - 3.6,
              width: 7.2,
              height: 7.2,
              transform: `rotate(45 ${cx} ${cy})`,
              ...shape,
            })
          : el('circle', { cx, cy, r: both.has(m.key) ? 4.2 : 3.6, ...shape }),
        ...(named
          ? [
              text(cx + (right ? 8 : -8), cy - 6, shorter(m.key), {
                fill: ink,
                'font-size': 11,
                'text-anchor': right ? 'start' : 'end',
              }),
            ]
          : []),
      );
    })
    .reverse();
  const legend = [
    { name: 'in both', fill: categories[0], stroke: categories[0] },
    { name: `only ${a.name}`, fill: paper, stroke: categories[4] },
    { name: `only ${b.name}`, fill: paper, stroke: categories[2] },
  ].map(({ name, fill, stroke }, i) => {
    const at = frame.left + 12 + i * ((frame.right - frame.left) / 3);
    return el(
      'g',
      {},
      el('circle', { cx: at, cy: 10, r: 4, fill, stroke, 'stroke-width': 1.6 }),
      text(at + 9, 14, name, { fill: inkSoft }),
    );
  });
  return picture(
    size,
    `Every node of two circuits by its share of the behaviour in “${a.name}” and in “${b.name}”: ${shared.length} are in both`,
    ...legend,
    xAxis(x, frame, `share of the behaviour, ${a.name}`, format),
    yAxis(y, frame, `share of the behaviour, ${b.name}`, format),
    line(x(0), frame.top, x(0), frame.bottom, false),
    line(x(-reach), y(-reach), x(reach), y(reach), true),
    ...marks,
  );
}

/** `blocks.11.hook_resid_post:5:f17` → `11 resid post · 5 · f17`. */
const shorter = (key: string): string =>
  key
    .replace(/blocks\.(\d+)\.(?:mlp\.)?hook_/, '$1 ')
    .replaceAll('_', ' ')
    .replaceAll(':', ' · ');
