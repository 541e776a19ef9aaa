/** @file Beyond Hamilton on a network: ensembles of feature states, effective number of features, local learning coefficients. */
import { type Network, networkOf } from '../../circuits/cuts.ts';
import { encodeStates } from '../../circuits/encode-state.ts';
import { type Pairs, range } from '../../circuits/examples.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { WorkContext } from '../../core/progress.ts';
import { type Random, random } from '../../core/random.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { type CoactivationNorm, effectiveFeatures } from '../../energy/ensemble/coactivation.ts';
import { localLearning } from '../../energy/ensemble/local-learning.ts';
import {
  heatPeak,
  type MaskEnergies,
  maskThermodynamics,
  temperatureLadder,
  withoutInteraction,
} from '../../energy/ensemble/masks.ts';
import { networkMasks } from '../../energy/ensemble/network-masks.ts';
import { randomDirections } from '../../energy/ensemble/random-directions.ts';
import { multilinear, strengthThermodynamics } from '../../energy/ensemble/strengths.ts';
import { untrainedModel } from '../../energy/importance/null-networks.ts';
import { textNetwork, textPairs } from '../../energy/importance/text-network.ts';
import { readTexts } from '../../energy/sequence/read.ts';
import type { Model } from '../../models/types.ts';
import { basinPath, fiveInTwo } from '../../superposition/basins.ts';
import { toyLandscape } from '../../superposition/landscape.ts';
import { counted } from './runs.ts';
import {
  dictionaryAt,
  type EnergyRequest,
  openPairs,
  openSetting,
  openWindows,
  type TaskRequest,
  type TextRequest,
} from './setting.ts';
import type { CoactivationReport, EnsembleReport, MaskEnsembleReport } from './types.ts';

export interface EnsembleChoice {
  /** Features of the ensemble of masks: 2ⁿ runs of all prompts. */
  readonly masked: number;
  readonly site?: string;
  /** Rows of the co-activation matrix; its cost is cubic in them. */
  readonly rows: number;
}

/** Draws of random features beside the chosen ones. */
const RANDOM_DRAWS = 2;
/** Temperatures of the sampled ensemble among those of the exact one. */
const SAMPLED = [6, 12, 18];
/**
 * n of the local learning coefficient, which the expected loss of a toy model has none of by itself: so many that the chain
 * cannot leave the shallow basin of the digons.
 */
const EXAMPLES = 10_000_000;

/** Everything at one dictionary's cut: masks on a task, co-activation on text, coefficients of the toy model's two basins. */
export async function ensembleReport(
  request: EnergyRequest & TaskRequest & TextRequest,
  { masked, site, rows }: EnsembleChoice,
  context: WorkContext,
): Promise<EnsembleReport> {
  const begun = performance.now();
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const dictionary = dictionaryAt(dictionaries, site);
  const { task, title, pairs } = await openPairs(model, request);
  const windows = await openWindows(model, request, context);
  const texts = textPairs(windows, request.length);
  const about = { task: 'ensemble', label: `Ensembles at ${dictionary.site}` };
  return counted(context, about, run, async (counting) => {
    const { seed } = request;
    const found = await ensemblesOf(
      { model, network, dictionary, pairs, texts },
      { masked, rows },
      seed,
      counting,
    );
    return {
      ...{
        model: model.name,
        site: dictionary.site,
        task,
        title,
        examples: pairs.examples,
        text: request.text,
      },
      ...{ ...found, basins: basins(random(seed).fork('ensemble'), context.signal) },
      seconds: (performance.now() - begun) / 1000,
    };
  });
}

/** A network, the dictionary of one cut, a task's prompts for masks, and texts (of `textPairs`) for co-activation. */
export interface EnsembleSetting {
  readonly model: Model;
  readonly network: Network;
  readonly dictionary: Dictionary;
  readonly pairs: Pairs;
  readonly texts: Pairs;
}

/** Ensembles of masks and effective numbers of features, each beside its nulls. */
export async function ensemblesOf(
  { model, network, dictionary, pairs, texts }: EnsembleSetting,
  { masked, rows }: Pick<EnsembleChoice, 'masked' | 'rows'>,
  seed: number,
  run: RunOptions,
): Promise<Pick<EnsembleReport, 'masks' | 'coactivation'>> {
  const stream = random(seed).fork('ensemble');
  const networks = { trained: model, untrained: untrainedModel(model, seed) };
  return {
    masks: await maskEnsembles(
      { network, untrained: networkOf(networks.untrained) },
      dictionary,
      pairs,
      masked,
      stream,
      run,
    ),
    coactivation: await coactivations(networks, dictionary, texts, rows, stream, run),
  };
}

