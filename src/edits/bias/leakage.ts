/** @file Leakage: new probes for the protected attribute, trained on edited rows of the persons that each seed draws. */
import { knnLogits, neighbours } from '../../activations/probes/knn.ts';
import { fitMlp, mlpLogits } from '../../activations/probes/mlp.ts';
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { giveWay } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { takeRows } from './apply.ts';
import type { BiasRows } from './problem.ts';
import { type RightCounts, rightCounts, rightOf, type Units } from './runs.ts';
import { logitsOf } from './selection.ts';

/** Share of the persons that one seed trains on. A seed draws them, and where a network's weights start. */
export const SEED_SHARE = 0.8;

/** Measured once per edit, whatever rows share it. */
export interface LeakageRuns {
  readonly linear: readonly RightCounts[];
  readonly mlp: readonly RightCounts[];
  readonly knn: readonly RightCounts[];
}

export interface LeakageInput {
  readonly train: BiasRows;
  readonly test: BiasRows;
  readonly width: number;
  readonly x_ND: ArrayLike<number>;
  readonly y_MD: ArrayLike<number>;
  readonly units: Units;
}

/** Probes for the protected attribute, trained on edited balanced rows, on edited test rows. */
export async function leakageRuns(
  { train, test, width, x_ND, y_MD, units }: LeakageInput,
  seeds: readonly number[],
  full: boolean,
  random: Random,
  signal?: AbortSignal,
): Promise<LeakageRuns> {
  const runs = { linear: [] as RightCounts[], mlp: [] as RightCounts[], knn: [] as RightCounts[] };
  const near = full ? neighbours(x_ND, y_MD, width) : undefined;
  const count = (logits: ArrayLike<number>): RightCounts =>
    rightCounts(test, units, rightOf(logits, test.protected_N));
  for (const s of seeds) {
    const kept = keptRows(train, seedStream(random, s));
    const [x, labels] = [takeRows(x_ND, width, kept), pick(train.protected_N, kept)];
    runs.linear.push(count(logitsOf(fitStandardProbe(x, labels, width), y_MD)));
    if (near) {
      runs.mlp.push(count(mlpLogits(fitMlp(x, labels, width, seedStream(random, s).fork('mlp')), y_MD)));
      const mask = new Uint8Array(train.ids.length);
      for (const n of kept) mask[n] = 1;
      runs.knn.push(count(knnLogits(near, train.protected_N, mask)));
    }
    await giveWay(signal);
  }
  return runs;
}

/** The stream of a seed: the same persons for every method, so that differences between methods are in pairs. */
export const seedStream = (random: Random, seed: number): Random => random.fork(`probe/${seed}`);

/** Rows of a random `SEED_SHARE` of the persons; every group of the rows keeps at least one. */
export function keptRows(rows: BiasRows, random: Random): number[] {
  const persons = [...new Set(rows.ids)];
  const kept = new Set(
    random.shuffle(persons).slice(0, Math.max(1, Math.round(SEED_SHARE * persons.length))),
  );
  const numbers = rows.ids.flatMap((id, n) => (kept.has(id) ? [n] : []));
  const both = (labels: Uint8Array) => new Set(numbers.map((n) => labels[n])).size === 2;
  // Few rows can lose a value by chance; then all of them are used.
  return both(rows.outcome_N) && both(rows.protected_N) ? numbers : rows.ids.map((_, n) => n);
}

export const pick = (labels_N: Uint8Array, numbers: readonly number[]): Uint8Array =>
  Uint8Array.from(numbers, (n) => labels_N[n]!);
