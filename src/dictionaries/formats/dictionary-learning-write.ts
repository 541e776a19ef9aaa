/** @file Writing for dictionary_learning: a state dict that its classes load, and the configuration that names the class. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../../core/tensor.ts';
import { writeJson } from '../../files/atomic.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import { writeTorch } from '../../files/torch.ts';
import type { Architecture } from '../kinds/registry.ts';
import type { Dictionary } from '../types.ts';
import { CONFIG, classes } from './dictionary-learning-classes.ts';
import { described, shifted, unsupported, type WriteOptions } from './format.ts';
import { meanActive } from './sparsity.ts';
import { shaped, transposed } from './tensors.ts';

/**
 * Writes ae.pt (or ae.safetensors, where that is asked for) and config.json in place of those that are there. Classes that
 * read x − b_dec get biases for that.
 * @throws DictionaryError `dictionary.unsupported`
 */
export async function writeDictionaryLearning(
  folder: string,
  d: Dictionary,
  { model, sparsity_F, safetensors }: WriteOptions,
): Promise<void> {
  const l0 = sparsity_F && Math.max(1, Math.round(meanActive(sparsity_F)));
  const name = classFor(d, folder, l0 !== undefined);
  const { isLinear, b_enc, b_dec, centred } = classes[name]!;
  const { features: F, width: D } = d;
  const { activation, b_enc_F } = centred ? shifted(d, 1) : d;
  const whole = (value: number): Tensor => ({ dtype: 'int32', shape: [], data: Int32Array.of(value) });
  const number = (value: number): Tensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) });
  const k = activation.kind === 'topk' ? activation.k : (l0 ?? 1);
  const tensors: Record<string, Tensor> = {
    [isLinear ? 'encoder.weight' : 'W_enc']: isLinear
      ? shaped([F, D], d.W_enc_FD)
      : shaped([D, F], transposed(d.W_enc_FD, F, D)),
    [isLinear ? 'decoder.weight' : 'W_dec']: isLinear
      ? shaped([D, F], transposed(d.W_dec_FD, F, D))
      : shaped([F, D], d.W_dec_FD),
    [b_enc]: shaped([F], b_enc_F),
    [b_dec]: shaped([D], d.b_dec_D),
    ...(activation.kind === 'gated'
      ? { r_mag: shaped([F], activation.r_mag_F), mag_bias: shaped([F], activation.b_mag_F) }
      : {}),
    ...(name === 'JumpReluAutoEncoder' && activation.kind === 'threshold'
      ? { threshold: shaped([F], activation.threshold_F) }
      : {}),
    ...(name === 'AutoEncoderTopK' ? { k: whole(k), threshold: number(-1) } : {}),
    ...(name === 'BatchTopKSAE' && activation.kind === 'threshold'
      ? { k: whole(k), threshold: number(activation.threshold_F[0]!) }
      : {}),
  };
  const [file, other] = safetensors ? ['ae.safetensors', 'ae.pt'] : ['ae.pt', 'ae.safetensors'];
  if (safetensors) await writeSafetensors(join(folder, file), tensors);
  else await writeTorch(join(folder, file), tensors);
  // An earlier export in the other form would be read beside this one's configuration.
  await rm(join(folder, other), { force: true });
  const { layer, run } = placeOf(d.site);
  await writeJson(join(folder, CONFIG), {
    trainer: {
      trainer_class: trainerOf[d.architecture] ?? null,
      dict_class: name,
      activation_dim: D,
      dict_size: F,
      ...(name === 'AutoEncoderTopK' || name === 'BatchTopKSAE' ? { k } : {}),
      ...{ lr: null, steps: null, seed: null },
      device: 'cpu',
      layer,
      lm_name: model ?? null,
      wandb_name: name,
      submodule_name: run ?? d.site,
    },
    // Readers of these files look some of it up; how it was trained here is not said in its terms.
    buffer: {
      ...{ d_submodule: D, io: 'out', n_ctxs: null, ctx_len: null },
      ...{ refresh_batch_size: null, out_batch_size: null, device: 'cpu' },
    },
  });
}

const trainerOf: Partial<Record<Architecture, string>> = { 'p-anneal': 'PAnnealTrainer' };

/** Its name for a site, and the block. */
function placeOf(site: string): { layer: number | null; run?: string } {
  const [, layer, place] = /^blocks\.(\d+)\.hook_(resid_post|resid_pre|mlp_out|attn_out)$/.exec(site) ?? [];
  return layer === undefined ? { layer: null } : { layer: Number(layer), run: `${place}_layer_${layer}` };
}

/** @throws DictionaryError `dictionary.unsupported` */
function classFor(d: Dictionary, folder: string, knowsL0: boolean): string {
  const { activation } = d;
  const isPlain = !d.output && !d.sites && !d.W_skip_ED && d.rowNorm === undefined;
  if (isPlain) {
    switch (activation.kind) {
      case 'relu':
        return 'AutoEncoderNew';
      case 'topk':
        return 'AutoEncoderTopK';
      case 'gated':
        return 'GatedAutoEncoder';
      case 'threshold': {
        const [first] = activation.threshold_F;
        const isOne = first !== undefined && first > 0 && activation.threshold_F.every((t) => t === first);
        // That class has a k, which is its L0; without one to write the thresholds say all.
        return isOne && knowsL0 && d.architecture === 'batchtopk' ? 'BatchTopKSAE' : 'JumpReluAutoEncoder';
      }
      default:
    }
  }
  throw unsupported(
    folder,
    `dictionary_learning has no class for a ${described(d)}`,
    'see docs/dictionaries.md, Formats, for what each format holds',
  );
}
