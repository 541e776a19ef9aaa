/** @file Step `text`: documents into windows of tokens, training and held-out articles apart. */
import { join } from 'node:path';
import type { StoredWindows, Window } from '../../data/windows.ts';
import type { StudyStep } from '../plan.ts';
import type { TextSummary } from '../results.ts';
import type { TextConfig } from '../schema.ts';
import { fingerprint } from './fingerprint.ts';
import { type StepMaker, work } from './types.ts';

const fileOf = (folder: string): string => join(folder, 'windows.safetensors');

/** The step that prepares the text. */
export async function textStep(
  { study, resources }: StepMaker,
  config: TextConfig,
  model: StudyStep,
): Promise<StudyStep<TextSummary>> {
  const { seed } = study;
  const tokens = config.trainTokens + config.heldOutTokens;
  return {
    name: 'text',
    stage: 'text',
    label: 'Read the text',
    version: 1,
    config: { ...config, source: await fingerprint(config.source), seed },
    needs: [model],
    cost: { seconds: 10, diskBytes: tokens * 9, memoryBytes: 4e8 },
    async run(_inputs, context) {
      const { loadDocuments, textSource } = await import('../../data/text.ts');
      const { makeWindows, saveWindows } = await import('../../data/windows.ts');
      const { checkLength } = await import('../../models/predict.ts');
      const opened = await resources.model(work(context));
      const { tokenizer } = opened;
      checkLength(opened, config.windowLength);
      const corpus = await loadDocuments(textSource(config.source), work(context));
      const { windowLength: length, trainTokens, heldOutTokens } = config;
      const windows = makeWindows(corpus.documents, tokenizer, { length, trainTokens, heldOutTokens, seed });
      const titles = corpus.documents.map(({ id, title }) => title || id);
      await saveWindows(fileOf(context.folder), { ...windows, titles });
      const all = [...windows.train, ...windows.heldOut];
      const count = (list: readonly Window[]) => list.reduce((sum, w) => sum + w.tokens.length, 0);
      return {
        source: corpus.source,
        documents: new Set(all.flatMap((w) => [...w.documents])).size,
        trainTokens: count(windows.train),
        heldOutTokens: count(windows.heldOut),
        attribution: corpus.attribution,
      };
    },
  };
}

/** The windows that a text step left in its folder. */
export async function textWindows(folder: string): Promise<StoredWindows> {
  const { loadWindows } = await import('../../data/windows.ts');
  return loadWindows(fileOf(folder));
}
