/** @file The sites of a Llama by their TransformerLens names, with shapes, in the order of computation. */
import type { Dim } from '../graph/types.ts';
import type { ModelShape, SiteInfo } from './types.ts';

/** Every site of the graph that buildLlama() makes. */
export function llamaSites(shape: ModelShape): SiteInfo[] {
  const { width: D, heads, kvHeads, headWidth, mlpWidth } = shape;
  const stream = (...rest: Dim[]): Dim[] => ['batch', 'position', ...rest];
  const flat = (name: string, width: number, block?: number): SiteInfo => ({
    name,
    width,
    ...(block === undefined ? {} : { block }),
    shape: stream(width),
  });
  const perHead = (name: string, count: number, block: number): SiteInfo => ({
    name,
    width: count * headWidth,
    block,
    shape: stream(count, headWidth),
  });
  const square = (name: string, block: number): SiteInfo => ({
    name,
    width: 0,
    block,
    shape: ['batch', heads, 'position', 'position'],
  });
  const norm = (at: string, block?: number) => [
    flat(`${at}.hook_scale`, 1, block),
    flat(`${at}.hook_normalized`, D, block),
  ];
  const blocks = Array.from({ length: shape.layers }, (_, i) => {
    const at = `blocks.${i}`;
    return [
      flat(`${at}.hook_resid_pre`, D, i),
      ...norm(`${at}.ln1`, i),
      perHead(`${at}.attn.hook_q`, heads, i),
      perHead(`${at}.attn.hook_k`, kvHeads, i),
      perHead(`${at}.attn.hook_v`, kvHeads, i),
      perHead(`${at}.attn.hook_rot_q`, heads, i),
      perHead(`${at}.attn.hook_rot_k`, kvHeads, i),
      square(`${at}.attn.hook_attn_scores`, i),
      square(`${at}.attn.hook_pattern`, i),
      perHead(`${at}.attn.hook_z`, heads, i),
      flat(`${at}.hook_attn_out`, D, i),
      flat(`${at}.hook_resid_mid`, D, i),
      ...norm(`${at}.ln2`, i),
      flat(`${at}.mlp.hook_pre`, mlpWidth, i),
      flat(`${at}.mlp.hook_pre_linear`, mlpWidth, i),
      flat(`${at}.mlp.hook_post`, mlpWidth, i),
      flat(`${at}.hook_mlp_out`, D, i),
      flat(`${at}.hook_resid_post`, D, i),
    ];
  });
  return [flat('hook_embed', D), ...blocks.flat(), ...norm('ln_final')];
}
