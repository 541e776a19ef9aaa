/** @file Rows of several sites side by side: what a transcoder reads and predicts, what a crosscoder reads. */
import type { Activations } from '../activations/open.ts';
import { DictionaryError } from '../core/errors.ts';
import type { ActivationRows } from './rows.ts';

/** What of a site's harvest is read here. */
export type SiteRows = Pick<Activations, 'site' | 'width' | 'index' | 'load'>;

/**
 * The rows of a transcoder from `input` to `output`: of every position that both sites kept (each leaves out its own sinks).
 * @throws DictionaryError `dictionary.no-rows` when there is none
 */
export function transcoderRows(input: SiteRows, output: SiteRows): ActivationRows {
  const [x_ND, y_NE] = columns([input, output], 'apart');
  return { x_ND: x_ND!, width: input.width, y_NE: y_NE!, outputWidth: output.width };
}

/**
 * The rows of a crosscoder: the sites' rows behind one another, of every position that all of them kept.
 * @throws DictionaryError `dictionary.no-rows` when there is none
 */
export function crosscoderRows(sites: readonly SiteRows[]): ActivationRows {
  const [x_ND] = columns(sites, 'together');
  const parts = sites.map(({ site, width }) => ({ site, width }));
  return { x_ND: x_ND!, width: parts.reduce((sum, part) => sum + part.width, 0), sites: parts };
}

/** Common rows of each site as an array of its own, or of all in one; on memory that threads share. */
function columns(sites: readonly SiteRows[], as: 'apart' | 'together'): Float32Array[] {
  const picks = commonRows(sites);
  const rows = picks[0]?.length ?? 0;
  if (rows === 0)
    throw new DictionaryError('dictionary.no-rows', 'no position was kept at every site', {
      where: sites.map(({ site }) => site).join(', '),
      hint: 'harvest the sites together, from the same text',
    });
  const total = sites.reduce((sum, { width }) => sum + width, 0);
  const empty = (width: number) => new Float32Array(new SharedArrayBuffer(4 * rows * width));
  const whole = as === 'together' ? empty(total) : undefined;
  let from = 0;
  return sites.map(({ width, load }, i) => {
    const out = whole ?? empty(width);
    const [stride, first] = whole ? [total, from] : [width, 0];
    const all = load();
    picks[i]!.forEach((row, n) => {
      out.set(all.subarray(row * width, (row + 1) * width), n * stride + first);
    });
    from += width;
    return out;
  });
}

/** Of each site the numbers of the rows whose window and position every site has; a harvest has them in that order. */
function commonRows(sites: readonly SiteRows[]): number[][] {
  const next = sites.map(() => 0);
  const common: number[][] = sites.map(() => []);
  while (sites.length > 0 && sites.every(({ index }, i) => next[i]! < index.window.length)) {
    const places = sites.map(({ index }, i) => index.window[next[i]!]! * 2 ** 32 + index.position[next[i]!]!);
    const farthest = Math.max(...places);
    const shared = places.every((place) => place === farthest);
    for (const [i, place] of places.entries()) {
      if (shared) common[i]!.push(next[i]!);
      if (shared || place < farthest) next[i]!++;
    }
  }
  return common;
}
