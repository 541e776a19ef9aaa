/** @file Importance of features by every measure, beside their exact effects: a sample of features at one place. */
import { quadrature } from '../../autodiff/quadrature.ts';
import { ablationStart, openAblation } from '../../circuits/ablation.ts';
import { areas, type SizedRun } from '../../circuits/areas.ts';
import { type Baseline, baselineState } from '../../circuits/baselines.ts';
import { costatesAt } from '../../circuits/costates.ts';
import type { Network } from '../../circuits/cuts.ts';
import { alongFeature, featureChanges } from '../../circuits/effects.ts';
import type { Pairs } from '../../circuits/examples.ts';
import { type FeatureState, meanState } from '../../circuits/feature-state.ts';
import { lineCostates } from '../../circuits/line.ts';
import { type ReadPlace, readPlaces } from '../../circuits/node-effects.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { ERROR, type NodeRef } from '../../circuits/select.ts';
import { EnergyError } from '../../core/errors.ts';
import { type Random, random } from '../../core/random.ts';
import type { Estimate } from '../../core/statistics.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { RecordedDictionary } from '../learning/dictionary-run.ts';
import { exactFeatureEffects } from './exact-effects.ts';
import { allMeasures, learningMeasuresOf, MEASURES, measureNames, measuresOf } from './measures.ts';
import { activeCounts, featurePaths } from './paths.ts';
import { type RankedFeature, scoreMeasure } from './scores.ts';
import type { ImportanceResult, ImportanceRun, MeasureName, Measures, ScoreBesideNulls } from './types.ts';

export interface ImportanceInput {
  /** With a metric: of a task (networkOf), or of plain text (textNetwork). */
  readonly network: Network;
  /** How the network is called in results: `trained`, or the name of a null. */
  readonly name: string;
  /** What the metric is, in a few words. */
  readonly metric: string;
  readonly dictionary: Dictionary;
  readonly pairs: Pairs;
  /** What features change to: `counterfactual` for pairs of a task, `zero` for plain text. */
  readonly baseline: Baseline;
  /** Examples that faithfulness over each ranking is scored on; without them no areas are taken. */
  readonly heldOut?: Pairs;
  /** Features whose exact effects are run. */
  readonly sample: number;
  /** Features active at fewer positions are not sampled. */
  readonly minActive: number;
  readonly seed: number;
  /** The dictionary's training, where it was recorded: the learning clock then ranks as well. */
  readonly recorded?: Pick<RecordedDictionary, 'work' | 'training'>;
}

/** Shares of the eligible features that are kept for areas. */
const SHARES = [0.02, 0.05, 0.1, 0.2, 0.5];
const RULE = 'midpoint-10';
/** Ranks of fewer features say nothing. */
const FEWEST = 4;
/** k of the precision as a share of the sample. */
const TOP = 0.1;

/**
 * Ranks features of one place by every measure and compares with |exact effect| of a random sample.
 * @throws EnergyError `energy.few-features` when fewer than four are active often enough
 */
export async function measureImportance(input: ImportanceInput, run: RunOptions): Promise<ImportanceRun> {
  const begun = performance.now();
  const { network, dictionary, pairs, seed } = input;
  const { site } = dictionary;
  const stream = random(seed).fork(`importance/${site}`);
  const read = await readPlaces(network, [dictionary], pairs, run);
  const place = read.places[0]!;
  const other = baselineState(input.baseline, place.patch, dictionary);
  const eligible = eligibleFeatures(input, place.clean);
  const measures = await measuresOfAll(input, place, other, eligible, stream, run);
  const { recorded } = input;
  const names = recorded ? allMeasures : measureNames;
  const sample = stream
    .fork('sample')
    .shuffle(eligible)
    .slice(0, input.sample)
    .sort((a, b) => a - b);
  const states = { clean: place.clean, other };
  const exact = await exactFeatureEffects(
    network,
    dictionary,
    states,
    pairs,
    read.clean.metric_B,
    sample,
    run,
    place.start,
  );
  const ranked = sample.map(
    (i): RankedFeature => ({ effect: meanSize(exact.get(i)!), measures: measures.get(i)! }),
  );
  const k = Math.max(1, Math.round(TOP * sample.length));
  const under = input.heldOut
    ? await rankingAreas(input, input.heldOut, other, names, measures, stream, run)
    : undefined;
  return {
    network: input.name,
    ...{ site, metric: input.metric, examples: pairs.examples, positions: pairs.positions },
    ...{ features: sample.length, eligible: eligible.length, k },
    scores: names.map((name) => ({
      ...scoreMeasure(name, MEASURES[name], ranked, k, stream.fork('scores')),
      ...(under ? { cmd: under.get(name)! } : {}),
    })),
    rows: sample.map((feature, j) => ({
      feature,
      effect: ranked[j]!.effect,
      measures: names.map((name) => ranked[j]!.measures[name] ?? Number.NaN),
    })),
    ...(recorded ? { training: recorded.training } : {}),
    seconds: (performance.now() - begun) / 1000,
  };
}

