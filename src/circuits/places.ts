/** @file Places: where dictionaries may sit, by depth; a complete place is a cut that all influence passes. */
import { residualCuts } from '../models/sites.ts';
import type { ModelShape } from '../models/types.ts';

/** A value [batch, position, width] of the network at which nodes live: features of a dictionary there, and its error. */
export interface Place {
  /** Name of the value. */
  readonly site: string;
  /**
   * Order of computation. Of a transformer: 0 the embedding, l + 1 the residual stream after block l, between them
   * l + ¼ what attention writes, l + ½ the stream between, l + ⅝ the neurons, l + ¾ what the MLP writes. Places of
   * parallel blocks stand in the same order, though neither reads the other.
   */
  readonly depth: number;
  readonly width: number;
  /** Whether everything the network knows passes here at this depth. */
  readonly complete: boolean;
}

/** All places of a transformer, in order of depth. */
export function placesOf(shape: ModelShape): Place[] {
  const { width, mlpWidth } = shape;
  const [embed, ...posts] = residualCuts(shape) as [string, ...string[]];
  const stream = (site: string, depth: number, complete: boolean): Place => ({
    site,
    depth,
    width,
    complete,
  });
  return [
    stream(embed, 0, true),
    ...posts.flatMap((post, l) => {
      const at = `blocks.${l}`;
      return [
        stream(`${at}.hook_attn_out`, l + 1 / 4, false),
        ...(shape.parallel ? [] : [stream(`${at}.hook_resid_mid`, l + 1 / 2, true)]),
        { site: `${at}.mlp.hook_post`, depth: l + 5 / 8, width: mlpWidth, complete: false },
        stream(`${at}.hook_mlp_out`, l + 3 / 4, false),
        stream(post, l + 1, true),
      ];
    }),
  ];
}
