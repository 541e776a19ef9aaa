/** @file Self-check of importance and of circuits by energy, on planted networks whose circuit is known. */
import { meanState } from '../circuits/feature-state.ts';
import { everActive } from '../circuits/judge.ts';
import { gate } from '../circuits/planted/boolean.ts';
import { openPlanted, type PlantedSetting } from '../circuits/planted/methods.ts';
import { auroc } from '../circuits/planted/score.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { nodeId } from '../circuits/select.ts';
import { trainEffects } from '../circuits/train-effects.ts';
import { type CheckRow, checkRow } from '../core/check.ts';
import { silent } from '../core/progress.ts';
import { random } from '../core/random.ts';
import { conformalLeapfrog } from '../mechanics/optimisers/conformal-leapfrog.ts';
import { exactFeatureEffects } from './importance/exact-effects.ts';
import { movers, rankByMasks } from './masks/arms.ts';
import { openMaskLandscape } from './masks/landscape.ts';
import { moveMasks } from './masks/move.ts';

const row = (name: string, value: number, bar: number) => checkRow('energy', name, value, bar);

/** Rows of importance and masks, all on the planted gate. */
export async function featureRows(run: RunOptions): Promise<CheckRow[]> {
  const setting = openPlanted(gate(), 16, random(31), { ...run, threads: 1 });
  return [await importanceRow(setting, run), ...(await maskRows(setting, run))];
}

/** Rounding of a metric of about 4 in float32, and of a sum over the examples. */
const ROUNDING = 1e-5;

/** Setting a feature that is read at one position to its other value is what patching its node does. */
async function importanceRow({ network, places, pairs }: PlantedSetting, run: RunOptions): Promise<CheckRow> {
  const dictionary = places[0]!.dictionary;
  const train = await effects(network, [dictionary], pairs, 'exact', run);
  const [place] = train.places;
  const { clean, patch, effects: nodes } = place!;
  const features = Array.from({ length: dictionary.features }, (_, i) => i);
  const states = { clean, other: patch };
  const whole = await exactFeatureEffects(network, dictionary, states, pairs, train.clean_B, features, run);
  const apart = features.map((i) => {
    const mean = whole.get(i)!.reduce((sum, v) => sum + v, 0) / pairs.examples;
    return Math.abs(mean - nodes.features_TF[dictionary.features + i]!);
  });
  return row(
    'planted gate: exact effects of features apart from those of their nodes',
    Math.max(...apart),
    ROUNDING,
  );
}

async function maskRows(
  { network, places, pairs, truth }: PlantedSetting,
  run: RunOptions,
): Promise<CheckRow[]> {
  const dictionaries = places.map((p) => p.dictionary);
  const train = await effects(network, dictionaries, pairs, 'attribution-patching', run);
  const spliced = train.places.map(({ dictionary, patch }) => ({
    dictionary,
    means: meanState(patch, dictionary),
  }));
  const examples = { pairs, first_BTD: train.start_BTD };
  const landscape = await openMaskLandscape(network, spliced, examples, everActive(train), 'kl', run);
  try {
    const start = { sparsity: 0.01, start: 1 };
    const free = await moveMasks(landscape, conformalLeapfrog({ step: 0.4, friction: 0 }), {
      ...start,
      steps: 30,
    });
    const spread = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
    const drift = spread(free.steps.map((s) => s.energy)) / spread(free.steps.map((s) => s.potential));
    const { ranked, masks } = await rankByMasks(landscape, movers[0]!, { ...start, steps: 50 });
    const found = auroc(
      masks!,
      ranked.map((node) => truth.nodes.has(nodeId(node))),
    );
    return [
      row('masks of the planted gate without friction: H varies by, of V', drift, 0.02),
      row('masks of the planted gate by energy: 1 − AUROC of its nodes', 1 - found, 0.1),
    ];
  } finally {
    await landscape.release();
  }
}

const effects = (
  network: PlantedSetting['network'],
  dictionaries: Parameters<typeof trainEffects>[1],
  pairs: PlantedSetting['pairs'],
  method: string,
  run: RunOptions,
) =>
  trainEffects(
    network,
    dictionaries,
    pairs,
    { method, baseline: 'counterfactual' },
    { task: 'gate', title: 'gate' },
    { ...run, threads: 1 },
    { progress: silent },
  );
