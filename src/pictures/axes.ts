/** @file Quiet axes: hairline grid, ticks in soft ink, the name of the axis where it is read. */
import { hairline, inkSoft } from './colours.ts';
import { number, type Scale } from './scale.ts';
import { el, text } from './svg.ts';

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Format = (value: number) => string;

/** Horizontal grid lines with their values at the left. */
export function yAxis(scale: Scale, frame: Frame, label: string, format: Format = number): string {
  const lines = scale.ticks.map((tick) => {
    const y = scale(tick);
    return (
      el('line', { x1: frame.left, x2: frame.right, y1: y, y2: y, stroke: hairline }) +
      text(frame.left - 8, y + 4, format(tick), { 'text-anchor': 'end', fill: inkSoft })
    );
  });
  return el('g', {}, ...lines, text(frame.left, frame.top - 10, label, { fill: inkSoft }));
}

/** Ticks below the frame and the axis name at the right end under them. */
export function xAxis(scale: Scale, frame: Frame, label: string, format: Format = number): string {
  let last = Number.NEGATIVE_INFINITY;
  const ticks = scale.ticks.map((tick) => {
    const x = scale(tick);
    const written = format(tick);
    const half = written.length * 3.4 + 4;
    if (x - half < last) return '';
    last = x + half;
    return text(x, frame.bottom + 18, written, { 'text-anchor': 'middle', fill: inkSoft });
  });
  const name = text(frame.right, frame.bottom + 36, label, { 'text-anchor': 'end', fill: inkSoft });
  return el('g', {}, ...ticks, name);
}
