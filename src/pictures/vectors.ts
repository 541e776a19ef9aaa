/** @file Directions in a plane: the features of a two-neuron model as arrows on the unit circle, with the polygon that they span. */
import { hairline, ink, inkSoft } from './colours.ts';
import { largestSize, number } from './scale.ts';
import { toyColour } from './stack.ts';
import { el, picture, polyline, type Size, short, text, title } from './svg.ts';

export interface PlaneVector {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** The number that its colour comes from. */
  readonly feature: number;
}

export interface VectorsOptions extends Size {
  readonly label: string;
  /** Length of an arrow that reaches the edge; the longest one and 1.15 by default. */
  readonly reach?: number;
  readonly caption?: string;
}

/** Arrows from the middle, longest ones last; those with a length under 0.02 are drawn as a dot in the middle. */
export function vectorsPicture(vectors: readonly PlaneVector[], options: VectorsOptions): string {
  const { width, height, caption } = options;
  const size = Math.min(width, height - (caption ? 24 : 0));
  const [cx, cy] = [width / 2, size / 2];
  const longest = largestSize(vectors.map((v) => Math.hypot(v.x, v.y)));
  const reach = options.reach ?? Math.max(1.15, longest * 1.05);
  const edge = size / 2 - 18;
  const at = (v: { x: number; y: number }) => [cx + (v.x / reach) * edge, cy - (v.y / reach) * edge] as const;
  const shown = vectors.filter((v) => Math.hypot(v.x, v.y) >= 0.02 && Math.hypot(v.x, v.y) <= longest);
  const around = [...shown].sort((a, b) => Math.atan2(a.y, a.x) - Math.atan2(b.y, b.x));
  return picture(
    options,
    options.label,
    el('circle', { cx, cy, r: edge / reach, fill: 'none', stroke: hairline }),
    el('path', {
      d: `M${short(cx - edge)} ${short(cy)}H${short(cx + edge)}M${short(cx)} ${short(cy - edge)}V${short(cy + edge)}`,
      stroke: hairline,
      fill: 'none',
    }),
    around.length > 2
      ? el('path', {
          d: `${polyline(around.map(at))}Z`,
          fill: ink,
          'fill-opacity': 0.04,
          stroke: inkSoft,
          'stroke-opacity': 0.5,
          'stroke-dasharray': '3 3',
        })
      : '',
    ...[...shown]
      .sort((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y))
      .map((v) => {
        const [x, y] = at(v);
        const { fill, opacity } = toyColour(v.feature);
        return el(
          'g',
          { opacity },
          el('line', {
            x1: cx,
            y1: cy,
            x2: x,
            y2: y,
            stroke: fill,
            'stroke-width': 2.5,
            'stroke-linecap': 'round',
          }),
          el('circle', { cx: x, cy: y, r: 4.5, fill }),
          title(`${v.name}: (${number(v.x)}, ${number(v.y)}), length ${number(Math.hypot(v.x, v.y))}`),
        );
      }),
    shown.length < vectors.length
      ? el('circle', { cx, cy, r: 3, fill: inkSoft }, title(`${vectors.length - shown.length} dropped`))
      : '',
    caption ? text(cx, height - 8, caption, { 'text-anchor': 'middle', fill: inkSoft }) : '',
  );
}
