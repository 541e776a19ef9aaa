/** @file Scale: c becomes by ∘ c; 0 takes it away, above 1 makes it stronger. */
import { z } from 'zod';
import { atCoordinates, atFeatures, each, vector } from './schema.ts';
import type { Kind } from './types.ts';

const data = { by: each };
const schema = z.union([atCoordinates('scale', data), atFeatures('scale', data)]);
export type Scale = z.output<typeof schema>;

export const scale: Kind<Scale> = {
  about: 'features, neurons, a head or a site times a number, or each times its own',
  schema,
  strength: [-10, 10],
  by: () => [-100, 100],
  form: ({ by }, size) => ({
    form: 'affine',
    scale: vector(by, size, 'the factor').map((factor) => factor - 1),
  }),
};
