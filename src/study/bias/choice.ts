/** @file The choice file: features that a person picked in the Studio. */
import { z } from 'zod';
import { EditError } from '../../core/errors.ts';
import { formFault, readJson } from '../../files/atomic.ts';
import type { Choice } from './types.ts';

const choiceSchema = z.looseObject({
  format: z.literal('untangle-choice'),
  version: z.literal(1),
  site: z.string(),
  modelHash: z.string().optional(),
  dictionary: z.string().optional(),
  features: z.array(z.int().min(0)).min(1),
});

/** Reads a choice. @throws EditError `edit.choice` (another form); FileError `file.missing` */
export async function readChoice(path: string): Promise<Choice> {
  const { site, modelHash, dictionary, features } = await readJson(path, choiceSchema).catch(
    (error: unknown) => {
      const fault = formFault(error);
      if (fault === undefined) throw error;
      throw new EditError('edit.choice', `${path} is no choice of features: ${fault}`, {
        where: path,
        hint: 'the Studio writes one on the page "Bias"; its form is described in docs/bias.md',
        cause: error,
      });
    },
  );
  return {
    site,
    features: [...new Set(features)],
    ...(modelHash === undefined ? {} : { modelHash }),
    ...(dictionary === undefined ? {} : { dictionary }),
  };
}