/** Features by Σ|f ∂m/∂f| over the prompts, largest first: those that are active at all. */
async function ranked(
  network: Network,
  dictionary: Dictionary,
  pairs: Pairs,
  run: RunOptions,
): Promise<number[]> {
  const weight = new Map<number, number>();
  await readTexts(network, dictionary, { pairs, scale: 1 }, run, ({ q_TK, V_TK, indices_TK }) => {
    q_TK.forEach((q, at) => {
      if (q === 0) return;
      const feature = indices_TK[at]!;
      weight.set(feature, (weight.get(feature) ?? 0) + Math.abs(V_TK[at]!));
    });
  });
  return [...weight].sort(([, a], [, b]) => b - a).map(([feature]) => feature);
}

async function maskEnsembles(
  { network, untrained }: { readonly network: Network; readonly untrained: Network },
  dictionary: Dictionary,
  pairs: Pairs,
  count: number,
  stream: Random,
  run: RunOptions,
): Promise<readonly MaskEnsembleReport[]> {
  const order = await ranked(network, dictionary, pairs, run);
  const n = Math.min(count, order.length);
  const chosen = order.slice(0, n);
  const energies = await networkMasks(network, dictionary, pairs, chosen, run);
  const sampled = sampledOn(energies, stream.fork('strengths'));
  const reports: MaskEnsembleReport[] = [
    { ...reportOf('features', chosen, energies), sampled },
    reportOf('without interaction', chosen, withoutInteraction(energies)),
  ];
  for (const draw of range(0, RANDOM_DRAWS)) {
    const features = stream.fork(`random ${draw}`).shuffle(order).slice(0, n);
    const found = await networkMasks(network, dictionary, pairs, features, run);
    reports.push(reportOf('random features', features, found));
  }
  const others = (await ranked(untrained, dictionary, pairs, run)).slice(0, n);
  if (others.length > 0) {
    reports.push(
      reportOf('untrained network', others, await networkMasks(untrained, dictionary, pairs, others, run)),
    );
  }
  return reports;
}

/** An ensemble on its own ladder of temperatures: V of another network or other features has another scale. */
function reportOf(
  name: MaskEnsembleReport['name'],
  features: readonly number[],
  energies: MaskEnergies,
): MaskEnsembleReport {
  const thermal = maskThermodynamics(energies, temperatureLadder(energies));
  return {
    ...{ name, features, thermal, peak: heatPeak(thermal) },
    all: energies.V_S.at(-1)!,
    none: energies.V_S[0]!,
    lowest: energies.V_S.reduce((least, V) => Math.min(least, V), Number.POSITIVE_INFINITY),
  };
}

function sampledOn(energies: MaskEnergies, stream: Random): MaskEnsembleReport['sampled'] {
  if (energies.features < 2) return [];
  const ladder = temperatureLadder(energies);
  const betas = SAMPLED.map((k) => ladder[k]!);
  return (['nuts', 'microcanonical'] as const).map((sampler) => ({
    sampler,
    thermal: strengthThermodynamics(multilinear(energies), betas, {
      ...{ sampler, draws: 1000, warmUp: 300 },
      random: stream.fork(sampler),
    }),
  }));
}

/** exp S on the trained network, for a dictionary of random directions, and on the untrained network. */
async function coactivations(
  { trained, untrained }: { readonly trained: Model; readonly untrained: Model },
  dictionary: Dictionary,
  texts: Pairs,
  rows: number,
  stream: Random,
  run: RunOptions,
): Promise<readonly CoactivationReport[]> {
  const { site } = dictionary;
  const statesOf = async (network: Network) =>
    (await forwardPairs(network, texts, [site], run)).clean.states[site]!;
  const shape = { examples: texts.examples, positions: texts.positions, width: dictionary.width };
  const one = async (name: CoactivationReport['name'], reader: Dictionary, x_BTD: Float32Array) => {
    const [state] = await encodeStates(reader, [x_BTD], shape, run.threads ?? 1);
    const code = { slots: state!.k, indices_BK: state!.indices_BTK, values_BK: state!.values_BTK };
    return (['cosine', 'energy'] as const satisfies CoactivationNorm[]).map((norm) => ({
      name,
      ...effectiveFeatures(code, { random: stream.fork('rows'), rows, norm }),
    }));
  };
  const x = await statesOf(textNetwork(trained));
  const untrained_BTD = await statesOf(textNetwork(untrained));
  return [
    ...(await one('trained', dictionary, x)),
    ...(await one('random dictionary', randomDirections(dictionary, stream.fork('directions')), x)),
    ...(await one('untrained network', dictionary, untrained_BTD)),
  ];
}

/** λ̂ of the two basins of the toy model: both are minima of the same network. */
export function basins(stream: Random, signal: AbortSignal | undefined): EnsembleReport['basins'] {
  const V = toyLandscape(fiveInTwo, 16);
  const { pentagon, digons } = basinPath({ frequencies: 16 });
  return [pentagon, digons].map(({ name, x }) => ({
    ...localLearning(V, x, {
      examples: EXAMPLES,
      draws: 600,
      warmUp: 200,
      random: stream.fork(name),
      ...(signal ? { signal } : {}),
    }),
    name,
  }));
}
