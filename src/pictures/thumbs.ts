/** @file Thumbnails of the journey's six main pictures: the data's own shape, no axes, 96 × 36. */
import { hatch } from './circuit.ts';
import { type CircuitGraph, layoutCircuit } from './circuit-layout.ts';
import { categories, hairline, nullGrey, signColour } from './colours.ts';
import { largestSize } from './scale.ts';
import { el, polyline } from './svg.ts';

const width = 96;
const height = 36;

const thumb = (...children: string[]): string =>
  el(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      'aria-hidden': 'true',
    },
    ...children,
  );

/** Bars of probabilities. */
export const barsThumb = (values: readonly number[]): string =>
  thumb(
    ...values.slice(0, 6).map((value, i) =>
      el('rect', {
        x: 0,
        y: i * 6,
        width: Math.max(1, Math.min(1, value || 0) * width),
        height: 4,
        rx: 1,
        fill: categories[0],
      }),
    ),
  );

/** Lines of text, the left-out share as a grey end. */
export const textThumb = (share: number): string =>
  thumb(
    ...[0.92, 1, 0.78, 0.96, 0.6].map((length, i) =>
      el('rect', {
        x: 0,
        y: i * 7.4,
        width: length * width,
        height: 3,
        rx: 1,
        fill: categories[2],
        opacity: 0.75,
      }),
    ),
    el('rect', {
      x: width * 0.62,
      y: 29.6,
      width: Math.min(width * 0.38, Math.max(3, (share || 0) * 400)),
      height: 3,
      rx: 1,
      fill: nullGrey,
    }),
  );

/** Rising curves of explained variance, each from 0 to 1. */
export function curvesThumb(curves: readonly (readonly number[])[]): string {
  const lines = curves.map((curve, c) =>
    el('path', {
      d: polyline(
        curve.map((v, i) => [
          (i / Math.max(1, curve.length - 1)) * width,
          height - 2 - Math.max(-1, Math.min(2, v)) * (height - 4),
        ]),
      ),
      fill: 'none',
      stroke: categories[c % categories.length]!,
      'stroke-width': 1.5,
    }),
  );
  return thumb(...lines);
}

/** The strongest edges and nodes of a circuit. */
export function circuitThumb(graph: CircuitGraph): string {
  const strong = [...graph.nodes].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, 36);
  const layout = layoutCircuit({ ...graph, nodes: strong }, { width: 300, gutter: 0 });
  const [sx, sy] = [width / 300, height / layout.height];
  const scaled = layout.edges.slice(-50).map((edge) =>
    el('path', {
      d: edge.path,
      stroke: edge.colour,
      'stroke-width': edge.width * 0.9,
      opacity: edge.opacity,
    }),
  );
  const nodes = layout.nodes.map((one) =>
    el('circle', {
      cx: one.x * sx,
      cy: one.y * sy,
      r: 1.6,
      fill: one.node.kind === 'error' ? nullGrey : signColour(one.push),
    }),
  );
  return thumb(el('g', { transform: `scale(${sx} ${sy})`, fill: 'none' }, ...scaled), ...nodes);
}

/** Stacked bars of features and errors, as shares. */
export function budgetThumb(rows: readonly { features: number; errors: number }[]): string {
  const step = width / Math.max(1, rows.length);
  const bars = rows.map(({ features, errors }, i) => {
    const tall = Math.max(0, Math.min(1.1, features || 0)) * 30;
    const rest = Math.max(0, Math.min(1.1, errors || 0)) * 30;
    return (
      el('rect', { x: i * step, y: height - tall, width: step * 0.68, height: tall, fill: categories[0] }) +
      el('rect', {
        x: i * step,
        y: height - tall - rest,
        width: step * 0.68,
        height: rest,
        fill: 'url(#thumb-hatch)',
      })
    );
  });
  return thumb(el('defs', {}, hatch('thumb-hatch')), ...bars);
}

/** Dumbbells from before to after, in log-odds. */
export function dumbbellThumb(leans: readonly { before: number; after: number }[]): string {
  const reach = largestSize(
    leans.map((one) => one.before),
    1e-9,
  );
  const x = (value: number) => width / 2 + (Math.max(-1, Math.min(1, value / reach || 0)) * (width - 6)) / 2;
  const step = height / Math.max(1, leans.length);
  return thumb(
    el('line', { x1: width / 2, x2: width / 2, y1: 0, y2: height, stroke: hairline }),
    ...leans.map(
      (one, i) =>
        el('line', {
          x1: x(one.before),
          x2: x(one.after),
          y1: (i + 0.5) * step,
          y2: (i + 0.5) * step,
          stroke: nullGrey,
        }) + el('circle', { cx: x(one.after), cy: (i + 0.5) * step, r: 1.5, fill: categories[0] }),
    ),
  );
}
