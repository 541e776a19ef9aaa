/** @file What the probes of the study score where there is nothing to find: labels shuffled among the rows they are trained on. */
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import type { Random } from '../../core/random.ts';
import { takeRows } from './apply.ts';
import type { SeedCounts } from './evaluate.ts';
import { keptRows, type LeakageRuns, leakageRuns, pick, seedStream } from './leakage.ts';
import type { BiasProblem } from './problem.ts';
import { type RightCounts, rightCounts, rightOf, unitsOf } from './runs.ts';
import { logitsOf } from './selection.ts';

/** A null: the leakage probes and the classifier on labels that were shuffled among the rows they are trained on. */
export async function nullRuns(
  problem: BiasProblem,
  seeds: SeedCounts,
  random: Random,
  signal?: AbortSignal,
): Promise<{ readonly leakage: LeakageRuns; readonly field: readonly RightCounts[] }> {
  const { oracleTrain, balanced, train, width } = problem;
  const shuffled = (labels: Uint8Array, name: string): Uint8Array =>
    Uint8Array.from(random.fork(name).shuffle(Array.from(labels)));
  const units = unitsOf(balanced);
  const all = Array.from({ length: seeds.probes }, (_, s) => s);
  const leakage = { linear: [] as RightCounts[], mlp: [] as RightCounts[], knn: [] as RightCounts[] };
  const field: RightCounts[] = [];
  for (const s of all) {
    // Every seed shuffles anew: one shuffle may go with the truth by chance.
    const one = await leakageRuns(
      {
        train: { ...oracleTrain, protected_N: shuffled(oracleTrain.protected_N, `null/protected/${s}`) },
        test: balanced,
        width,
        x_ND: oracleTrain.x_ND,
        y_MD: balanced.x_ND,
        units,
      },
      [s],
      true,
      random,
      signal,
    );
    leakage.linear.push(...one.linear);
    leakage.mlp.push(...one.mlp);
    leakage.knn.push(...one.knn);
    const labels = shuffled(train.outcome_N, `null/outcome/${s}`);
    const kept = keptRows(train, seedStream(random, s));
    const probe = fitStandardProbe(takeRows(train.x_ND, width, kept), pick(labels, kept), width);
    field.push(rightCounts(balanced, units, rightOf(logitsOf(probe, balanced.x_ND), balanced.outcome_N)));
  }
  return { leakage, field };
}
