/** @file Whether energy marks importance: every ranking beside exact effects, the same on an untrained network and shuffled layers. */

import { networkOf } from '../../circuits/cuts.ts';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { besideNulls, type ImportanceInput, measureImportance } from '../../energy/importance/importance.ts';
import { shuffledLayers, untrainedModel } from '../../energy/importance/null-networks.ts';
import { textNetwork, textPairs } from '../../energy/importance/text-network.ts';
import type { ImportanceResult, ImportanceRun } from '../../energy/importance/types.ts';
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
}

/** Rankings of one dictionary's features. The nulls read the same dictionary, whose directions they have never seen. */
export async function importanceReport(
  request: EnergyRequest & TaskRequest & TextRequest,
  { site, sample, minActive, nulls, on }: ImportanceChoice,
  context: WorkContext,
): Promise<ImportanceResult> {
  const { model, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const dictionary = dictionaryAt(dictionaries, site);
  const { seed } = request;
  const networks: [string, Model][] = [['trained', model]];
  if (nulls) {
    networks.push(['untrained', untrainedModel(model, seed)]);
    networks.push(['shuffled-layers', shuffledLayers(model, random(seed).fork('shuffled'))]);
  }
  const material = async (): Promise<Pick<ImportanceInput, 'pairs' | 'baseline' | 'metric'>> => {
    if (on === 'task') {
      const { pairs, title } = await openPairs(model, request);
      return { pairs, baseline: 'counterfactual', metric: title };
    }
    const windows = await openWindows(model, request, context);
    return {
      pairs: textPairs(windows, request.length),
      baseline: 'zero',
      metric: `next-token loss on ${request.text}`,
    };
  };
  const about = await material();
  const runs: ImportanceRun[] = [];
  for (const [name, one] of networks) {
    const network = on === 'task' ? networkOf(one) : textNetwork(one);
    const label = `Importance of features at ${dictionary.site}: ${name}`;
    runs.push(
      await counted(context, { task: `importance/${name}`, label }, run, (run) =>
        measureImportance({ ...about, network, name, dictionary, sample, minActive, seed }, run),
      ),
    );
  }
  return besideNulls(runs);
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
