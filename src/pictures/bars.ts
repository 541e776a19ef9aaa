/** @file Next-token bars: what the model expects to come after a prompt. */
import { categories, hairline, ink, inkSoft } from './colours.ts';
import { percent } from './scale.ts';
import { el, picture, text, title } from './svg.ts';

export interface NextToken {
  readonly text: string;
  readonly probability: number;
}

/** A token with its white space made visible. */
export const visibleToken = (token: string): string =>
  token.replace(/ /g, '·').replace(/\n/g, '⏎').replace(/\t/g, '⇥') || '∅';

/** One bar per token, most probable first; height follows the number of tokens (28 pixels each). */
export function nextTokenBars(tokens: readonly NextToken[], width: number, label: string): string {
  const row = 28;
  const left = Math.min(120, Math.max(72, ...tokens.map((t) => visibleToken(t.text).length * 8.4 + 16)));
  const room = width - left - 64;
  const rows = tokens.map((token, i) => {
    const y = i * row;
    return el(
      'g',
      {},
      title(`${visibleToken(token.text)}: ${percent(token.probability, 1)}`),
      text(left - 12, y + 18, visibleToken(token.text), {
        'text-anchor': 'end',
        fill: ink,
        style: "font-family:'JetBrains Mono Variable',monospace",
      }),
      el('rect', { x: left, y: y + 6, width: room, height: 16, rx: 2, fill: hairline, opacity: 0.5 }),
      el('rect', {
        x: left,
        y: y + 6,
        width: Math.max(1, room * Math.min(1, token.probability || 0)),
        height: 16,
        rx: 2,
        fill: categories[0],
      }),
      text(width, y + 18, percent(token.probability, 1), { 'text-anchor': 'end', fill: inkSoft }),
    );
  });
  return picture({ width, height: tokens.length * row }, label, ...rows);
}
