/** @file Projection off the span of directions: δ = −(x − m)·Qᵀ·Q, Q an orthonormal basis of them (Bolukbasi et al. 2016). */
import { z } from 'zod';
import { f64 } from '../../core/tensor.ts';
import { orthonormalRows } from '../../graph/orthonormal.ts';
import { atFeatures, atSite, decoderRows, matrix, numbers, transposed, vector } from './schema.ts';
import { type Form, type Kind, onFeatures } from './types.ts';

const data = { about: numbers.optional() };
const schema = z.union([atSite('project', { directions: numbers, ...data }), atFeatures('project', data)]);
export type Project = z.output<typeof schema>;

export const project: Kind<Project> = {
  about: "off a direction, a subspace or the features' directions, around 0 or a mean (`about`)",
  schema,
  strength: [0, 1],
  state: true,
  form: (change, size) => {
    const rows = onFeatures(change)
      ? { rows: change.features.length, data: decoderRows(change) }
      : matrix(change.directions, { columns: size }, 'the matrix of directions');
    const Q = orthonormalRows(f64([rows.rows, size], rows.data), 'project');
    const rank = Q.shape[0]!;
    return affineAround(
      transposed(Q.data, rank, size),
      Q.data.map((q) => -q),
      rank,
      change.about && vector(change.about.data, size, 'the mean'),
    );
  },
};

/** δ = (x − centre)·read·write as a form. */
export function affineAround(
  read: Float64Array,
  write: Float64Array,
  rank: number,
  centre: Float64Array | undefined,
): Form {
  const lowRank = { rank, read, write };
  if (!centre) return { form: 'affine', lowRank };
  return { form: 'affine', lowRank, shift: times(centre, read, write, rank).map((v) => -v) };
}

/** c·read·write for one row c [n]. */
export function times(
  row: ArrayLike<number>,
  read: Float64Array,
  write: Float64Array,
  rank: number,
): Float64Array {
  const size = row.length;
  const out = new Float64Array(size);
  for (let k = 0; k < rank; k++) {
    let along = 0;
    for (let i = 0; i < size; i++) along += row[i]! * read[i * rank + k]!;
    for (let i = 0; i < size; i++) out[i]! += along * write[k * size + i]!;
  }
  return out;
}
