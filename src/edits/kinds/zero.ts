/** @file Zero ablation: δ = −c. Strength 1 takes it away, 0.5 halves it, 2 turns it round, below 0 makes it stronger. */
import { z } from 'zod';
import { atCoordinates, atFeatures } from './schema.ts';
import type { Kind } from './types.ts';

const schema = z.union([atCoordinates('zero', {}), atFeatures('zero', {})]);
export type Zero = z.output<typeof schema>;

export const zero: Kind<Zero> = {
  about: 'zero ablation of a site, head, neurons or features; strength below 0 makes them stronger',
  schema,
  strength: [-10, 10],
  form: () => ({ form: 'affine', scale: Float64Array.of(-1) }),
};