/** Features that are active often enough. @throws EnergyError `energy.few-features` */
function eligibleFeatures(
  { dictionary: { site }, minActive }: ImportanceInput,
  clean: FeatureState,
): number[] {
  const counts = activeCounts(clean);
  const eligible = Array.from(counts.keys()).filter((i) => counts[i]! >= minActive);
  if (eligible.length >= FEWEST) return eligible;
  throw new EnergyError(
    'energy.few-features',
    `${eligible.length} features of ${site} are active at ${minActive} positions or more`,
    { where: site, hint: 'give more examples, or lower how often a feature has to be active' },
  );
}

/** Every measure of the eligible features: one backward pass, and those of a line to the other state. */
async function measuresOfAll(
  { network, dictionary, pairs, recorded }: ImportanceInput,
  { clean, start }: ReadPlace,
  other: FeatureState,
  eligible: readonly number[],
  stream: Random,
  run: RunOptions,
): Promise<Map<number, Measures>> {
  const { site } = dictionary;
  const costates = await costatesAt(network, [site], pairs, run);
  const [line_BTD] = await lineCostates(
    network,
    site,
    pairs,
    clean.x_BTD,
    other.x_BTD,
    [quadrature(RULE)],
    run,
    start,
  );
  const energies = energiesOf(dictionary, clean, other, line_BTD!, new Set(eligible));
  const paths = featurePaths(dictionary, clean, costates[site]!, eligible);
  return new Map(
    eligible.map((i): [number, Measures] => [
      i,
      {
        ...measuresOf(paths.get(i)!, energies.get(i)!, stream.fork(`feature/${i}`)),
        ...(recorded ? learningMeasuresOf(recorded.work, i, stream.fork(`learning/${i}`)) : {}),
      },
    ]),
  );
}

const meanSize = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, v) => sum + Math.abs(v), 0) / values.length;

/** Σ over positions of e = (λ̄·d)(f − f′), by feature and example. */
function energiesOf(
  dictionary: Dictionary,
  clean: FeatureState,
  other: FeatureState,
  costate_BTD: Float32Array,
  wanted: ReadonlySet<number>,
): Map<number, Float64Array> {
  const { examples, positions, width } = clean;
  const energies = new Map([...wanted].map((i) => [i, new Float64Array(examples)]));
  for (let b = 0; b < examples; b++) {
    for (let t = 0; t < positions; t++) {
      for (const [i, change] of featureChanges(clean, other, b, t)) {
        const own = energies.get(i);
        if (own) own[b]! -= change * alongFeature(dictionary, i, costate_BTD, (b * positions + t) * width);
      }
    }
  }
  return energies;
}

/**
 * CMD of every ranking on held-out examples: the first features of the ranking keep their values at all positions, the
 * others take their position-wise mean; error nodes are always kept, since no ranking has a place for them.
 */
async function rankingAreas(
  { network, dictionary }: ImportanceInput,
  heldOut: Pairs,
  other: FeatureState,
  names: readonly MeasureName[],
  measures: ReadonlyMap<number, Measures>,
  stream: Random,
  run: RunOptions,
): Promise<Map<MeasureName, Estimate>> {
  const { site } = dictionary;
  const read = await readPlaces(network, [dictionary], heldOut, run, [ablationStart(network, [dictionary])]);
  const ablation = await openAblation(network, [{ dictionary, means: meanState(other, dictionary) }], run);
  try {
    const { clean, patch } = read.places[0]!;
    const circuits = ablation.on({
      pairs: heldOut,
      first_BTD: read.clean.states[ablationStart(network, [dictionary])]!,
      patch: [patch],
    });
    const nodes = (features: readonly number[]): NodeRef[] =>
      Array.from({ length: clean.positions }, (_, position) =>
        [ERROR, ...features].map((feature) => ({ site, position, feature })),
      ).flat();
    const empty_B = await circuits.metric(nodes([]));
    const found = new Map<MeasureName, Estimate>();
    for (const name of names) {
      const size = (feature: number) => measures.get(feature)?.[name] ?? Number.NaN;
      const order = [...measures.keys()].sort((a, b) => size(b) - size(a) || a - b);
      const runs: SizedRun[] = [];
      for (const share of SHARES) {
        const kept = order.slice(0, Math.round(share * order.length));
        runs.push({ share, metric_B: await circuits.metric(nodes(kept)) });
      }
      found.set(name, areas(runs, empty_B, read.clean.metric_B, stream.fork(`areas/${name}`)).cmd);
    }
    return found;
  } finally {
    await ablation.release();
  }
}

/** Runs put together: for each site and metric of the trained network, Spearman of every measure with its nulls beside it. */
export function besideNulls(runs: readonly ImportanceRun[]): ImportanceResult {
  const comparisons = runs
    .filter((own) => own.network === 'trained')
    .map(({ site, metric, scores }) => ({
      site,
      metric,
      scores: scores.map(
        ({ name, spearman: score }): ScoreBesideNulls => ({
          name,
          score,
          nulls: runs
            .filter((r) => r.network !== 'trained' && r.site === site && r.metric === metric)
            .map((r) => ({ name: r.network, score: r.scores.find((s) => s.name === name)!.spearman })),
        }),
      ),
    }));
  return { runs, comparisons };
}
