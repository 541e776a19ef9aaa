/** @file The self-check of dictionaries: exact top-k, variance explained of the mean, the training step's invariants. */
import { type Check, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { gradientDifference } from './check-gradients.ts';
import { encoder } from './encoder.ts';
import { exchangeDifference } from './formats/checks.ts';
import { fractionOfVarianceExplained } from './fve.ts';
import { recovery, syntheticRows } from './synthetic.ts';
import { trainDictionary } from './train.ts';
import type { Dictionary } from './types.ts';

const AREA = 'dictionaries';

/** Predicting the mean of data far from the origin explains nothing. */
function meanPredictor(): number {
  const r = random(1);
  const [rows, width] = [500, 16];
  const x = Float32Array.from({ length: rows * width }, () => 3 + r.normal());
  const mean = new Float64Array(width);
  x.forEach((value, i) => {
    mean[i % width]! += value / rows;
  });
  return Math.abs(
    fractionOfVarianceExplained(
      x,
      Float32Array.from(x, (_, i) => mean[i % width]!),
      width,
    ),
  );
}

/** Largest difference between the kernels' code and a plain sort in float64, over rows of a random dictionary. */
async function codeDifference(): Promise<number> {
  const r = random(2);
  const [D, F, k, B] = [24, 300, 12, 200];
  const normals = (n: number) => Float32Array.from({ length: n }, () => r.normal());
  const d: Dictionary = {
    ...{ architecture: 'topk', activation: { kind: 'topk', k }, site: 'check', modelHash: '' },
    ...{ width: D, features: F, sinkNorm: 1e9 },
    ...{ W_enc_FD: normals(F * D), b_enc_F: normals(F), W_dec_FD: normals(F * D), b_dec_D: normals(D) },
  };
  const x = normals(B * D);
  const opened = await encoder(d);
  const { indices_BK, values_BK } = await opened.encode(x);
  await opened.release();
  let worst = 0;
  for (let b = 0; b < B; b++) {
    const a = Array.from({ length: F }, (_, f) => {
      let sum: number = d.b_enc_F[f]!;
      for (let j = 0; j < D; j++) sum += d.W_enc_FD[f * D + j]! * x[b * D + j]!;
      return sum;
    });
    const kept = new Map(
      Array.from({ length: k }, (_, i) => [indices_BK[b * k + i]!, values_BK[b * k + i]!]),
    );
    const floor = Math.max(0, a.toSorted((p, q) => q - p)[k - 1]!);
    a.forEach((value, f) => {
      const got = kept.get(f) ?? 0;
      // What was left out must not exceed the k-th value; what was kept must be right.
      worst = Math.max(worst, got === 0 ? value - floor : Math.abs(got - value));
    });
  }
  return worst;
}

/** Two short runs, on one thread and on `threads`: largest difference of the weights, and of decoder norms from 1. */
async function trainingDifference(threads: number): Promise<{ weights: number; norms: number }> {
  const r = random(3);
  const width = 16;
  const x_ND = Float32Array.from({ length: 600 * width }, () => r.normal());
  const about = { architecture: 'topk', site: 'check', modelHash: '', sinkNorm: 1e9 } as const;
  const config = { ...about, features: 48, k: 4, batch: 100, passes: 2 };
  const run = (n: number) => trainDictionary({ x_ND, width }, config, { progress: () => {}, threads: n });
  const [{ dictionary: one }, { dictionary: many }] = [await run(1), await run(Math.max(2, threads))];
  const weights = one.W_enc_FD.reduce((a, value, i) => Math.max(a, Math.abs(value - many.W_enc_FD[i]!)), 0);
  let norms = 0;
  for (let f = 0; f < one.features; f++) {
    const row = one.W_dec_FD.subarray(f * width, (f + 1) * width);
    norms = Math.max(norms, Math.abs(Math.hypot(...row) - 1));
  }
  return { weights, norms };
}

/** 1 − mean cosine of 24 known directions in 16 dimensions with those that matching pursuit learns (graph engine). */
async function unfound(): Promise<number> {
  const [width, features] = [16, 24];
  const { x_ND, truth_GD } = syntheticRows({ rows: 6000, width, features, active: 2 }, random(1));
  const about = { architecture: 'matching-pursuit', site: 'check', modelHash: '', sinkNorm: 1e9 } as const;
  const { dictionary } = await trainDictionary(
    { x_ND, width },
    { ...about, features, k: 2, batch: 200, passes: 60, learningRate: 1e-2 },
    { progress: () => {}, threads: 1 },
  );
  return 1 - recovery(dictionary.W_dec_FD, truth_GD, width).matched;
}

export const checks: Check[] = [
  {
    area: AREA,
    async rows({ threads }) {
      const { weights, norms } = await trainingDifference(threads);
      return [
        checkRow(AREA, 'variance explained by predicting the mean is 0', meanPredictor(), 1e-6),
        checkRow(AREA, 'top-k code equals a plain sort in float64', await codeDifference(), 1e-4),
        checkRow(AREA, 'training gives the same weights on one thread and on several', weights, 0),
        checkRow(AREA, 'decoder rows keep norm 1 in training', norms, 1e-5),
        checkRow(
          AREA,
          'a fused step of each kind follows the gradient of its loss',
          await gradientDifference(),
          1e-5,
        ),
        checkRow(AREA, 'files of five formats give back what was written', await exchangeDifference(), 1e-5),
        checkRow(AREA, 'known features that training does not find: 1 − MCC', await unfound(), 0.1),
      ];
    },
  },
];
