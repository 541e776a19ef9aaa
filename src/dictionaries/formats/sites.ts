/** @file What other libraries call the places of a network, as our sites. */

/**
 * A hook of TransformerLens, also by the names of its bridge (`blocks.3.hook_out`), as one of our sites; names that it
 * does not know stay.
 */
export function siteOfHook(hook: string): string {
  const [, at, inner] = /^(blocks\.\d+)\.(.+)$/.exec(hook) ?? [];
  const ours = inner === undefined ? undefined : bridged.get(inner);
  return ours === undefined ? hook : `${at}.${ours}`;
}

const bridged: ReadonlyMap<string, string> = new Map([
  ['hook_in', 'hook_resid_pre'],
  ['hook_out', 'hook_resid_post'],
  ['mlp.hook_in', 'ln2.output'],
  ['mlp.hook_out', 'hook_mlp_out'],
  ['attn.hook_out', 'hook_attn_out'],
  ['hook_mlp_in', 'hook_resid_mid'],
]);

/**
 * The output of a module of a Hugging Face model by its path (`layers.3.mlp`, `model.layers.3`, `transformer.h.3.attn`),
 * and its input where that has a name; undefined for modules of other kinds.
 */
export function sitesOfModule(
  module: string,
): { readonly input?: string; readonly output: string } | undefined {
  if (/(^|\.)(embed_tokens|wte|embed_in)$/.test(module)) return { output: 'hook_embed' };
  const [, layer, inner] = /(?:^|\.)(?:layers|h)\.(\d+)(?:\.(.+))?$/.exec(module) ?? [];
  if (layer === undefined) return undefined;
  const at = `blocks.${layer}`;
  if (inner === undefined) return { input: `${at}.hook_resid_pre`, output: `${at}.hook_resid_post` };
  if (inner === 'mlp') return { input: `${at}.ln2.output`, output: `${at}.hook_mlp_out` };
  if (['attn', 'self_attn', 'attention'].includes(inner))
    return { input: `${at}.ln1.output`, output: `${at}.hook_attn_out` };
  return undefined;
}

/**
 * The place that dictionary_learning's names of runs and folders say: `resid_post_layer_3`, `mlp_out_layer2`,
 * `attn_out_layer5`, `embed` (Marks et al. 2024); undefined for other names.
 */
export function siteOfRun(name: string): string | undefined {
  if (name === 'embed') return 'hook_embed';
  const [, place, layer] =
    /^(resid_post|resid_out|resid_pre|mlp_out|attn_out)_layer_?(\d+)$/.exec(name) ?? [];
  if (place === undefined) return undefined;
  return `blocks.${layer}.hook_${place === 'resid_out' ? 'resid_post' : place}`;
}

/** A site of the same block as the one in a module path, for a hook named without its block (`hook_mlp_out`). */
export const siteInBlock = (layer: number, hook: string): string => siteOfHook(`blocks.${layer}.${hook}`);
