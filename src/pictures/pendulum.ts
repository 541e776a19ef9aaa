/** @file A pendulum as it hangs: rod and weight at an angle, fainter where it was before. */
import { categories, hairline, ink, inkSoft } from './colours.ts';
import { fixed } from './scale.ts';
import { el, picture, type Size, text } from './svg.ts';

/** Angles (radians, 0 hanging straight down) from the earliest to now; what is no number is left out. */
export function pendulumPicture(given: readonly number[], size: Size): string {
  const angles = given.filter(Number.isFinite);
  const { width, height } = size;
  const [x0, y0] = [width / 2, height / 2];
  const rod = Math.min(width, height) / 2 - 26;
  const ghosts = angles.map((angle, i) => {
    const now = i === angles.length - 1;
    const [x, y] = [x0 + rod * Math.sin(angle), y0 + rod * Math.cos(angle)];
    return el(
      'g',
      { opacity: now ? 1 : 0.08 + (0.3 * (i + 1)) / angles.length },
      now ? el('line', { x1: x0, y1: y0, x2: x, y2: y, stroke: ink, 'stroke-width': 2 }) : '',
      el('circle', { cx: x, cy: y, r: now ? 11 : 5, fill: categories[0]! }),
    );
  });
  const degrees = ((angles.at(-1) ?? 0) * 180) / Math.PI;
  return picture(
    size,
    `A pendulum at ${fixed(degrees, 0)} degrees`,
    el('circle', { cx: x0, cy: y0, r: rod, fill: 'none', stroke: hairline }),
    el('line', { x1: x0, y1: y0, x2: x0, y2: y0 + rod, stroke: hairline }),
    ...ghosts,
    el('circle', { cx: x0, cy: y0, r: 3, fill: ink }),
    text(x0, height - 4, `q = ${fixed(degrees, 0)}°`, {
      'text-anchor': 'middle',
      fill: inkSoft,
    }),
  );
}
