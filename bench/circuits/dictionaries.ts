/** @file The dictionaries that benchmarks of circuits share: TopK, on the residual stream of SmolLM2, made once and kept. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { harvest } from '../../src/activations/harvest.ts';
import { openActivations } from '../../src/activations/open.ts';
import type { Progress } from '../../src/core/progress.ts';
import { loadDocuments } from '../../src/data/text.ts';
import { makeWindows, type WindowSplit } from '../../src/data/windows.ts';
import { loadDictionary, saveDictionary } from '../../src/dictionaries/files.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { cacheRoot } from '../../src/files/cache.ts';
import type { Model } from '../../src/models/types.ts';

export const dictionarySettings = {
  sites: [3, 9, 15, 21, 27].map((block) => `blocks.${block}.hook_resid_post`),
  features: 2304,
  k: 32,
  /** Distinct tokens, and how often they are seen. */
  tokens: 80_000,
  passes: 2,
  text: 'wikipedia-leads',
  seed: 0,
} as const;

/** Sites whose dictionaries are made together, under the name of their folder. */
export interface DictionarySet {
  readonly name: string;
  readonly sites: readonly string[];
  /** Distinct tokens, where fewer do. */
  readonly tokens?: number;
}

/** The residual stream. */
export const streamSet: DictionarySet = { name: 'circuits-v1', sites: dictionarySettings.sites };

/** What attention and MLP write in the same blocks. */
export const partsSet: DictionarySet = {
  name: 'circuits-parts-v1',
  sites: dictionarySettings.sites.flatMap((site) =>
    ['hook_attn_out', 'hook_mlp_out'].map((part) => site.replace('hook_resid_post', part)),
  ),
};

/** The text of the benchmarks: training windows of the dictionaries, held-out windows for contexts. */
export async function benchWindows(
  model: Model,
  progress: Progress,
  trainTokens: number = dictionarySettings.tokens,
): Promise<WindowSplit> {
  const corpus = await loadDocuments({ kind: dictionarySettings.text }, { progress });
  return makeWindows(corpus.documents, model.tokenizer!, {
    length: 128,
    trainTokens,
    heldOutTokens: 40_000,
    seed: dictionarySettings.seed,
  });
}

/** The dictionaries of a set, trained at the first call (a few minutes). */
export async function benchDictionaries(
  model: Model,
  threads: number,
  progress: Progress,
  { name, sites, tokens = dictionarySettings.tokens }: DictionarySet = streamSet,
): Promise<Dictionary[]> {
  const { features, k, passes, seed } = dictionarySettings;
  const folder = join(cacheRoot(), 'bench', name);
  const at = (site: string) => join(folder, site);
  if (!sites.every((site) => existsSync(join(at(site), 'done')))) {
    mkdirSync(folder, { recursive: true });
    const { train } = await benchWindows(model, progress, tokens);
    const raw = join(folder, 'harvest');
    await harvest({ model, windows: train, sites: [...sites], folder: raw, threads, progress });
    for (const site of sites) {
      if (existsSync(join(at(site), 'done'))) continue;
      mkdirSync(at(site), { recursive: true });
      const opened = await openActivations(raw, site);
      const { width, leftOut } = opened;
      const x_ND = opened.load();
      opened.close();
      const { dictionary } = await trainDictionary(
        { x_ND, width, heldOut_MD: x_ND.slice(0, 512 * width) },
        {
          ...{ architecture: 'topk', site, modelHash: model.hash, sinkNorm: leftOut.threshold },
          ...{ features, k, seed, tokens: passes * tokens },
        },
        { threads, progress, folder: at(site) },
      );
      await saveDictionary(at(site), dictionary);
      mkdirSync(join(at(site), 'done'));
    }
  }
  return Promise.all(sites.map((site) => loadDictionary(at(site))));
}
