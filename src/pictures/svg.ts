/** @file SVG as text: elements from a name, attributes and children; everything a reader could type is escaped. */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Text made safe for XML. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/(?![\t\n\r])\p{Cc}/gu, '');

/** A number with at most two decimals: pictures need no more, files stay small. */
export const short = (value: number): string => String(Math.round(value * 100) / 100);

/** One element. Attributes that are undefined are left out; numbers are shortened. */
export function el(name: string, attributes: Attributes = {}, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escapeXml(String(value))}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

/** A text element; `anchor` is SVG's text-anchor. */
export const text = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  el('text', { x, y, ...attributes }, escapeXml(content));

/** The tooltip of whatever it is put into. */
export const title = (content: string): string => el('title', {}, escapeXml(content));

/** Path data from points, straight lines; a point that is no number leaves a gap. */
export function polyline(points: readonly (readonly [number, number])[]): string {
  let pen = 'M';
  return points
    .map(([x, y]) => {
      const known = Number.isFinite(x) && Number.isFinite(y);
      const written = known ? `${pen}${short(x)} ${short(y)}` : '';
      pen = known ? 'L' : 'M';
      return written;
    })
    .join('');
}

/** Path data around the band between `low` and `high`, both over the same x. */
export const band = (x: readonly number[], low: readonly number[], high: readonly number[]): string => {
  const upper = x.map((value, i) => [value, high[i]!] as const);
  const lower = x.map((value, i) => [value, low[i]!] as const).reverse();
  return `${polyline([...upper, ...lower])}Z`;
};

export interface Size {
  readonly width: number;
  readonly height: number;
}

const fonts = "font-family:'Inter Variable',Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums";

/** A whole picture. `label` is read out by screen readers; it says what the picture shows in one sentence. */
export function picture({ width, height }: Size, label: string, ...children: string[]): string {
  return el(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${short(width)} ${short(height)}`,
      width,
      height,
      role: 'img',
      'aria-label': label,
      'font-size': 12,
      style: fonts,
    },
    ...children,
  );
}
