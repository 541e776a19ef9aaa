/** @file The sequence clock outside a study: opens model, dictionary and texts, and runs it. */
import type { WorkContext } from '../../core/progress.ts';
import { counted } from './runs.ts';
import { type SequenceChoice, sequenceOf } from './sequence.ts';
import { dictionaryAt, type EnergyRequest, openSetting, openWindows, type TextRequest } from './setting.ts';
import type { SequenceReport } from './types.ts';

/** The clock of one dictionary outside a study: the one at `site`, else the middle one by depth. */
export async function sequenceReport(
  request: EnergyRequest & TextRequest,
  { site, ...choice }: Omit<SequenceChoice, 'seed' | 'length'> & { readonly site?: string },
  context: WorkContext,
): Promise<SequenceReport> {
  const { model, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const dictionary = dictionaryAt(dictionaries, site);
  const windows = await openWindows(model, request, context);
  return counted(context, { task: 'sequence', label: `Sequence clock at ${dictionary.site}` }, run, (run) =>
    sequenceOf(
      model,
      dictionary,
      { source: request.text, windows },
      { ...choice, length: request.length, seed: request.seed },
      run,
    ),
  );
}
