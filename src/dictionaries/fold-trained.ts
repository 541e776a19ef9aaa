/** @file The finished dictionary of trained parameters: normalisation, pre-bias and decoder norms folded into its weights. */
import type { Parameters } from './losses/objective.ts';
import { isTranscoder, type TrainingPlan } from './plan.ts';
import type { Scalings } from './scaling.ts';
import type { Activation, Dictionary, SitePart } from './types.ts';

/** What folding needs beside plan and parameters. */
export interface Trained {
  readonly scalings: Scalings;
  /** Learned by kinds that select over the batch; in what they compare. */
  readonly threshold?: number | undefined;
  /** The sites of a crosscoder. */
  readonly sites?: readonly SitePart[] | undefined;
}

/**
 * With z = (x − c)∘s and ŷ = (ẑ − …)/s_y + c_y: W_enc′ = W_enc∘s, b_enc′ = b_enc − W_enc·(s∘c) (− W_enc·b_dec with a
 * pre-bias), W_dec′ = W_dec/s_y, b_dec′ = b_dec/s_y + c_y − W_skip′·c. Then every decoder row is scaled to norm 1 and its
 * encoder row, biases and threshold by the inverse, which changes no reconstruction. A top-k must go on comparing what it
 * compared: its rows are scaled by that alone, which is norm 1 again unless rows are free or sites have scales of their own.
 */
export function foldTrained(plan: TrainingPlan, parameters: Parameters, trained: Trained): Dictionary {
  const { width: D, outputWidth: E, features: F, activation, architecture, site } = plan;
  const { input, output } = trained.scalings;
  const data = (name: string) => parameters[name]?.data;
  const W_dec = data('W_dec_FD')!;
  const b_dec = data('b_dec_D')!;
  const W_enc = data('W_enc_FD') ?? W_dec;
  const b_enc = data('b_enc_F');
  const r_mag = data('r_mag_F');
  const b_mag = data('b_mag_F');
  const theta = data('threshold_F');
  const out = {
    W_enc_FD: new Float32Array(F * D),
    b_enc_F: new Float32Array(F),
    W_dec_FD: new Float32Array(F * E),
    b_dec_D: new Float32Array(E),
  };
  const b_mag_F = new Float32Array(F);
  const threshold_F = new Float32Array(F);
  const typical = sum(E, (e) => output.scale[e]!) / E;
  for (let f = 0; f < F; f++) {
    const raw = rowNorm(W_dec, f, plan.blocks.length < 2 ? [E] : plan.blocks);
    const folded = Math.sqrt(sum(E, (e) => (W_dec[f * E + e]! / output.scale[e]!) ** 2));
    const compared = plan.byDecoderNorm && raw > 0 ? raw : 1;
    const n = activation === 'topk' || folded === 0 ? compared / typical : folded;
    const toCentre = sum(D, (d) => W_enc[f * D + d]! * input.scale[d]! * input.centre[d]!);
    const toBias = plan.preBias ? sum(D, (d) => W_enc[f * D + d]! * b_dec[d]!) : 0;
    for (let d = 0; d < D; d++) out.W_enc_FD[f * D + d] = n * W_enc[f * D + d]! * input.scale[d]!;
    for (let e = 0; e < E; e++) out.W_dec_FD[f * E + e] = W_dec[f * E + e]! / output.scale[e]! / n;
    out.b_enc_F[f] = n * ((b_enc?.[f] ?? 0) - toBias - toCentre);
    if (b_mag) b_mag_F[f] = n * (b_mag[f]! - Math.exp(r_mag![f]!) * (toBias + toCentre));
    threshold_F[f] = n * (theta ? theta[f]! : (trained.threshold ?? 0) / compared);
  }
  const skip = data('W_skip_ED');
  const W_skip_ED = skip?.map((v, i) => (v * input.scale[i % D]!) / output.scale[Math.floor(i / D)]!);
  for (let e = 0; e < E; e++) {
    const past = W_skip_ED ? sum(D, (d) => W_skip_ED[e * D + d]! * input.centre[d]!) : 0;
    out.b_dec_D[e] = b_dec[e]! / output.scale[e]! + output.centre[e]! - past;
  }
  return {
    ...{ architecture, site, modelHash: plan.modelHash, sinkNorm: plan.sinkNorm, width: D, features: F },
    activation: finished(plan, { threshold_F, b_mag_F, r_mag_F: r_mag?.slice() }),
    ...out,
    ...(isTranscoder(architecture) && { output: { site: plan.outputSite ?? site, width: E } }),
    ...(trained.sites && { sites: trained.sites }),
    ...(W_skip_ED && { W_skip_ED }),
    ...(input.rowNorm !== undefined && { rowNorm: input.rowNorm }),
  };
}

function finished(
  { activation, kFinal: k }: TrainingPlan,
  own: {
    threshold_F: Float32Array<ArrayBuffer>;
    b_mag_F: Float32Array<ArrayBuffer>;
    r_mag_F: Float32Array<ArrayBuffer> | undefined;
  },
): Activation {
  switch (activation) {
    case 'relu':
      return { kind: 'relu' };
    case 'topk':
      return { kind: 'topk', k };
    case 'pursuit':
      return { kind: 'pursuit', k };
    case 'gated':
      return { kind: 'gated', r_mag_F: own.r_mag_F!, b_mag_F: own.b_mag_F };
    case 'batchtopk':
    case 'jumprelu':
      return { kind: 'threshold', threshold_F: own.threshold_F };
  }
}

/** Length of a decoder row; of a crosscoder the lengths at its sites, added up. */
function rowNorm(W: Float32Array, f: number, blocks: readonly number[]): number {
  const E = blocks.reduce((a, b) => a + b, 0);
  let from = f * E;
  return sum(blocks.length, (i) => {
    const begin = from;
    from += blocks[i]!;
    return Math.sqrt(sum(blocks[i]!, (d) => W[begin + d]! ** 2));
  });
}

function sum(n: number, of: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += of(i);
  return total;
}
