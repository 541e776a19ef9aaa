/** @file One evaluator for all sides: dictionaries of any library, read by our readers, for raw activations, on the same held-out text. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silent } from '../../src/core/progress.ts';
import { type Evaluation, evaluate } from '../../src/dictionaries/evaluate.ts';
import { MANIFEST } from '../../src/dictionaries/files.ts';
import { openDictionary } from '../../src/dictionaries/formats/open.ts';
import type { Normalisation } from '../../src/dictionaries/normalise.ts';
import type { Activation, Dictionary } from '../../src/dictionaries/types.ts';
import type { fullStream } from '../sae/activations.ts';

export type FullStream = Awaited<ReturnType<typeof fullStream>>;

/** Windows that the cross-entropy is measured on: 2,048 tokens, the same for all sides. */
const CE_WINDOWS = 16;

/** Scores of the dictionary in `folder`, trained on normalised rows; kept beside it. */
export async function scored(folder: string, stream: FullStream): Promise<Evaluation> {
  const record = join(folder, 'scores.json');
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as Evaluation;
  const { site, sinkNorm, normal, model, heldOut_MD, windows } = stream;
  // Files of ours name a site; those of the libraries are told it.
  const ours = existsSync(join(folder, MANIFEST));
  const opened = await openDictionary(folder, ours ? {} : { site }, { progress: silent });
  const dictionary = { ...forRaw(opened.dictionary, normal), site, sinkNorm };
  const scores = await evaluate(
    { graph: model.graph, dictionary, heldOut_MD, mean_D: normal.centre, windows, ceWindows: CE_WINDOWS },
    { progress: silent, threads: 2 },
  );
  writeFileSync(record, JSON.stringify(scores, null, 2));
  return scores;
}

/**
 * The dictionary of raw x from one of z = (x − c)·s: W·z + b = s·(W·x + b/s − W·c), so that with f′ = f/s the encoder's and
 * the decoder's matrices stay, b′ = b/s − W·c, θ′ = θ/s, and b_dec′ = b_dec/s + c.
 */
export function forRaw(d: Dictionary, { centre, scale }: Normalisation): Dictionary {
  const shift_F = Float32Array.from({ length: d.features }, (_, f) => {
    let sum = 0;
    for (let j = 0; j < d.width; j++) sum += d.W_enc_FD[f * d.width + j]! * centre[j]!;
    return sum;
  });
  return {
    ...d,
    b_enc_F: d.b_enc_F.map((b, f) => b / scale - shift_F[f]!),
    b_dec_D: d.b_dec_D.map((b, j) => b / scale + centre[j]!),
    activation: activationForRaw(d.activation, shift_F, scale),
  };
}

function activationForRaw(activation: Activation, shift_F: Float32Array, scale: number): Activation {
  if (activation.kind === 'threshold')
    return { ...activation, threshold_F: activation.threshold_F.map((t) => t / scale) };
  if (activation.kind !== 'gated') return activation;
  const { r_mag_F, b_mag_F } = activation;
  return {
    ...activation,
    b_mag_F: b_mag_F.map((b, f) => b / scale - Math.exp(r_mag_F[f]!) * shift_F[f]!),
  };
}
