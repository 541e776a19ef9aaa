/** @file Erasing a concept that an eraser was fitted to: LEACE, INLP, difference in means (../erasure). */
import { z } from 'zod';
import { f64 } from '../../core/tensor.ts';
import type { Eraser } from '../erasure/eraser.ts';
import { affineAround } from './project.ts';
import { atSite, matrix, numbers, transposed, vector } from './schema.ts';
import type { Kind, Positions } from './types.ts';

const schema = atSite('erase', {
  /** How the eraser was fitted. */
  method: z.custom<Eraser['method']>((value) => typeof value === 'string', 'expected the name of a method'),
  /** U [D, K] says what is taken out, V [D, K] reads it: δ = −U Vᵀ (x − mean). */
  take: numbers,
  read: numbers,
  mean: numbers,
});
export type Erase = z.output<typeof schema>;

export const erase: Kind<Erase> = {
  about: 'a concept, by LEACE, INLP or difference in means',
  schema,
  strength: [0, 1],
  state: true,
  form: ({ take, read, mean }, size) => {
    const U = matrix(take, { rows: size }, 'what is taken out');
    const V = matrix(read, { rows: size, columns: U.columns }, 'what reads the concept');
    const write = transposed(U.data, size, U.columns).map((u) => -u);
    return affineAround(V.data, write, U.columns, vector(mean.data, size, 'the mean'));
  },
};

/** A fitted eraser as a change. The eraser must have found something (rank above 0). */
export const eraserChange = (
  site: string,
  { method, width, rank, U_DK, V_DK, mean_D }: Eraser,
  positions?: Positions,
): Erase => ({
  kind: 'erase',
  site,
  strength: 1,
  method,
  take: f64([width, rank], U_DK),
  read: f64([width, rank], V_DK),
  mean: f64([width], mean_D),
  ...(positions ? { positions } : {}),
});
