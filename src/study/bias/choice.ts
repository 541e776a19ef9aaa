/** @file The choice file: features that a person picked in the Studio, and whether they are of this model and dictionary. */
import { z } from 'zod';
import { EditError } from '../../core/errors.ts';
import { sha256 } from '../../core/hash.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { formFault, readJson } from '../../files/atomic.ts';
import type { Model } from '../../models/types.ts';
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

/** Names the dictionary that a choice's features are numbers of. */
export const dictionaryHash = ({ W_enc_FD: { buffer, byteOffset, byteLength } }: Dictionary): string =>
  sha256(new Uint8Array(buffer, byteOffset, byteLength)).slice(0, 16);

/**
 * Throws unless the choice is one of this model, site and dictionary.
 * @throws EditError `edit.other-model`, `edit.choice`
 */
export function requireChoice(
  choice: Choice,
  site: string,
  model: Pick<Model, 'name' | 'hash'>,
  dictionary: Dictionary,
): void {
  const hash = dictionaryHash(dictionary);
  if (choice.modelHash !== undefined && choice.modelHash !== model.hash) {
    throw new EditError('edit.other-model', `the choice was made on another model than ${model.name}`, {
      where: choice.modelHash,
      hint: `choose again in the Studio on ${model.name} (${model.hash})`,
    });
  }
  if (choice.site !== site || (choice.dictionary !== undefined && choice.dictionary !== hash)) {
    throw new EditError('edit.other-model', 'the choice was made on another dictionary', {
      where: choice.dictionary ?? choice.site,
      hint: `features are numbers of one dictionary: choose again at ${site} (${hash})`,
    });
  }
  const beyond = choice.features.find((feature) => feature >= dictionary.features);
  if (beyond === undefined) return;
  throw new EditError('edit.choice', `the dictionary has no feature ${beyond}`, {
    where: site,
    hint: `its features go from 0 to ${dictionary.features - 1}`,
  });
}
