/** @file Whether a picture is well-formed SVG. */
import { expect } from 'vitest';

/** Names of the elements when `svg` is well formed: every tag closed in order, no stray sign, every number one. */
export function elements(svg: string): string[] {
  const open: string[] = [];
  const all: string[] = [];
  const rest = svg.replace(
    /<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<>]*")*)(\/?)>/g,
    (_, close, name, _attributes, empty) => {
      if (close) expect(open.pop()).toBe(name);
      else {
        all.push(name);
        if (!empty) open.push(name);
      }
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!#\d+;)/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg).not.toMatch(/ (?:width|height|r|opacity|fill-opacity|stroke-width)="-/);
  return all;
}
