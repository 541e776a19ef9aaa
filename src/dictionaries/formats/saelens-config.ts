/**
 * @file cfg.json of SAELens in one form: version 6, and the flat documents of versions before it (SAELens
 * loading/pretrained_sae_loaders.py, handle_pre_6_0_config).
 */
import { z } from 'zod';

export const CONFIG = 'cfg.json';
export const WEIGHTS = 'sae_weights.safetensors';

const size = z.int().min(1);

const documentSchema = z.looseObject({
  architecture: z.string().nullish(),
  d_in: size,
  d_sae: size,
  d_out: size.nullish(),
  apply_b_dec_to_input: z.boolean().nullish(),
  normalize_activations: z.union([z.boolean(), z.string()]).nullish(),
  k: z.number().nullish(),
  rescale_acts_by_decoder_norm: z.boolean().nullish(),
  residual_threshold: z.number().nullish(),
  max_iterations: size.nullish(),
  stop_on_duplicate_support: z.boolean().nullish(),
  metadata: z
    .looseObject({
      model_name: z.string().nullish(),
      hook_name: z.string().nullish(),
      hook_name_out: z.string().nullish(),
      hook_head_index: z.number().nullish(),
      hook_head_index_out: z.number().nullish(),
      training_architecture: z.string().nullish(),
    })
    .nullish(),
  // Of versions before 6.
  model_name: z.string().nullish(),
  hook_name: z.string().nullish(),
  hook_name_out: z.string().nullish(),
  hook_point: z.string().nullish(),
  hook_head_index: z.number().nullish(),
  hook_head_index_out: z.number().nullish(),
  hook_point_head_index: z.number().nullish(),
  activation_fn: z.string().nullish(),
  activation_fn_str: z.string().nullish(),
  activation_fn_kwargs: z.looseObject({ k: size.nullish() }).nullish(),
});

/** What the configuration says, old names and defaults resolved. */
export interface SaeLensConfig {
  readonly architecture: string;
  /** What it was trained as, where it was saved as something else. */
  readonly trainedAs?: string;
  readonly d_in: number;
  readonly d_sae: number;
  readonly d_out: number;
  readonly centred: boolean;
  readonly normalise: string;
  readonly activation: string;
  readonly k?: number;
  readonly byDecoderNorm: boolean;
  readonly pursuit: { readonly residual: number; readonly steps?: number; readonly stops: boolean };
  readonly model?: string;
  readonly hook?: string;
  readonly hookOut?: string;
  readonly head?: number;
  readonly headOut?: number;
}

/** Reads a document of any version; a zod schema in form, for readJson. */
export const saeLensConfig = {
  parse(value: unknown): SaeLensConfig {
    const c = documentSchema.parse(value);
    const about = c.metadata ?? {};
    const isTranscoder = c.architecture?.includes('transcoder') ?? false;
    const activation = c.activation_fn ?? c.activation_fn_str ?? 'relu';
    const k = c.activation_fn_kwargs?.k ?? c.k;
    const normalise = c.normalize_activations;
    const optional = {
      trainedAs: c.metadata?.training_architecture,
      k,
      model: about.model_name ?? c.model_name,
      hook: about.hook_name ?? c.hook_name ?? c.hook_point,
      hookOut: about.hook_name_out ?? c.hook_name_out,
      headOut: about.hook_head_index_out ?? c.hook_head_index_out,
      head: about.hook_head_index ?? c.hook_head_index ?? c.hook_point_head_index,
    };
    const known = Object.entries(optional).filter(([, v]) => v !== null && v !== undefined);
    return {
      // Without its k it is refused later; as `standard` it would pass for ReLU.
      architecture: activation === 'topk' ? 'topk' : (c.architecture ?? 'standard'),
      d_in: c.d_in,
      d_sae: c.d_sae,
      d_out: c.d_out ?? c.d_in,
      centred: !isTranscoder && (c.apply_b_dec_to_input ?? true),
      normalise:
        typeof normalise === 'boolean'
          ? normalise
            ? 'expected_average_only_in'
            : 'none'
          : (normalise ?? 'none'),
      activation,
      byDecoderNorm: c.rescale_acts_by_decoder_norm ?? false,
      pursuit: {
        residual: c.residual_threshold ?? 1e-2,
        ...(c.max_iterations ? { steps: c.max_iterations } : {}),
        stops: c.stop_on_duplicate_support ?? true,
      },
      ...(Object.fromEntries(known) as Partial<SaeLensConfig>),
    };
  },
};
