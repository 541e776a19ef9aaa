/** @file Where a change can go into weights: the linear map that alone writes a site, or alone reads it. */
import type { ModelShape } from '../../models/types.ts';

/** The weights that a change at a site is put into. */
export type FoldPlace =
  /** x = u·W + b: W′ = W·A, b′ = b·A + c. */
  | { readonly side: 'writes'; readonly weight: string; readonly bias: string; readonly group: BiasGroup }
  /** y = x·W + b: W′ = A·W, b′ = b + c·W. */
  | { readonly side: 'reads'; readonly weight: string; readonly bias: string; readonly group: BiasGroup }
  /** x is a row of a table, times `times`. */
  | { readonly side: 'table'; readonly weight: string; readonly times: number }
  /** x is a sum, the last term of which is u·W + b: only c can be folded, b′ = b + c. */
  | { readonly side: 'sum'; readonly bias: string; readonly group: BiasGroup }
  | { readonly side: 'sum-table'; readonly weight: string; readonly times: number };

export type BiasGroup = 'qkv' | 'out' | 'mlp';

/** The place for `site`, or in words why there is none. */
export function foldPlace(site: string, shape: ModelShape): FoldPlace | string {
  if (shape.image) return 'models of images are not folded';
  const around = shape.normPlace === 'around';
  const embedding = { weight: 'W_E', times: shape.embedScale ?? 1 } as const;
  if (site === 'hook_embed') return { side: 'table', ...embedding };
  if (site === 'hook_pos_embed') return { side: 'table', weight: 'W_pos', times: 1 };
  const [, block, inner] = /^blocks\.(\d+)\.(.+)$/.exec(site) ?? [];
  if (block === undefined || inner === undefined) return 'no linear map alone writes or reads it';
  const at = `blocks.${block}`;
  const attention = (of: string, group: BiasGroup, side: 'writes' | 'reads'): FoldPlace => ({
    side,
    weight: `${at}.attn.W_${of}`,
    bias: `${at}.attn.b_${of}`,
    group,
  });
  const mlp = (of: string, side: 'writes' | 'reads'): FoldPlace => ({
    side,
    weight: `${at}.mlp.W_${of}`,
    bias: `${at}.mlp.b_${of}`,
    group: 'mlp',
  });
  const [, head] = /^attn\.hook_([qkv])$/.exec(inner) ?? [];
  if (head) return attention(head.toUpperCase(), 'qkv', 'writes');
  switch (inner) {
    case 'attn.hook_z':
      return attention('O', 'out', 'reads');
    case 'hook_attn_out':
      return around ? 'a norm stands between the map and the site' : attention('O', 'out', 'writes');
    case 'hook_mlp_out':
      return around ? 'a norm stands between the map and the site' : mlp('out', 'writes');
    case 'mlp.hook_post':
      return mlp('out', 'reads');
    case 'mlp.hook_pre':
      return mlp((shape.gated ?? true) ? 'gate' : 'in', 'writes');
    case 'mlp.hook_pre_linear':
      return mlp('in', 'writes');
    case 'hook_resid_mid':
      return around ? 'a norm stands before the sum' : { side: 'sum', bias: `${at}.attn.b_O`, group: 'out' };
    case 'hook_resid_post':
      return around ? 'a norm stands before the sum' : { side: 'sum', bias: `${at}.mlp.b_out`, group: 'mlp' };
    case 'hook_resid_pre':
      if (shape.normPlace === 'after') return 'a norm writes it';
      if (Number(block) > 0) return foldPlace(`blocks.${Number(block) - 1}.hook_resid_post`, shape);
      return { side: 'sum-table', ...embedding };
    default:
      return 'no linear map alone writes or reads it';
  }
}
