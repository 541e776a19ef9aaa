/** @file Tokens as inline text: background by activation (cividis), white space as a thin mark. */
import { cividis } from '../../../src/pictures/colours.ts';
import { fixed } from '../../../src/pictures/scale.ts';
import { useDark } from './theme.tsx';

const luminance = (rgb: readonly number[]): number =>
  [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const c = rgb[i]! / 255;
    return sum + weight * (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  }, 0);

/**
 * Background and ink for an activation share in [0, 1]. Low fades into the paper: cividis runs dark to bright on dark
 * paper and bright to dark on light paper. The ink is black or white, whichever stands out more (at least 4.5 : 1).
 */
export function activationStyle(share: number, dark: boolean): { background?: string; color?: string } {
  if (share < 0.02) return {};
  const colour = cividis(dark ? 0.12 + 0.88 * share : 1 - 0.9 * share);
  const paper = dark ? [18, 20, 24] : [251, 251, 249];
  const alpha = Math.min(1, 0.25 + share * 1.6);
  const seen = colour.map((c, i) => Math.round(c * alpha + paper[i]! * (1 - alpha)));
  return { background: `rgb(${seen.join(' ')})`, color: luminance(seen) > 0.179 ? '#000' : '#fff' };
}

/** A token's text; spaces stay spaces (lines may break there) under a thin mark, line ends get a sign. */
export function Visible({ token }: { token: string }) {
  const [, before = '', body = '', after = ''] = /^( *)([\s\S]*?)( *)$/.exec(token) ?? [];
  const marks = (text: string) => (text ? <b>{text}</b> : null);
  return (
    <>
      {marks(before)}
      {body.replace(/\n/g, '⏎').replace(/\t/g, '⇥') || (before || after ? '' : '∅')}
      {marks(after)}
    </>
  );
}

/** One passage. `most` is the activation drawn at full colour. */
export function TokenText({
  tokens,
  activations,
  most,
}: {
  tokens: readonly string[];
  activations: readonly number[];
  most: number;
}) {
  const dark = useDark();
  return (
    <p className="tokens">
      {tokens.map((token, i) => {
        const value = activations[i] ?? 0;
        const said = `${token.trim() || 'white space'}: ${fixed(value, 2)}`;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: tokens repeat and never move
          <span key={i} className="token" style={activationStyle(value / (most || 1), dark)} title={said}>
            <Visible token={token} />
          </span>
        );
      })}
    </p>
  );
}

/** A short token as a chip. */
export const TokenChip = ({ token }: { token: string }) => (
  <span className="chip">
    <Visible token={token} />
  </span>
);
