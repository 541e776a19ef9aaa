/** @file The sites of a model by their TransformerLens names, with shapes, in the order of computation. */
import type { Dim } from '../graph/types.ts';
import type { ModelShape, SiteInfo } from './types.ts';

/** Every site of the graph that buildModel() makes. */
export function modelSites(shape: ModelShape): SiteInfo[] {
  const { width: D, heads, kvHeads, headWidth, mlpWidth } = shape;
  const patches = shape.image ? (shape.image.size / shape.image.patch) ** 2 : 0;
  const position: Dim = shape.image ? patches + 1 : 'position';
  const stream = (...rest: Dim[]): Dim[] => ['batch', position, ...rest];
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
    shape: ['batch', heads, position, position],
  });
  const norm = (at: string, block?: number) => [
    flat(`${at}.hook_scale`, 1, block),
    flat(`${at}.hook_normalized`, D, block),
  ];
  const headNorm = (at: string, count: number, block: number): SiteInfo[] => [
    { name: `${at}.hook_scale`, width: count, block, shape: stream(count, 1) },
    perHead(`${at}.hook_normalized`, count, block),
  ];
  const attention = (at: string, i: number) => [
    perHead(`${at}.hook_q`, heads, i),
    perHead(`${at}.hook_k`, kvHeads, i),
    perHead(`${at}.hook_v`, kvHeads, i),
    ...(shape.headNorm
      ? [...headNorm(`${at}.q_norm`, heads, i), ...headNorm(`${at}.k_norm`, kvHeads, i)]
      : []),
    ...(shape.ropeBase === 0
      ? []
      : [perHead(`${at}.hook_rot_q`, heads, i), perHead(`${at}.hook_rot_k`, kvHeads, i)]),
    square(`${at}.hook_attn_scores`, i),
    square(`${at}.hook_pattern`, i),
    perHead(`${at}.hook_z`, heads, i),
  ];
  const feedForward = (at: string, i: number) => [
    flat(`${at}.hook_pre`, mlpWidth, i),
    ...((shape.gated ?? true) ? [flat(`${at}.hook_pre_linear`, mlpWidth, i)] : []),
    flat(`${at}.hook_post`, mlpWidth, i),
  ];
  const after = shape.normPlace === 'after';
  const around = shape.normPlace === 'around';
  const blocks = Array.from({ length: shape.layers }, (_, i) => {
    const at = `blocks.${i}`;
    const mid = flat(`${at}.hook_resid_mid`, D, i);
    return [
      flat(`${at}.hook_resid_pre`, D, i),
      ...(after ? [] : norm(`${at}.ln1`, i)),
      ...attention(`${at}.attn`, i),
      ...(around ? norm(`${at}.ln1_post`, i) : []),
      flat(`${at}.hook_attn_out`, D, i),
      ...(shape.parallel ? [] : [mid]),
      ...norm(after ? `${at}.ln1` : `${at}.ln2`, i),
      ...feedForward(`${at}.mlp`, i),
      ...(around ? norm(`${at}.ln2_post`, i) : []),
      flat(`${at}.hook_mlp_out`, D, i),
      flat(`${at}.hook_resid_post`, D, i),
      ...(after ? [...norm(`${at}.ln2`, i), flat(`${at}.hook_normalized_resid_post`, D, i)] : []),
    ];
  });
  const embed: SiteInfo = { ...flat('hook_embed', D), shape: ['batch', shape.image ? patches : position, D] };
  return [
    embed,
    ...(shape.positionTable ? [flat('hook_pos_embed', D)] : []),
    ...(shape.tokenTypes ? [flat('hook_token_type_embed', D)] : []),
    ...(shape.kind === 'encoder' ? norm('embed.ln') : []),
    ...blocks.flat(),
    ...(shape.kind === 'encoder' ? [] : norm('ln_final')),
    ...(shape.head === 'masked' ? norm('mlm_head.ln') : []),
  ];
}

/**
 * The sites through which everything passes, by depth: what enters the first block, then what each block leaves.
 * Where nothing is added to the token embedding, it is the first.
 */
export const residualCuts = (shape: ModelShape): string[] => [
  shape.positionTable ? 'blocks.0.hook_resid_pre' : 'hook_embed',
  ...Array.from({ length: shape.layers }, (_, i) => `blocks.${i}.hook_resid_post`),
];
