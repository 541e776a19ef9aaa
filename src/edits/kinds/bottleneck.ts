/** @file Concept bottleneck (Koh et al. 2020, arXiv:2007.04612): the state as named concepts say it, without some of them. */
import { z } from 'zod';
import { times } from './project.ts';
import { atSite, matrix, numbers, vector } from './schema.ts';
import type { Kind } from './types.ts';

const schema = atSite('bottleneck', {
  /** [D, C]: concepts c = (x − centre)·read. */
  read: numbers,
  /** [C, D]: what they say of the state. */
  write: numbers,
  centre: numbers,
  /** For each concept: 1 keeps it, 0 drops it. */
  keep: z.array(z.number()).min(1),
  /** How much stays of what the concepts do not say: 0 is a bottleneck in earnest. */
  residual: z.number().min(0).max(1).default(0),
});
export type Bottleneck = z.output<typeof schema>;

/** x′ = m + r·((x − m) − c·write) + (keep ∘ c)·write, so δ = (r − 1)(x − m) + (x − m)·read·diag(keep − r)·write. */
export const bottleneck: Kind<Bottleneck> = {
  about: 'the state as a concept bottleneck says it, without the dropped concepts',
  schema,
  strength: [0, 1],
  state: true,
  form: ({ read: R, write: W, centre: m, keep, residual }, size) => {
    const { data: read, columns: rank } = matrix(R, { rows: size }, 'what reads the concepts');
    const { data: out } = matrix(W, { rows: rank, columns: size }, 'what the concepts say');
    const kept = vector(keep, rank, 'what is kept');
    const write = out.map((value, i) => value * (kept[Math.floor(i / size)]! - residual));
    const centre = vector(m.data, size, 'the centre');
    const along = times(centre, read, write, rank);
    return {
      form: 'affine',
      scale: Float64Array.of(residual - 1),
      lowRank: { rank, read, write },
      shift: along.map((value, i) => -value - (residual - 1) * centre[i]!),
    };
  },
};
