/** @file Exact effects of whole features: one run for each feature and example, in which it takes its other value everywhere. */
import type { Network } from '../../circuits/cuts.ts';
import { featureChanges } from '../../circuits/effects.ts';
import { metricWith } from '../../circuits/exact.ts';
import { chunks, type Pairs, pickPairs } from '../../circuits/examples.ts';
import type { FeatureState } from '../../circuits/feature-state.ts';
import type { Start } from '../../circuits/line.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Dictionary } from '../../dictionaries/types.ts';

/** Numbers of states held at once. */
const STATE_FLOATS = 2 ** 24;

/**
 * m(do f_i = f_i′ at all positions) − m(clean) for each feature and example; f′ is the other state's value (0 for ablation).
 * Only examples in which the feature changes are run.
 * @returns by feature, one number an example
 */
export async function exactFeatureEffects(
  network: Network,
  dictionary: Dictionary,
  { clean, other }: { readonly clean: FeatureState; readonly other: FeatureState },
  pairs: Pairs,
  clean_B: ArrayLike<number>,
  features: readonly number[],
  run: RunOptions,
  start?: Start,
): Promise<Map<number, Float64Array>> {
  const { examples, positions, width } = clean;
  const wanted = new Set(features);
  const jobs = new Map<
    string,
    { feature: number; example: number; moves: [position: number, by: number][] }
  >();
  for (let example = 0; example < examples; example++) {
    for (let position = 0; position < positions; position++) {
      for (const [feature, by] of featureChanges(clean, other, example, position)) {
        if (by === 0 || !wanted.has(feature)) continue;
        const key = `${feature}/${example}`;
        const job = jobs.get(key) ?? { feature, example, moves: [] };
        job.moves.push([position, by]);
        jobs.set(key, job);
      }
    }
  }
  const all = [...jobs.values()];
  const effects = new Map(features.map((feature) => [feature, new Float64Array(examples)]));
  const size = positions * width;
  for (const { from, to } of chunks(all.length, STATE_FLOATS / size)) {
    const some = all.slice(from, to);
    const x_JTD = new Float32Array(some.length * size);
    some.forEach(({ example, feature, moves }, j) => {
      x_JTD.set(clean.x_BTD.subarray(example * size, (example + 1) * size), j * size);
      for (const [position, by] of moves) {
        for (let d = 0; d < width; d++)
          x_JTD[j * size + position * width + d]! += by * dictionary.W_dec_FD[feature * width + d]!;
      }
    });
    const rows = some.map((job) => job.example);
    const metric_J = await metricWith(
      network,
      dictionary.site,
      x_JTD,
      pickPairs(pairs, rows),
      run,
      start && { site: start.site, x_BTD: pickRows(start.x_BTD, rows, examples) },
    );
    some.forEach(({ feature, example }, j) => {
      effects.get(feature)![example] = metric_J[j]! - clean_B[example]!;
    });
  }
  return effects;
}

function pickRows(values: ArrayLike<number>, rows: readonly number[], examples: number): Float32Array {
  const size = values.length / examples;
  const picked = new Float32Array(rows.length * size);
  rows.forEach((b, j) => {
    for (let i = 0; i < size; i++) picked[j * size + i] = values[b * size + i]!;
  });
  return picked;
}
