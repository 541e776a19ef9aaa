/** @file Concept bottleneck fitted to tasks: probes read the concepts, least squares says what they say of the state, some are dropped. */
import { fitStandardProbe } from '../activations/probes/standard.ts';
import type { Network } from '../circuits/cuts.ts';
import type { Pairs } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { EditError } from '../core/errors.ts';
import { f64 } from '../core/tensor.ts';
import { factor } from '../mechanics/linear.ts';
import { conceptRows } from './concepts.ts';
import { countRows, type LabelledRows } from './erasure/eraser.ts';
import type { Bottleneck } from './kinds/bottleneck.ts';

/** A task's contrast as a concept, and whether it stays. */
export interface TaskConcept {
  readonly pairs: Pairs;
  readonly keep: boolean;
}

/** Rows that tell a concept (all of one width), and whether it stays. */
export interface RowConcept extends LabelledRows {
  readonly keep: boolean;
}

export type BottleneckFit = Pick<Bottleneck, 'read' | 'write' | 'centre' | 'keep'>;

export interface BottleneckOptions {
  /** How much stays of what the concepts do not say; 0 when absent. */
  readonly residual?: number;
  /** The first position is changed too; else it is passed by. */
  readonly everyPosition?: boolean;
}

/**
 * The change at `site` that leaves of the state what the concepts of tasks say, without those that are not kept, fitted to train pairs.
 * @throws EditError `edit.no-concept` (nothing would be left of the state), and as bottleneckOf()
 */
export async function fitBottleneck(
  network: Network,
  site: string,
  concepts: readonly TaskConcept[],
  run: RunOptions,
  { residual = 0, everyPosition = false }: BottleneckOptions = {},
): Promise<Bottleneck> {
  if (residual === 0 && !concepts.some((concept) => concept.keep)) {
    throw new EditError('edit.no-concept', 'no concept stays: every state would be the mean', {
      where: site,
      hint: 'keep the concepts of other tasks, or some of what the concepts do not say (residual above 0)',
    });
  }
  const rows: RowConcept[] = [];
  for (const { pairs, keep } of concepts)
    rows.push({ ...(await conceptRows(network.graph, site, pairs, run)), keep });
  const where = everyPosition ? {} : { positions: { skipFirst: true } as const };
  return { kind: 'bottleneck', site, strength: 1, ...bottleneckOf(rows), residual, ...where };
}

/**
 * One score (x − centre)·read, of unit variance over all rows, for each column of each concept: a probe of the concept's own rows (Koh et
 * al. 2020, arXiv:2007.04612, with linear concepts). `write` is the least squares of all centred rows on the scores.
 * @throws EditError `edit.shape`, `edit.one-value` (a concept is the same in every row)
 */
export function bottleneckOf(concepts: readonly RowConcept[]): BottleneckFit {
  const D = concepts[0]?.width ?? 0;
  const counts = concepts.map(countRows);
  const N = counts.reduce((sum, count) => sum + count, 0);
  const x_ND = new Float64Array(N * D);
  let from = 0;
  for (const { x_ND: own, width } of concepts) {
    if (width !== D) {
      throw new EditError('edit.shape', `rows of width ${width} beside rows of width ${D}`, {
        hint: 'take the rows of all concepts at one site',
      });
    }
    x_ND.set(own as ArrayLike<number>, from);
    from += own.length;
  }
  const centre_D = new Float64Array(D);
  for (let i = 0; i < x_ND.length; i++) centre_D[i % D]! += x_ND[i]! / N;
  for (let i = 0; i < x_ND.length; i++) x_ND[i]! -= centre_D[i % D]!;
  const columns = concepts.flatMap((concept, c) =>
    Array.from({ length: concept.concepts }, (_, z) => {
      const labels_N = Uint8Array.from({ length: counts[c]! }, (__, n) =>
        concept.z_NZ[n * concept.concepts + z]! > 0.5 ? 1 : 0,
      );
      const { w_D } = fitStandardProbe(concept.x_ND, labels_N, D);
      const deviation = Math.sqrt(scoresOf(w_D, x_ND).reduce((sum, score) => sum + (score * score) / N, 0));
      return { keep: concept.keep ? 1 : 0, read_D: w_D.map((w) => (deviation > 0 ? w / deviation : 0)) };
    }),
  );
  const C = columns.length;
  const read_DC = new Float64Array(D * C);
  columns.forEach(({ read_D }, c) => {
    for (let d = 0; d < D; d++) read_DC[d * C + c] = read_D[d]!;
  });
  const scores = columns.map(({ read_D }) => scoresOf(read_D, x_ND));
  return {
    read: f64([D, C], read_DC),
    write: f64([C, D], leastSquares(scores, x_ND, D)),
    centre: f64([D], centre_D),
    keep: columns.map((column) => column.keep),
  };
}

const scoresOf = (read_D: Float64Array, x_ND: Float64Array): Float64Array =>
  Float64Array.from({ length: x_ND.length / read_D.length }, (_, n) =>
    read_D.reduce((sum, read, d) => sum + read * x_ND[n * read_D.length + d]!, 0),
  );

/** W [C, D] of least squares: Σ_c scores[c] W_c ≈ x. A shift of 1e-9 keeps concepts that say the same apart. */
function leastSquares(scores: readonly Float64Array[], x_ND: Float64Array, D: number): Float64Array {
  const N = x_ND.length / D;
  const square = scores.map((a, i) =>
    Float64Array.from(scores, (b, j) => a.reduce((sum, v, n) => sum + (v * b[n]!) / N, i === j ? 1e-9 : 0)),
  );
  const factors = factor(square, 'the concepts');
  const write_CD = new Float64Array(scores.length * D);
  for (let d = 0; d < D; d++) {
    const right_C = Float64Array.from(scores, (of) =>
      of.reduce((sum, v, n) => sum + (v * x_ND[n * D + d]!) / N, 0),
    );
    factors.solve(right_C).forEach((value, c) => {
      write_CD[c * D + d] = value;
    });
  }
  return write_CD;
}
