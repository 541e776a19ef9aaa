/** @file Sites in the order of depth, and sentences that begin with a capital letter. */

/** Block of a site's name; −1 for what lies before the first block. */
const depthOf = (site: string): number => Number(/^blocks\.(\d+)\./.exec(site)?.[1] ?? -1);

/** The items by the depth of their site. */
export const byDepth = <T extends { readonly site: string }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => depthOf(a.site) - depthOf(b.site) || a.site.localeCompare(b.site));

/** The text with a capital first letter. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
