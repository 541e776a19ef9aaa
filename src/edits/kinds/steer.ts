/** @file Steering: δ = by · v, or by · ‖x‖ · v/‖v‖ (Turner et al. 2023, arXiv:2308.10248; Rimsky et al. 2024, arXiv:2312.06681). */
import { z } from 'zod';
import { EditError } from '../../core/errors.ts';
import { atFeatures, atSite, decoderRows, numbers, vector } from './schema.ts';
import { type Kind, onFeatures } from './types.ts';

const data = { by: z.number().default(1), unit: z.enum(['raw', 'norm']).default('raw') };
const schema = z.union([atSite('steer', { vector: numbers, ...data }), atFeatures('steer', data)]);
export type Steer = z.output<typeof schema>;

export const steer: Kind<Steer> = {
  about: "along a vector or the features' directions: raw (x + by·v), or in units of the state's norm",
  schema,
  strength: [-10, 10],
  by: ({ unit }) => (unit === 'norm' ? [-10, 10] : [-1e4, 1e4]),
  state: true,
  form: (change, size) => {
    const { by, unit } = change;
    const along = directionOf(change, size);
    if (unit === 'raw') return { form: 'affine', shift: along.map((v) => by * v) };
    const length = Math.hypot(...along);
    if (!(length > 0)) {
      throw new EditError('edit.no-direction', 'the vector to steer along is 0', {
        hint: 'give a vector with a direction, or take `raw` units',
      });
    }
    return { form: 'norm', vector: along.map((v) => (by * v) / length) };
  },
};

/** The vector itself, or the sum of the features' decoder rows. */
function directionOf(change: Steer, size: number): Float64Array {
  if (!onFeatures(change)) return vector(change.vector.data, size, 'the vector');
  const rows = decoderRows(change);
  const sum = new Float64Array(size);
  rows.forEach((value, i) => {
    sum[i % size]! += value;
  });
  return sum;
}
