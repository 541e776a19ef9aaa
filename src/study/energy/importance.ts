/** @file Whether energy marks importance: every ranking beside exact effects, the same on an untrained network and shuffled layers. */

import { networkOf } from '../../circuits/cuts.ts';
import { EnergyError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { besideNulls, type ImportanceInput, measureImportance } from '../../energy/importance/importance.ts';
import { shuffledLayers, untrainedModel } from '../../energy/importance/null-networks.ts';
import { textNetwork, textPairs } from '../../energy/importance/text-network.ts';
import type { ImportanceResult, ImportanceRun } from '../../energy/importance/types.ts';
import { type RecordedOptions, trainRecorded } from '../../energy/learning/dictionary-run.ts';
import { siteRows } from '../../energy/learning/site-rows.ts';
import { findMaskCircuit, type MaskOptions } from '../../energy/masks/mask-circuit.ts';
import type { MaskCircuitResult } from '../../energy/masks/types.ts';
import type { Model } from '../../models/types.ts';
import { taskNamed } from '../circuits/find.ts';
import { counted } from './runs.ts';
import {
  dictionaryAt,
  type EnergyRequest,
  openPairs,
  openSetting,
  openWindows,
  siteAt,
  type TaskRequest,
  type TextRequest,
} from './setting.ts';

export interface ImportanceChoice {
  readonly site?: string;
  /** Features whose exact effects are run. */
  readonly sample: number;
  /** Features active at fewer positions are not sampled. */
  readonly minActive: number;
  /** Whether the nulls are run. */
  readonly nulls: boolean;
  /** On plain text against zero, or on a task's pairs against their counterparts. */
  readonly on: 'text' | 'task';
  /** A dictionary is learned here, its training recorded, so that the learning clock ranks its features too. */
  readonly learn?: LearnChoice;
}

/** How that dictionary is learned. */
export interface LearnChoice extends Omit<RecordedOptions, 'seed'> {
  /** Rows that steps learn from. */
  readonly rows: number;
}

/**
 * Rankings of one dictionary's features. The nulls read the same dictionary, whose directions they have never seen; a
 * dictionary that is learned here is learned anew of each null's own activations.
 * @throws EnergyError `energy.few-rows`; as `openSetting`, `measureImportance`, `trainRecorded`
 */
export async function importanceReport(
  request: EnergyRequest & TaskRequest & TextRequest,
  { site, sample, minActive, nulls, on, learn }: ImportanceChoice,
  context: WorkContext,
): Promise<ImportanceResult> {
  if (learn) requireLength(request);
  const { model, network, dictionaries, run } = await openSetting(
    request,
    { dictionaries: learn === undefined },
    context,
  );
  const { seed, length, threads } = request;
  const networks: [string, Model][] = [['trained', model]];
  if (nulls) {
    networks.push(['untrained', untrainedModel(model, seed)]);
    networks.push(['shuffled-layers', shuffledLayers(model, random(seed).fork('shuffled'))]);
  }
  const measured = on === 'text' ? request.windows : 0;
  // The first position of a window is no row.
  const more = learn ? Math.ceil((learn.rows + learn.evaluationRows) / (length - 1)) : 0;
  const windows =
    measured + more > 0 ? await openWindows(model, { ...request, windows: measured + more }, context) : [];
  const material = async (): Promise<Pick<ImportanceInput, 'pairs' | 'baseline' | 'metric'>> => {
    if (on === 'task') {
      const { pairs, title } = await openPairs(model, request);
      return { pairs, baseline: 'counterfactual', metric: title };
    }
    return {
      pairs: textPairs(windows.slice(0, measured), length),
      baseline: 'zero',
      metric: `next-token loss on ${request.text}`,
    };
  };
  const about = await material();
  const given = learn ? undefined : dictionaryAt(dictionaries, site);
  const place = given?.site ?? siteAt(network, site);
  const runs: ImportanceRun[] = [];
  for (const [name, one] of networks) {
    const label = `Importance of features at ${place}: ${name}`;
    runs.push(
      await counted(context, { task: `importance/${name}`, label }, run, async (run) => {
        const recorded =
          learn &&
          (await trainRecorded(
            await siteRows(one, place, windows.slice(measured), length, run),
            { ...learn, seed },
            { ...run, threads },
          ));
        const dictionary = recorded?.dictionary ?? given!;
        return measureImportance(
          {
            ...{ ...about, network: on === 'task' ? networkOf(one) : textNetwork(one) },
            ...{ name, dictionary, sample, minActive, seed },
            ...(recorded ? { recorded } : {}),
          },
          run,
        );
      }),
    );
  }
  return besideNulls(runs);
}

/** @throws EnergyError `energy.few-rows` */
function requireLength({ text, length }: TextRequest): void {
  if (length > 1) return;
  throw new EnergyError('energy.few-rows', 'windows of one token have no activation to learn from', {
    where: text,
    hint: 'give a length of 2 or more: the first position of a window passes by',
  });
}

/** A circuit by moving feature masks, beside Adam's masks, thresholds, flow and chance. */
export async function maskReport(
  request: EnergyRequest & TaskRequest,
  options: Partial<MaskOptions>,
  context: WorkContext,
): Promise<MaskCircuitResult> {
  const { model, dictionaries } = await openSetting(request, { dictionaries: true }, context);
  const { examples, seed, threads } = request;
  const task = await taskNamed(request.task, model.tokenizer, { train: examples, heldOut: examples, seed });
  return findMaskCircuit({ model, task, dictionaries, seed, threads, options }, context);
}
