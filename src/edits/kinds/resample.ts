/** @file Resample ablation: δ = r − c with r from another example (Chan et al. 2022, causal scrubbing). */
import { z } from 'zod';
import { atCoordinates, atFeatures, matrix, numbers } from './schema.ts';
import type { Kind } from './types.ts';

const data = { rows: numbers };
const schema = z.union([atCoordinates('resample', data), atFeatures('resample', data)]);
export type Resample = z.output<typeof schema>;

/** Which row of `rows` stands in at position t of example b: row (b·RESAMPLE_STRIDE + t) mod count, the same in every run. */
export const RESAMPLE_STRIDE = 97;

export const resample: Kind<Resample> = {
  about:
    'resample ablation: values of other examples, in a fixed order, of a site, head, neurons or features',
  schema,
  strength: [0, 1],
  form: ({ rows }, size) => {
    const { rows: count, data: all } = matrix(rows, { columns: size }, 'the table of rows');
    return { form: 'rows', rows: all, count };
  },
};
