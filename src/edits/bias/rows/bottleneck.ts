/** @file Concept bottleneck: the classifier sees how near a row lies to words of the outcome, and nothing else. */
import type { BiasProblem, BiasRows } from '../problem.ts';
import type { BiasMethodRow } from './types.ts';

export const bottleneck: BiasMethodRow = {
  method: 'bottleneck',
  title: 'concept bottleneck, retrained',
  sees: 'the confounded rows and a list of words of the fields',
  skyline: false,
  dictionary: false,
  strengthUnit: 'none',
  make({ problem }) {
    const { concepts, train, balanced, oracleTrain } = problem;
    if (!concepts) return { left: 'there are no concept words' };
    const through = (rows: BiasRows): BiasRows => ({ ...rows, x_ND: cosines(problem, rows) });
    return {
      steps: [{ strength: 1, edit: { kind: 'none' } }],
      classifier: 'retrained',
      rows: {
        width: concepts.names.length,
        train: through(train),
        balanced: through(balanced),
        oracleTrain: through(oracleTrain),
      },
      changed: concepts.names.length,
      note: 'replaces the state by a few numbers that the network cannot read: no KL, no other tasks',
    };
  },
};

/**
 * Cosines of centred rows with centred concept vectors, [N, C]: the bottleneck of Marks et al. (2024), appendix on baselines.
 * Rows are centred on the confounded rows' mean, concepts on their own.
 */
function cosines({ concepts, train, width: D }: BiasProblem, rows: BiasRows): Float32Array {
  const { names, vectors_CD } = concepts!;
  const C = names.length;
  const directions = centred(vectors_CD, meanRow(vectors_CD, D), D);
  const states = centred(rows.x_ND, meanRow(train.x_ND, D), D);
  const N = rows.ids.length;
  const out_NC = new Float32Array(N * C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += states[n * D + d]! * directions[c * D + d]!;
      out_NC[n * C + c] = sum;
    }
  }
  return out_NC;
}

function meanRow(x_ND: ArrayLike<number>, D: number): Float64Array {
  const mean_D = new Float64Array(D);
  for (let i = 0; i < x_ND.length; i++) mean_D[i % D]! += (x_ND[i]! * D) / x_ND.length;
  return mean_D;
}

/** Rows less the mean, each of length 1. */
function centred(x_ND: ArrayLike<number>, mean_D: Float64Array, D: number): Float64Array {
  const out = Float64Array.from({ length: x_ND.length }, (_, i) => x_ND[i]! - mean_D[i % D]!);
  for (let from = 0; from < out.length; from += D) {
    let square = 0;
    for (let i = from; i < from + D; i++) square += out[i]! ** 2;
    const length = Math.sqrt(square);
    if (length > 0) for (let i = from; i < from + D; i++) out[i]! /= length;
  }
  return out;
}
