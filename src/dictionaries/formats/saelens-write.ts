/** @file Writing for SAELens: the documents are those of its version 6. */
import { join } from 'node:path';
import { writeJson } from '../../files/atomic.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import type { Architecture } from '../kinds/registry.ts';
import { type Dictionary, outputWidth } from '../types.ts';
import { described, unsupported, type WriteOptions } from './format.ts';
import { CONFIG, WEIGHTS } from './saelens-config.ts';
import { writeSparsity } from './sparsity.ts';
import { shaped, transposed } from './tensors.ts';

const VERSION = '6.0.0';

/**
 * Writes cfg.json and sae_weights.safetensors, the configuration last.
 * @throws DictionaryError `dictionary.unsupported`
 */
export async function writeSaeLens(
  folder: string,
  d: Dictionary,
  { model, sparsity_F }: WriteOptions,
): Promise<void> {
  const { activation, width: D, features: F } = d;
  const E = outputWidth(d);
  const architecture = architectureFor(d, folder);
  const isPursuit = activation.kind === 'pursuit';
  await writeSafetensors(join(folder, WEIGHTS), {
    ...(isPursuit
      ? {}
      : {
          W_enc: shaped([D, F], transposed(d.W_enc_FD, F, D)),
          [activation.kind === 'gated' ? 'b_gate' : 'b_enc']: shaped([F], d.b_enc_F),
        }),
    W_dec: shaped([F, E], d.W_dec_FD),
    b_dec: shaped([E], d.b_dec_D),
    ...(activation.kind === 'gated'
      ? { r_mag: shaped([F], activation.r_mag_F), b_mag: shaped([F], activation.b_mag_F) }
      : {}),
    ...(activation.kind === 'threshold' ? { threshold: shaped([F], activation.threshold_F) } : {}),
    ...(d.W_skip_ED ? { W_skip: shaped([E, D], d.W_skip_ED) } : {}),
  });
  if (sparsity_F) await writeSparsity(folder, sparsity_F);
  await writeJson(join(folder, CONFIG), {
    architecture,
    d_in: D,
    d_sae: F,
    ...(d.output ? { d_out: E } : {}),
    dtype: 'float32',
    device: 'cpu',
    // The centring by b_dec is in b_enc; a pursuit has no encoder that could hold it.
    apply_b_dec_to_input: isPursuit,
    normalize_activations:
      d.rowNorm === undefined ? 'none' : d.rowCentred ? 'layer_norm' : 'constant_norm_rescale',
    reshape_activations: d.site.endsWith('attn.hook_z') ? 'hook_z' : 'none',
    ...(activation.kind === 'topk' ? { k: activation.k, rescale_acts_by_decoder_norm: false } : {}),
    ...(isPursuit
      ? { residual_threshold: 0, max_iterations: activation.k, stop_on_duplicate_support: false }
      : {}),
    metadata: {
      sae_lens_version: VERSION,
      sae_lens_training_version: null,
      model_name: model ?? 'unknown',
      hook_name: d.site,
      hook_head_index: null,
      ...(d.output ? { hook_name_out: d.output.site, hook_head_index_out: null } : {}),
      prepend_bos: true,
      training_architecture: trainingNames[d.architecture] ?? architecture,
      neuronpedia_id: null,
    },
  });
}

const trainingNames: Partial<Record<Architecture, string>> = {
  batchtopk: 'batchtopk',
  matryoshka: 'matryoshka_batchtopk',
  'p-anneal': 'p_anneal',
};

/** @throws DictionaryError `dictionary.unsupported` */
function architectureFor(d: Dictionary, folder: string): string {
  const { kind } = d.activation;
  const skip = d.W_skip_ED ? 'skip_' : '';
  if (d.sites === undefined && d.output && d.rowNorm === undefined) {
    if (kind === 'relu') return `${skip}transcoder`;
    if (kind === 'threshold') return `jumprelu_${skip}transcoder`;
  }
  const freedom = d.rowCentred ? d.width - 1 : d.width;
  const norms = d.rowNorm === undefined || Math.abs(d.rowNorm ** 2 / freedom - 1) < 1e-6;
  const plain = {
    relu: 'standard',
    topk: 'topk',
    threshold: 'jumprelu',
    gated: 'gated',
    pursuit: 'matching_pursuit',
  };
  if (!d.output && !d.sites && norms && kind !== 'identity') return plain[kind];
  throw unsupported(
    folder,
    `SAELens has no form for a ${described(d)}`,
    'see docs/dictionaries.md, Formats, for what each format holds',
  );
}
