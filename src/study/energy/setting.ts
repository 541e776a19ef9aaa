/** @file What every `untangle energy …` command works on: a model, its dictionaries, a task's pairs or a text's windows. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dictionariesByDepth, type Network, networkOf, placeOf } from '../../circuits/cuts.ts';
import { type Pairs, pairsOf } from '../../circuits/examples.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { loadDocuments, textSource } from '../../data/text.ts';
import { makeWindows, type Window } from '../../data/windows.ts';
import { MANIFEST } from '../../dictionaries/files.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { checkLength } from '../../models/predict.ts';
import type { Model } from '../../models/types.ts';
import { dictionariesFor, taskNamed } from '../circuits/find.ts';
import { demoStudy } from '../demo.ts';
import { readStudy } from '../parse.ts';
import { openResources } from '../resources.ts';
import type { Study } from '../schema.ts';
import { stepFolders } from '../study.ts';
import { runOptions } from './runs.ts';

export interface EnergyRequest {
  /** As for `untangle run`; the study's when left out. */
  readonly model?: string;
  /** Folders, files or names on the hub; those that a study has learned in the workspace when empty. */
  readonly dictionaries: readonly string[];
  /** A study file; the demo's study when left out. */
  readonly study?: string;
  readonly workspace: string;
  readonly seed: number;
  readonly threads: number;
  /** Examples × positions in one run. */
  readonly tokensPerRun?: number;
}

export interface EnergySetting {
  readonly model: Model;
  readonly network: Network;
  /** By depth; may be empty where a command needs none. */
  readonly dictionaries: readonly Dictionary[];
  readonly run: RunOptions;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Folders of the dictionaries that a study has learned or taken over, as far as they are there. */
async function learnedDictionaries(study: Study, workspace: string): Promise<string[]> {
  const folders = await stepFolders(study, workspace);
  const found: string[] = [];
  for (const [name, folder] of folders) {
    if (/^(train|import)\//.test(name) && (await isThere(join(folder, MANIFEST)))) found.push(folder);
  }
  return found;
}

/**
 * Opens model and dictionaries.
 * @param needs `dictionaries`: whether one is needed at least
 * @throws EnergyError `energy.no-dictionaries`; as `openModel`, `openDictionary`, `readStudy`
 */
export async function openSetting(
  request: EnergyRequest,
  needs: { readonly dictionaries: boolean },
  context: WorkContext,
): Promise<EnergySetting> {
  const { threads, workspace } = request;
  const study =
    request.study !== undefined
      ? await readStudy(request.study)
      : request.dictionaries.length === 0 || request.model === undefined
        ? await demoStudy()
        : undefined;
  const own = study !== undefined && (request.model === undefined || request.model === study.model);
  const sources =
    request.dictionaries.length > 0 || !own
      ? request.dictionaries
      : await learnedDictionaries(study, workspace);
  if (needs.dictionaries && sources.length === 0) {
    throw new EnergyError('energy.no-dictionaries', 'there is no dictionary to read the energy in', {
      where: workspace,
      hint: 'give --dictionaries FOLDER…, or learn some in this workspace: `untangle train`, or with a study file of your own `untangle train FILE` and then --study FILE',
    });
  }
  const name = request.model ?? study?.model ?? 'smollm2-135m';
  const model = await openResources({ study: { model: name } }).model(context);
  const network = networkOf(model);
  const opened = await dictionariesFor(model, sources, context);
  return {
    ...{ model, network },
    dictionaries: opened.length > 0 ? dictionariesByDepth(model, network, opened) : [],
    run: {
      ...runOptions({ threads, ...(context.signal ? { signal: context.signal } : {}) }),
      ...(request.tokensPerRun === undefined ? {} : { tokensPerRun: request.tokensPerRun }),
    },
  };
}

/** `blocks.11` is short for its residual stream. */
const wholeSite = (site: string | undefined): string | undefined =>
  site !== undefined && /^blocks\.\d+$/.test(site) ? `${site}.hook_resid_post` : site;

/** The place called `site`, else the residual stream after the middle block. @throws CircuitError `circuit.not-a-place` */
export const siteAt = (network: Network, site: string | undefined): string =>
  placeOf(network, wholeSite(site) ?? network.cuts[Math.ceil((network.cuts.length - 1) / 2)]!).site;

/** The dictionary at `site`, else the middle one by depth. @throws EnergyError `energy.no-site` */
export function dictionaryAt(dictionaries: readonly Dictionary[], site: string | undefined): Dictionary {
  const asked = wholeSite(site);
  const found =
    asked === undefined
      ? dictionaries[Math.floor((dictionaries.length - 1) / 2)]
      : dictionaries.find((dictionary) => dictionary.site === asked);
  if (found) return found;
  throw new EnergyError('energy.no-site', `no dictionary sits at ${asked}`, {
    ...(asked === undefined ? {} : { where: asked }),
    hint: `there are dictionaries at ${dictionaries.map((dictionary) => dictionary.site).join(', ')}`,
  });
}

export interface TaskRequest {
  /** A built-in task or a task file. */
  readonly task: string;
  /** Train examples. */
  readonly examples: number;
  readonly seed: number;
}

/** A task's train pairs, and what its positions are called. */
export interface TaskSetting {
  readonly task: string;
  readonly title: string;
  readonly labels: readonly string[];
  readonly pairs: Pairs;
  /** Pairs that nothing is chosen on; as many. */
  readonly heldOut: Pairs;
}

/** @throws DataError `task.unknown`, and as reading a task file */
export async function openPairs(
  model: Model,
  { task: name, examples, seed }: TaskRequest,
): Promise<TaskSetting> {
  const task = await taskNamed(name, model.tokenizer, { train: examples, heldOut: examples, seed });
  return {
    task: task.name,
    title: task.title,
    labels: task.positions,
    pairs: pairsOf(task.name, task.train.slice(0, examples)),
    heldOut: pairsOf(task.name, task.heldOut.slice(0, examples)),
  };
}

export interface TextRequest {
  /** A text of docs/data.md, or a file or folder. */
  readonly text: string;
  readonly windows: number;
  /** Tokens of a window that are predicted. */
  readonly length: number;
  readonly seed: number;
}

/** Windows of plain text of one token more than are predicted. @throws ModelError `model.too-long` */
export async function openWindows(
  model: Model,
  { text, windows, length, seed }: TextRequest,
  context: WorkContext,
): Promise<readonly Window[]> {
  checkLength(model, length);
  const corpus = await loadDocuments(textSource(text), context);
  const made = makeWindows(corpus.documents, model.tokenizer, {
    length: length + 1,
    trainTokens: (length + 1) * windows,
    heldOutTokens: length + 1,
    seed,
  });
  return made.train.filter(({ tokens }) => tokens.length > length).slice(0, windows);
}
