/** @file Clamp: δ = v − c, features or coordinates held at a value. */
import { z } from 'zod';
import { atCoordinates, atFeatures, each, vector } from './schema.ts';
import type { Kind } from './types.ts';

const data = { to: each };
const schema = z.union([atCoordinates('clamp', data), atFeatures('clamp', data)]);
export type Clamp = z.output<typeof schema>;

export const clamp: Kind<Clamp> = {
  about: 'features, neurons, a head or a site held at a value',
  schema,
  strength: [0, 1],
  form: ({ to }, size) => ({
    form: 'affine',
    scale: Float64Array.of(-1),
    shift: vector(to, size, 'the value'),
  }),
};
