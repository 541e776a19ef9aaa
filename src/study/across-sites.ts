/** @file A transcoder or crosscoder learned without a study: model, text, harvest of all its sites, training, a folder at the end. */
import { join } from 'node:path';
import { harvest } from '../activations/harvest.ts';
import { openActivations } from '../activations/open.ts';
import type { WorkContext } from '../core/progress.ts';
import { loadDocuments, textSource } from '../data/text.ts';
import { makeWindows } from '../data/windows.ts';
import type { DictionaryChoice } from '../dictionaries/config-schema.ts';
import { keepTraining, keptTraining, trainingKey } from '../dictionaries/kept.ts';
import { planTraining } from '../dictionaries/plan-training.ts';
import type { ActivationRows } from '../dictionaries/rows.ts';
import { crosscoderRows, transcoderRows } from '../dictionaries/site-rows.ts';
import { type TrainOutcome, trainDictionary } from '../dictionaries/train.ts';
import { checkFolder } from '../files/folders.ts';
import { lockWorkspace } from '../files/lock.ts';
import { checkLength } from '../models/predict.ts';
import { checkSites } from '../models/run.ts';
import { openResources } from './resources.ts';

/** What is learned, of what, and where it goes. */
export interface AcrossSites {
  readonly model: string;
  /** What a transcoder reads and what it predicts; what a crosscoder reads. */
  readonly sites: readonly string[];
  readonly text: string;
  /** Tokens of a window, and of training and held-out text. */
  readonly window: number;
  readonly tokens: number;
  readonly heldOut: number;
  readonly seed: number;
  /** Of kind transcoder, skip-transcoder or crosscoder. */
  readonly choice: DictionaryChoice;
  /** The dictionary's folder; harvest and checkpoint lie below it, and a stopped call goes on from them. */
  readonly folder: string;
}

/** Rows of the held-out text that the curve is measured on, at most. */
const CURVE_ROWS = 2048;

/**
 * Learns a dictionary of several sites and saves it; one that an earlier call finished in the same way is `kept`. FVE and L0
 * of held-out text are the last point of the log's curve.
 * @throws DictionaryError `dictionary.config` and FileError before anything is read; FileError `workspace.locked`; GraphError, DataError, ModelError as their rooms do
 */
export async function learnAcrossSites(
  { model: name, sites, text, window, tokens, heldOut, seed, choice, folder }: AcrossSites,
  context: WorkContext & { readonly threads: number },
): Promise<TrainOutcome & { readonly kept: boolean }> {
  const crosses = choice.architecture === 'crosscoder';
  const [reads, writes] = sites as [string, string];
  const config = {
    ...{ seed, ...choice, modelHash: '', sinkNorm: Number.MAX_VALUE },
    ...(crosses ? { site: sites.join(' + ') } : { site: reads, outputSite: writes }),
  };
  planTraining(config, { rows: tokens, width: sites.length, blocks: sites.map(() => 1) });
  await checkFolder(folder);
  const model = await openResources({ study: { model: name } }).model(context);
  checkSites(model, sites);
  checkLength(model, window);
  const lock = await lockWorkspace(folder);
  try {
    const { documents } = await loadDocuments(textSource(text), context);
    const lengths = { length: window, trainTokens: tokens, heldOutTokens: heldOut, seed };
    const windows = makeWindows(documents, model.tokenizer, lengths);
    const at = (part: 'train' | 'heldOut') => join(folder, 'harvest', part);
    const common = { model, sites, ...context };
    const learned = await harvest({ ...common, windows: windows.train, folder: at('train') });
    const thresholds = Object.fromEntries(learned.sites.map((one) => [one.site, one.leftOut.threshold]));
    await harvest({ ...common, windows: windows.heldOut, folder: at('heldOut'), thresholds });
    const rows = await rowsOf(at('train'), sites, crosses);
    const held = await rowsOf(at('heldOut'), sites, crosses);
    const first = (of: Float32Array, width: number) => of.subarray(0, CURVE_ROWS * width);
    const source = {
      ...rows,
      heldOut_MD: first(held.x_ND, held.width),
      ...(held.y_NE && { heldOutOutput_ME: first(held.y_NE, held.outputWidth ?? held.width) }),
    };
    // A crosscoder's rows are longer than those of any of its sites: sinks of each were left out already.
    const sinkNorm = crosses ? Number.MAX_VALUE : thresholds[reads]!;
    const full = { ...config, modelHash: model.hash, sinkNorm };
    const key = trainingKey(source, full);
    const before = await keptTraining(folder, key);
    if (before) return { ...before, kept: true };
    const keep = (outcome: TrainOutcome) => keepTraining(folder, key, outcome);
    return { ...(await trainDictionary(source, full, { ...context, folder, keep })), kept: false };
  } finally {
    await lock.release();
  }
}

async function rowsOf(folder: string, sites: readonly string[], crosses: boolean): Promise<ActivationRows> {
  const opened = await Promise.all(sites.map((site) => openActivations(folder, site)));
  try {
    return crosses ? crosscoderRows(opened) : transcoderRows(opened[0]!, opened[1]!);
  } finally {
    for (const one of opened) one.close();
  }
}
