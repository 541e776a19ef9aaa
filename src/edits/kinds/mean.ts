/** @file Mean ablation: δ = m − c with the mean m over a text. */
import { z } from 'zod';
import { atCoordinates, atFeatures, numbers, vector } from './schema.ts';
import type { Kind } from './types.ts';

const data = { mean: numbers };
const schema = z.union([atCoordinates('mean', data), atFeatures('mean', data)]);
export type Mean = z.output<typeof schema>;

export const mean: Kind<Mean> = {
  about: 'mean ablation of a site, head, neurons or features',
  schema,
  strength: [-10, 10],
  form: ({ mean: m }, size) => ({
    form: 'affine',
    scale: Float64Array.of(-1),
    shift: vector(m.data, size, 'the mean'),
  }),
};
