/**
 * @file A feature's motion over tokens: its phase portrait over real texts (activation against its change), and T, V and the
 * article's T − U beside the textbook's T + V, token by token.
 */
import { type Frame, yAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft, nullGrey } from './colours.ts';
import { sampleGrid } from './contour.ts';
import { type PhaseOptions, phasePicture } from './phase.ts';
import { extent, fixed, largestSize, linear, number } from './scale.ts';
import { el, picture, polyline, type Size, short, text, title } from './svg.ts';

/** One text as a feature lives through it; p, T, V and E have one entry a step. */
export interface FeatureMotion {
  readonly name: string;
  readonly q: ArrayLike<number>;
  /** p(t) = m (q(t+1) − q(t)). */
  readonly p: ArrayLike<number>;
  readonly kinetic: ArrayLike<number>;
  /** V(t) = L − L(do f = 0): below 0 where the feature helps. */
  readonly potential: ArrayLike<number>;
}

/**
 * Activation q against p over all texts; faint levels are p²/2m + ⟨V | q⟩ with V's mean at a given activation fitted by a line
 * through 0 (V = f ∂L/∂f vanishes with f).
 */
export function featurePhasePicture(
  motions: readonly FeatureMotion[],
  mass: number,
  size: Size,
  label: string,
  until = 1,
): string {
  const steps = motions.flatMap(({ q, p, potential }) =>
    Array.from(p, (momentum, t) => ({ q: q[t]!, p: momentum, V: potential[t]! })),
  );
  const x = extent(
    motions.flatMap(({ q }) => Array.from(q)),
    [0],
    0.05,
  );
  const reach =
    1.08 *
    largestSize(
      steps.map((step) => step.p),
      1e-9,
    );
  const y: [number, number] = [-reach, reach];
  const squares = steps.reduce((sum, step) => sum + step.q * step.q, 0);
  const slope = squares > 0 ? steps.reduce((sum, step) => sum + step.q * step.V, 0) / squares : 0;
  const grid = sampleGrid((q, p) => (p * p) / (2 * mass) + slope * q, x, y, 60, 60);
  const top = (reach * reach) / (2 * mass);
  const [low, high] = [Math.min(0, slope * x[1]), top + Math.max(0, slope * x[1])];
  const levels = Array.from({ length: 9 }, (_, i) => low + ((i + 0.5) / 9) * (high - low));
  const options: PhaseOptions = {
    ...{ ...size, label, x, y },
    xName: 'activation q',
    yName: 'p = m × change to the next token',
    energy: { grid, levels },
  };
  return phasePicture(
    motions.map(({ name, q, p }, i) => ({
      name,
      x: Array.from(p, (_, t) => q[t]!),
      y: p,
      colour: categories[i % categories.length]!,
    })),
    options,
    until,
  );
}

/** T, V, T + V and T − U over the tokens of one text, U = −V; tokens stand below the axis. */
export function clockSeriesPicture(
  motion: FeatureMotion,
  tokens: readonly string[],
  size: Size,
  label: string,
  kind: 'textbook' | 'article' = 'textbook',
): string {
  const frame: Frame = { left: 56, right: size.width - 148, top: 28, bottom: size.height - 76 };
  const { kinetic, potential } = motion;
  const count = kinetic.length;
  // U = −V is how much the feature helps. The article's H = T − V_article names it V.
  const shown =
    kind === 'textbook'
      ? [
          { name: 'T, moving', colour: categories[2], at: (t: number) => kinetic[t]! },
          { name: 'V, harm', colour: categories[1], at: (t: number) => potential[t]! },
          { name: 'T + V', colour: ink, at: (t: number) => kinetic[t]! + potential[t]! },
        ]
      : [
          { name: 'T, moving', colour: categories[2], at: (t: number) => kinetic[t]! },
          { name: 'U = −V, help', colour: categories[0], at: (t: number) => -potential[t]! },
          { name: 'T − U', colour: ink, at: (t: number) => kinetic[t]! + potential[t]! },
        ];
  const x = linear([0, Math.max(1, count - 1)], [frame.left, frame.right]);
  const y = linear(
    extent(
      shown.flatMap(({ at }) => Array.from({ length: count }, (_, t) => at(t))),
      [0],
      0.05,
    ),
    [frame.bottom, frame.top],
  );
  const step = (frame.right - frame.left) / Math.max(1, count - 1);
  const every = Math.max(1, Math.ceil(13 / step));
  return picture(
    size,
    label,
    yAxis(y, frame, 'energy (nats)', (v) => number(v)),
    el('line', {
      x1: frame.left,
      x2: frame.right,
      y1: y(0),
      y2: y(0),
      stroke: nullGrey,
      'stroke-dasharray': '4 3',
    }),
    ...shown.map(({ name, colour, at }) =>
      el(
        'g',
        {},
        el('path', {
          d: polyline(Array.from({ length: count }, (_, t) => [x(t), y(at(t))])),
          fill: 'none',
          stroke: colour,
          'stroke-width': name.includes(' + ') || name.includes(' − ') ? 2 : 1.4,
          'stroke-linejoin': 'round',
        }),
        title(name),
      ),
    ),
    ...Array.from({ length: count }, (_, t) =>
      el(
        'g',
        {},
        title(
          `${(tokens[t] ?? '').trim()}: ${shown.map(({ name, at }) => `${name.split(',')[0]} ${fixed(at(t), 3)}`).join(', ')}`,
        ),
        el('rect', {
          x: x(t) - step / 2,
          y: frame.top,
          width: Math.max(2, step),
          height: frame.bottom - frame.top,
          fill: 'transparent',
        }),
        t % every === 0
          ? text(x(t), frame.bottom + 12, tokens[t] ?? '', {
              fill: inkSoft,
              'font-size': 11,
              transform: `rotate(58 ${short(x(t))} ${short(frame.bottom + 12)})`,
            })
          : '',
      ),
    ),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    text(size.width - 8, size.height - 8, 'tokens of the text, in order', {
      fill: inkSoft,
      'text-anchor': 'end',
    }),
    ...shown.map(({ name, colour }, i) => {
      const at = { x: frame.right + 14, y: frame.top + 8 + 17 * i };
      return (
        el('line', { x1: at.x, x2: at.x + 14, y1: at.y, y2: at.y, stroke: colour, 'stroke-width': 2.5 }) +
        text(at.x + 19, at.y + 4, name, { fill: ink })
      );
    }),
  );
}
