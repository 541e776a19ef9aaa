/** @file Opening a dictionary of any format: from a folder, a file, or the hub by its id; and writing one. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DictionaryError, nearestNames } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { exists } from '../../files/cache.ts';
import { fileFailure } from '../../files/failures.ts';
import { parseHubId } from '../../models/hub.ts';
import type { Model } from '../../models/types.ts';
import { loadDictionary, MANIFEST } from '../files.ts';
import type { Dictionary } from '../types.ts';
import { locateHere, locateOnHub } from './files.ts';
import { fold, type ReadOptions } from './format.ts';
import { type Provenance, readProvenance } from './provenance.ts';
import { type FormatName, formats } from './registry.ts';

export interface OpenOptions extends ReadOptions {
  /** Found out from the files when it is not given. */
  readonly format?: FormatName;
  /** Asks the hub for the newest commit, and hashes what is here. */
  readonly refresh?: boolean;
}

/** A dictionary and where it comes from. */
export interface Opened {
  readonly dictionary: Dictionary;
  readonly provenance: Provenance;
}

/** One of ours says all of itself: what is told of another library's files must not contradict it. */
function requireOwn(source: string, { site, output }: Dictionary, options: OpenOptions): void {
  const { format, scale, target } = options;
  const wrong = [
    ...(format === undefined ? [] : [`read as ${format}`]),
    ...(options.site === undefined || options.site === site ? [] : [`moved from ${site} to ${options.site}`]),
    ...(options.output === undefined || options.output === output?.site
      ? []
      : [`written to ${options.output}`]),
    ...(scale === undefined ? [] : [`scaled by ${scale}`]),
    ...(target === undefined ? [] : [`aimed at layer ${target}`]),
  ];
  if (wrong.length === 0) return;
  throw new DictionaryError(
    'dictionary.own',
    `${source} is a dictionary of ours and cannot be ${wrong.join(' or ')}`,
    {
      where: source,
      hint: 'leave those options out: they say of files of other libraries what these do not hold',
    },
  );
}

/**
 * Opens the dictionary at `source`: a folder or file on this machine (of ours, or of any format of `formats`), or
 * `owner/name[@revision][:path]` on the Hugging Face hub. Its `modelHash` is '' until `forModel` gave it one.
 * @throws DictionaryError `dictionary.none`, `dictionary.several`, `dictionary.tensors`, `dictionary.orientation`,
 *   `dictionary.unsupported`, `dictionary.no-threshold`, `dictionary.site-unknown`, `dictionary.not-finite`, `dictionary.own`; FileError of
 *   the files; ModelError `hub.*`
 */
export async function openDictionary(
  source: string,
  options: OpenOptions,
  context: WorkContext,
): Promise<Opened> {
  let refused: unknown;
  const state = await stat(source).catch((error: unknown) => {
    refused = error;
  });
  if (state?.isDirectory() && (await exists(join(source, MANIFEST)))) {
    const dictionary = await loadDictionary(source);
    requireOwn(source, dictionary, options);
    return { dictionary, provenance: await readProvenance(source, dictionary.features) };
  }
  const id = state ? undefined : parseHubId(source);
  if (!state && !id) throw fileFailure(refused, source, 'cannot read');
  const { folder, found, commit, listed } = id
    ? await locateOnHub(id, options.format, context, options.refresh ?? false)
    : await locateHere(source, state!.isDirectory(), options.format);
  const where = found.path === '' ? folder : join(folder, found.path);
  // A list says of its files where they read and write, and the user has the last word.
  const told: OpenOptions = {
    ...(listed?.site ? { site: listed.site } : {}),
    ...(listed?.output ? { output: listed.output } : {}),
    ...options,
  };
  const {
    weights,
    notes,
    model = listed?.model,
    sparsity_F,
  } = await formats[found.format].read(folder, found, told);
  return {
    dictionary: fold(weights, where, told),
    provenance: {
      format: found.format,
      source,
      ...(commit ? { commit } : {}),
      ...(model ? { model } : {}),
      notes: [
        ...notes,
        ...(listed
          ? [`a list; files and commit are those of ${listed.id.repository}:${listed.id.choice}`]
          : []),
      ],
      ...(sparsity_F ? { sparsity_F } : {}),
    },
  };
}

/**
 * The dictionary as one of `model`: every site of it must be there, with its width.
 * @throws DictionaryError `dictionary.other-model`
 */
export function forModel(d: Dictionary, model: Pick<Model, 'name' | 'hash' | 'sites'>): Dictionary {
  const places = [...(d.sites ?? [{ site: d.site, width: d.width }]), ...(d.output ? [d.output] : [])];
  for (const { site, width } of places) {
    // Values inside a block are readable though no site lists them; their width shows when they are read.
    const known = model.sites.find(({ name }) => name === site);
    if (known ? known.width === width : /^blocks\.\d+\.ln\d\.output$/.test(site)) continue;
    const near = nearestNames(
      site,
      model.sites.map(({ name }) => name),
    );
    throw new DictionaryError(
      'dictionary.other-model',
      known
        ? `the dictionary reads or writes ${width} floats at ${site}, where ${model.name} has ${known.width}`
        : `${model.name} has no site ${site}`,
      {
        where: site,
        hint: known ? 'it belongs to another model' : `give the site: nearest are ${near.join(', ')}`,
      },
    );
  }
  return { ...d, modelHash: model.hash };
}
