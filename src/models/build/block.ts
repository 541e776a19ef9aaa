/** @file One block of a transformer: norms before, after or around attention and feed-forward, one after the other or side by side. */
import { attention } from './attention.ts';
import { feedForward } from './mlp.ts';
import { norm } from './norm.ts';
import type { Parts } from './parts.ts';

/** Block `layer` over `input`. Returns blocks.{layer}.hook_resid_post, or what follows it where norms come after. */
export function block(parts: Parts, layer: number, input: string): string {
  const { b, shape } = parts;
  const at = `blocks.${layer}`;
  const pre = b.site(`${at}.hook_resid_pre`, input);
  const post = `${at}.hook_resid_post`;
  if (shape.normPlace === 'after') {
    // Vaswani et al. 2017, arXiv:1706.03762, as BERT has it.
    const attn = attention(parts, { layer, x: pre, residual: pre }, `${at}.hook_attn_out`);
    const mid = norm(parts, `${at}.ln1`, b.op('Add', [pre, attn], {}, `${at}.hook_resid_mid`));
    const mlp = feedForward(parts, at, mid, `${at}.hook_mlp_out`);
    const normed = norm(parts, `${at}.ln2`, b.op('Add', [mid, mlp], {}, post));
    return b.site(`${at}.hook_normalized_resid_post`, normed);
  }
  const around = shape.normPlace === 'around';
  const attend = (x: string) => {
    const name = `${at}.hook_attn_out`;
    const out = attention(parts, { layer, x, residual: pre }, around ? undefined : name);
    return around ? b.site(name, norm(parts, `${at}.ln1_post`, out)) : out;
  };
  const feed = (x: string) => {
    const name = `${at}.hook_mlp_out`;
    const out = feedForward(parts, at, x, around ? undefined : name);
    return around ? b.site(name, norm(parts, `${at}.ln2_post`, out)) : out;
  };
  const attn = attend(norm(parts, `${at}.ln1`, pre));
  if (shape.parallel) {
    const mlp = feed(norm(parts, `${at}.ln2`, pre));
    return b.op('Add', [b.op('Add', [pre, attn]), mlp], {}, post);
  }
  const mid = b.op('Add', [pre, attn], {}, `${at}.hook_resid_mid`);
  return b.op('Add', [mid, feed(norm(parts, `${at}.ln2`, mid))], {}, post);
}
