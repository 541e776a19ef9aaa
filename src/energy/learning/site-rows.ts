/** @file Activations of one site as rows to learn from, in memory: first positions and attention sinks left out. */
import { keepMask, rowNorms, sinkRule, sinkThreshold } from '../../activations/sinks.ts';
import { networkOf, placeOf } from '../../circuits/cuts.ts';
import { tokenStates } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Model } from '../../models/types.ts';

/** Rows of a site, and what a dictionary of them has to know. */
export interface SiteRows {
  /** [N, D]. */
  readonly x_ND: Float32Array;
  readonly width: number;
  readonly site: string;
  readonly modelHash: string;
  /** Rows with a norm above it were left out. */
  readonly sinkNorm: number;
}

/**
 * Runs windows of text as far as the site.
 * @param windows of `length` tokens or more each
 * @throws CircuitError `circuit.not-a-place`
 */
export async function siteRows(
  model: Model,
  site: string,
  windows: readonly { readonly tokens: Int32Array }[],
  length: number,
  run: RunOptions,
): Promise<SiteRows> {
  const network = networkOf(model);
  const { width } = placeOf(network, site);
  const ids_BT = Int32Array.from(windows.flatMap(({ tokens }) => [...tokens.subarray(0, length)]));
  const [states] = await tokenStates(network, [{ ids_BT, positions: length }], [site], run);
  const all_BD = states![site]!;
  const positions_B = Int32Array.from({ length: ids_BT.length }, (_, b) => b % length);
  const norms = rowNorms(all_BD, width).filter((_, b) => positions_B[b] !== 0);
  const sinkNorm = Math.min(Number.MAX_VALUE, sinkThreshold(norms, sinkRule));
  const keep_B = keepMask(all_BD, width, positions_B, sinkNorm);
  const x_ND = new Float32Array(width * keep_B.reduce((sum, kept) => sum + kept, 0));
  let at = 0;
  keep_B.forEach((kept, b) => {
    if (!kept) return;
    x_ND.set(all_BD.subarray(b * width, (b + 1) * width), at);
    at += width;
  });
  return { x_ND, width, site, modelHash: model.hash, sinkNorm };
}
