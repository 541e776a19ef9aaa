/** @file A subspace set to given coordinates: δ = −(x·R − to)·Rᵀ (Geiger et al. 2024, arXiv:2303.02536: distributed interchange). */
import type { z } from 'zod';
import { EditError } from '../../core/errors.ts';
import { atSite, matrix, numbers, transposed, vector } from './schema.ts';
import type { Kind } from './types.ts';

const schema = atSite('subspace', {
  /** R [D, K] with orthonormal columns. */
  basis: numbers,
  /** [K]: what the coordinates x·R become. */
  to: numbers,
});
export type Subspace = z.output<typeof schema>;

export const subspace: Kind<Subspace> = {
  about: 'a subspace found by supervision (DAS-like) set to given coordinates',
  schema,
  strength: [0, 1],
  state: true,
  form: ({ basis, to }, size) => {
    const { data: read, columns: rank } = matrix(basis, { rows: size }, 'the basis');
    const back = transposed(read, size, rank);
    requireOrthonormal(back, rank, size);
    const shift = new Float64Array(size);
    vector(to.data, rank, 'what the coordinates become').forEach((value, k) => {
      for (let i = 0; i < size; i++) shift[i]! += value * back[k * size + i]!;
    });
    return { form: 'affine', lowRank: { rank, read, write: back.map((v) => -v) }, shift };
  },
};

/** @throws EditError `edit.vector`: with other columns the coordinates would not become what was asked for */
function requireOrthonormal(rows: Float64Array, rank: number, size: number): void {
  for (let a = 0; a < rank; a++) {
    for (let b = 0; b <= a; b++) {
      let product = 0;
      for (let i = 0; i < size; i++) product += rows[a * size + i]! * rows[b * size + i]!;
      if (Math.abs(product - (a === b ? 1 : 0)) < 1e-5) continue;
      throw new EditError('edit.vector', 'the columns of the basis are not orthonormal', {
        hint: 'give columns of length 1 at right angles, e.g. Q of a QR decomposition',
      });
    }
  }
}
