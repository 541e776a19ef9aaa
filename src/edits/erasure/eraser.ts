/** @file Erasers: affine maps of low rank that take a concept out of activations and leave their mean where it is. */
import { EditError } from '../../core/errors.ts';
import { f32 } from '../../core/tensor.ts';
import { replaceAt } from '../../graph/interventions.ts';
import type { Graph } from '../../graph/types.ts';

/**
 * x′ = x − U Vᵀ (x − μ), a projection of rank K: V reads the concept's directions, U says what is taken out for them.
 * With U = V orthonormal it is an orthogonal projection; LEACE's is oblique.
 */
export interface Eraser {
  readonly method: 'leace' | 'mean-difference' | 'inlp' | 'subspace';
  /** D. */
  readonly width: number;
  /** K; 0 when the concept is not linearly there: then x′ = x. */
  readonly rank: number;
  /** Row-major [D, K]. */
  readonly U_DK: Float64Array;
  readonly V_DK: Float64Array;
  /** μ, the mean of the rows it was fitted on. */
  readonly mean_D: Float64Array;
}

/** N rows of activations with the concept's value for each: row-major [N, D] and [N, Z]. */
export interface LabelledRows {
  readonly x_ND: ArrayLike<number>;
  readonly width: number;
  /** Numbers, or one column for each class but one (or for each: the rank is found). */
  readonly z_NZ: ArrayLike<number>;
  readonly concepts: number;
}

/** Number of rows. @throws EditError `edit.shape`, `edit.one-value` (the concept is the same in every row). */
export function countRows({ x_ND, width, z_NZ, concepts }: LabelledRows): number {
  const rows = x_ND.length / width;
  if (!Number.isInteger(rows) || rows < 2 || !(concepts >= 1) || z_NZ.length !== rows * concepts) {
    throw new EditError(
      'edit.shape',
      `${x_ND.length} numbers of width ${width} do not go with ${z_NZ.length} values of ${concepts} concepts`,
      { hint: 'give one row of activations and one row of concept values for each of at least two examples' },
    );
  }
  let varies = false;
  for (let i = concepts; i < z_NZ.length && !varies; i++) varies = z_NZ[i] !== z_NZ[i - concepts];
  if (!varies) {
    throw new EditError('edit.one-value', 'the concept has the same value in every example', {
      hint: 'erasing needs examples with the concept and examples without it',
    });
  }
  return rows;
}

/** x′ for N rows, in float64. */
export function erase({ width, rank, U_DK, V_DK, mean_D }: Eraser, x_ND: ArrayLike<number>): Float64Array {
  const erased = Float64Array.from(x_ND);
  const read_K = new Float64Array(rank);
  for (let from = 0; from < erased.length; from += width) {
    read_K.fill(0);
    for (let d = 0; d < width; d++) {
      const value = erased[from + d]! - mean_D[d]!;
      for (let k = 0; k < rank; k++) read_K[k]! += V_DK[d * rank + k]! * value;
    }
    for (let d = 0; d < width; d++) {
      for (let k = 0; k < rank; k++) erased[from + d]! -= U_DK[d * rank + k]! * read_K[k]!;
    }
  }
  return erased;
}

/** The graph with the eraser at `site`, at every position. @throws GraphError when the graph has no such value. */
export function eraseAt(graph: Graph, site: string, eraser: Eraser): Graph {
  const { width, rank, U_DK, V_DK, mean_D } = eraser;
  if (rank === 0) return graph;
  const U_KD = new Float64Array(rank * width);
  for (let d = 0; d < width; d++) for (let k = 0; k < rank; k++) U_KD[k * width + d] = U_DK[d * rank + k]!;
  return replaceAt(graph, site, (b, x) => {
    const centred = b.op('Sub', [x, b.constant(f32([width], mean_D), `${site}:erase-mean`)]);
    const read = b.op('MatMul', [centred, b.constant(f32([width, rank], V_DK), `${site}:erase-read`)]);
    const taken = b.op('MatMul', [read, b.constant(f32([rank, width], U_KD), `${site}:erase-take`)]);
    return b.op('Sub', [x, taken]);
  });
}
