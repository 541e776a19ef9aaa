/** @file Concept bottleneck of rows: named concepts read by probes, and a classifier that sees only those it may see. */
import { fitProbe, type LinearProbe } from '../activations/probe.ts';
import { fitStandardProbe } from '../activations/probes/standard.ts';
import { EditError } from '../core/errors.ts';
import { factor } from '../mechanics/linear.ts';

/** A concept with labelled rows. */
export interface Concept {
  readonly name: string;
  /** 0 or 1 for each row. */
  readonly labels_N: ArrayLike<number>;
  /** Whether it says the protected attribute: then the classifier does not see it. */
  readonly aboutProtected: boolean;
}

/** C concepts as scores (x − centre)·read of unit variance, what they say of a row, and what is told from those that stay. */
export interface ConceptBottleneck {
  readonly names: readonly string[];
  readonly width: number;
  /** 1 for concepts that the classifier sees. */
  readonly keep: readonly number[];
  /** Row-major [D, C]. */
  readonly read_DC: Float64Array;
  /** Row-major [C, D]: the least squares of centred rows on the scores. */
  readonly write_CD: Float64Array;
  readonly centre_D: Float64Array;
  /** On the kept scores, in the order of `names`. */
  readonly classifier: LinearProbe;
}

/**
 * Fits a probe to each concept, then a classifier of the outcome to the scores of those concepts that are not about the protected
 * attribute (Koh et al. 2020, arXiv:2007.04612, with linear concepts).
 * @throws EditError `edit.shape`, `edit.one-value` (a concept or the outcome is the same in every row), `edit.no-concept`
 */
export function fitBottleneck(
  source: { readonly x_ND: ArrayLike<number>; readonly width: number; readonly outcome_N: ArrayLike<number> },
  concepts: readonly Concept[],
): ConceptBottleneck {
  const { x_ND, width: D, outcome_N } = source;
  const N = outcome_N.length;
  if (x_ND.length !== N * D || N < 2 || concepts.some((concept) => concept.labels_N.length !== N)) {
    throw new EditError('edit.shape', 'rows, outcomes and concept labels do not go together', {
      hint: 'give one row, one outcome and one label of each concept for each of at least two examples',
    });
  }
  const kept = concepts.flatMap((concept, c) => (concept.aboutProtected ? [] : [c]));
  if (kept.length === 0) {
    throw new EditError('edit.no-concept', 'no concept is left that the classifier may see', {
      hint: 'give concepts of the outcome, e.g. fields, beside those of the protected attribute',
    });
  }
  requireBoth(outcome_N, 'the outcome');
  const C = concepts.length;
  const centre_D = new Float64Array(D);
  for (let i = 0; i < N * D; i++) centre_D[i % D]! += x_ND[i]! / N;
  const read_DC = new Float64Array(D * C);
  concepts.forEach(({ name, labels_N }, c) => {
    requireBoth(labels_N, `the concept "${name}"`);
    const { w_D } = fitStandardProbe(x_ND, labels_N, D);
    let variance = 0;
    for (let n = 0; n < N; n++) {
      let score = 0;
      for (let d = 0; d < D; d++) score += w_D[d]! * (x_ND[n * D + d]! - centre_D[d]!);
      variance += (score * score) / N;
    }
    const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
    for (let d = 0; d < D; d++) read_DC[d * C + c] = w_D[d]! * scale;
  });
  const bottleneck = { width: D, read_DC, centre_D };
  const scores_NC = conceptScores(bottleneck, x_ND);
  const seen = pick(scores_NC, C, kept);
  return {
    names: concepts.map((concept) => concept.name),
    ...bottleneck,
    keep: concepts.map((concept) => (concept.aboutProtected ? 0 : 1)),
    write_CD: leastSquares(scores_NC, x_ND, centre_D, C),
    classifier: fitProbe(seen, outcome_N, kept.length, 1 / N),
  };
}

/** Scores of N rows, [N, C]. */
export function conceptScores(
  { width: D, read_DC, centre_D }: Pick<ConceptBottleneck, 'width' | 'read_DC' | 'centre_D'>,
  x_ND: ArrayLike<number>,
): Float64Array {
  const C = read_DC.length / D;
  const N = x_ND.length / D;
  const out_NC = new Float64Array(N * C);
  for (let n = 0; n < N; n++)
    for (let d = 0; d < D; d++) {
      const value = x_ND[n * D + d]! - centre_D[d]!;
      for (let c = 0; c < C; c++) out_NC[n * C + c]! += value * read_DC[d * C + c]!;
    }
  return out_NC;
}

/** The classifier behind the bottleneck as one probe of rows: its weights lie in the span of the kept concepts. */
export function bottleneckProbe({
  width: D,
  keep,
  read_DC,
  centre_D,
  classifier,
}: ConceptBottleneck): LinearProbe {
  const C = keep.length;
  const kept = Array.from(keep.keys()).filter((c) => keep[c] === 1);
  const w_D = Float64Array.from({ length: D }, (_, d) =>
    kept.reduce((sum, c, k) => sum + classifier.w_D[k]! * read_DC[d * C + c]!, 0),
  );
  const b = w_D.reduce((sum, w, d) => sum - w * centre_D[d]!, classifier.b);
  return { w_D, b, loss: classifier.loss };
}

const pick = (scores_NC: Float64Array, C: number, kept: readonly number[]): Float64Array =>
  Float64Array.from(
    { length: (scores_NC.length / C) * kept.length },
    (_, at) => scores_NC[Math.floor(at / kept.length) * C + kept[at % kept.length]!]!,
  );

/** W [C, D] of least squares: scores · W ≈ x − centre. A shift of 1e-9 keeps concepts that say the same apart. */
function leastSquares(
  scores_NC: Float64Array,
  x_ND: ArrayLike<number>,
  centre_D: Float64Array,
  C: number,
): Float64Array {
  const D = centre_D.length;
  const N = x_ND.length / D;
  const square = Array.from({ length: C }, (_, c) =>
    Float64Array.from({ length: C }, (__, b) => (b === c ? 1e-9 : 0)),
  );
  const right_DC = Array.from({ length: D }, () => new Float64Array(C));
  for (let n = 0; n < N; n++)
    for (let c = 0; c < C; c++) {
      const score = scores_NC[n * C + c]! / N;
      for (let b = 0; b < C; b++) square[c]![b]! += score * scores_NC[n * C + b]!;
      for (let d = 0; d < D; d++) right_DC[d]![c]! += score * (x_ND[n * D + d]! - centre_D[d]!);
    }
  const factors = factor(square, 'the concepts');
  const write_CD = new Float64Array(C * D);
  right_DC.forEach((right, d) => {
    factors.solve(right).forEach((value, c) => {
      write_CD[c * D + d] = value;
    });
  });
  return write_CD;
}

function requireBoth(labels_N: ArrayLike<number>, what: string): void {
  const [first] = Array.from(labels_N);
  if (Array.from(labels_N).some((label) => label !== first)) return;
  throw new EditError('edit.one-value', `${what} has the same value in every example`, {
    hint: 'bring examples with it and examples without it',
  });
}
