/** @file Stretched rotary embedding: divisors of the frequencies from what a configuration says (transformers, modeling_rope_utils.py). */
import { z } from 'zod';
import { badDescription } from './shape.ts';
import type { ModelShape } from './types.ts';

/** Rotary part of a configuration; newer versions call it rope_parameters and put the base into it. */
export const ropeScaling = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: z.number().nullish(),
  partial_rotary_factor: z.number().nullish(),
  factor: z.number().positive().nullish(),
  low_freq_factor: z.number().positive().nullish(),
  high_freq_factor: z.number().positive().nullish(),
  original_max_position_embeddings: z.number().positive().nullish(),
  attention_factor: z.number().positive().nullish(),
  beta_fast: z.number().nullish(),
  beta_slow: z.number().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  long_factor: z.array(z.number().positive()).nullish(),
  short_factor: z.array(z.number().positive()).nullish(),
});
export type RopeScaling = z.infer<typeof ropeScaling>;

/** What the divisors depend on: rotated numbers of a head, base, and the longest text. */
interface Rotary {
  readonly width: number;
  readonly base: number;
  readonly context: number;
}

type Stretched = Pick<ModelShape, 'ropeFactors' | 'ropeScale' | 'ropeLong'>;

/**
 * The shape's rotary fields. `dynamic` scaling changes nothing for texts within the model's context, which are all
 * that we run.
 * @throws ModelError `model.description` for a scaling that is not known
 */
export function stretchedRotary(scaling: RopeScaling, rotary: Rotary, where: string): Stretched {
  const kind = scaling.rope_type ?? scaling.type ?? 'default';
  const half = rotary.width / 2;
  const factor = scaling.factor ?? 1;
  switch (kind) {
    case 'default':
    case 'dynamic':
      return {};
    case 'linear':
      return { ropeFactors: Array.from({ length: half }, () => factor) };
    case 'llama3':
      return { ropeFactors: llama3(scaling, rotary) };
    case 'yarn':
      return yarn(scaling, rotary);
    case 'longrope':
    case 'su':
      return longRope(scaling, rotary, where);
    default:
      throw badDescription(where, `rotary scaling "${kind}"`);
  }
}

/** Llama 3.1: short wavelengths stay, long ones are divided, those between in part. */
function llama3(scaling: RopeScaling, { width, base }: Rotary): number[] {
  const [low, high] = [scaling.low_freq_factor ?? 1, scaling.high_freq_factor ?? 4];
  const original = scaling.original_max_position_embeddings ?? 8192;
  const factor = scaling.factor ?? 1;
  return Array.from({ length: width / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * base ** ((2 * i) / width);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** YaRN (Peng et al. 2023, arXiv:2309.00071, §3.4). */
function yarn(scaling: RopeScaling, { width, base, context }: Rotary): Stretched {
  const original = scaling.original_max_position_embeddings ?? context;
  const factor = scaling.factor ?? context / original;
  const mscale = (by = 1) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const { mscale: one, mscale_all_dim: all } = scaling;
  const scale = scaling.attention_factor ?? (one && all ? mscale(one) / mscale(all) : mscale());
  const dimOf = (turns: number) =>
    (width * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const whole = scaling.truncate ?? true;
  const bound = (x: number, round: (x: number) => number) => (whole ? round(x) : x);
  const low = Math.max(bound(dimOf(scaling.beta_fast || 32), Math.floor), 0);
  let high = Math.min(bound(dimOf(scaling.beta_slow || 1), Math.ceil), width - 1);
  if (low === high) high += 0.001;
  const ropeFactors = Array.from({ length: width / 2 }, (_, i) => {
    const stretched = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return 1 / (stretched / factor + (1 - stretched));
  });
  return { ropeFactors, ropeScale: scale };
}

/** LongRoPE (Ding et al. 2024, arXiv:2402.13753): one list of divisors for short texts, one for long ones. */
function longRope(scaling: RopeScaling, { width, context }: Rotary, where: string): Stretched {
  const { short_factor: short, long_factor: long } = scaling;
  const original = scaling.original_max_position_embeddings;
  if (short?.length !== width / 2 || long?.length !== width / 2 || !original)
    throw badDescription(where, 'long and short rotary factors do not fit the width of a head');
  const factor = scaling.factor ?? context / original;
  const natural = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    ropeFactors: short,
    ropeScale: scaling.attention_factor ?? natural,
    ropeLong: { after: original, factors: long },
  };
}
