/**
 * @file Colours that carry meaning. Ink and paper are CSS variables with the light theme as fallback, so one picture
 * serves both themes. Cividis: Nuñez, Anderton, Renslow 2018; categories: Okabe and Ito 2008.
 */

export const ink = 'var(--ink,#17191e)';
export const inkSoft = 'var(--ink-soft,#5c626d)';
export const hairline = 'var(--hairline,#e2e1dc)';
export const paper = 'var(--paper,#fcfcfa)';
/** What stands for "nothing there": nulls, random circuits, errors. */
export const nullGrey = 'var(--null,#7b808a)';
/** Pushes toward the answer, and against it. */
export const towards = 'var(--towards,#1464b4)';
export const against = 'var(--against,#c25a00)';
export const leak = 'var(--leak,#cc5500)';

/** Okabe–Ito without black, yellow and grey: six that hold on white and on black. */
export const categories = [
  'var(--c0,#0072b2)',
  'var(--c1,#d55e00)',
  'var(--c2,#009e73)',
  'var(--c3,#cc79a7)',
  'var(--c4,#e69f00)',
  'var(--c5,#56b4e9)',
] as const;

/** The colour of a feature, the same on every page: from its site and number alone. */
export function featureColour(site: string, feature: number): string {
  let hash = feature + 17;
  for (let i = 0; i < site.length; i++) hash = Math.imul(hash ^ site.charCodeAt(i), 0x01000193);
  return categories[(hash >>> 8) % categories.length]!;
}

/** Colour of a signed effect, where positive means "toward the answer". */
export const signColour = (value: number): string => (value >= 0 ? towards : against);

const cividisStops = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
] as const;

/** Cividis at t in [0, 1] as red, green, blue (0–255), linear between ten stops; no number counts as 0. */
export function cividis(t: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, t || 0)) * (cividisStops.length - 1);
  const low = Math.min(cividisStops.length - 2, Math.floor(at));
  const [a, b] = [cividisStops[low]!, cividisStops[low + 1]!];
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}
