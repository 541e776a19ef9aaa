/** @file Biographies by the name that a user gives: a built-in source, a data set of the hub, or Parquet files. */
import { stat } from 'node:fs/promises';
import { DataError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { fields } from '../../data/biographies/fields.ts';
import { loadBiographies } from '../../data/biographies/load.ts';
import type { Biographies } from '../../data/biographies/types.ts';
import { type HubId, parseHubId } from '../../models/hub.ts';
import { fetchDataPart } from '../../models/hub-data.ts';

/** Names that need no address. */
export const BIOGRAPHY_SOURCES = ['wikipedia-people', 'bias-in-bios'] as const;

/** The data set that `bias-in-bios` stands for. */
const biasInBios = 'LabHC/bias_in_bios';

/** Where biographies of a name come from. */
type Source =
  | { readonly kind: 'wikipedia-people' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'hub'; readonly id: HubId };

async function sourceOf(name: string): Promise<Source> {
  if (name === 'wikipedia-people') return { kind: name };
  const file = await stat(name).catch(() => undefined);
  if (file?.isFile()) return { kind: 'file', path: name };
  const id = parseHubId(name === 'bias-in-bios' ? biasInBios : name);
  if (id) return { kind: 'hub', id };
  throw new DataError('biographies.source', `there are no biographies "${name}"`, {
    where: name,
    hint: `give ${BIOGRAPHY_SOURCES.join(', ')}, a data set of the hub (owner/name), or the path of a Parquet file`,
  });
}

/**
 * Refuses what can be known to be wrong before a model is read: a source that does not exist, fields that the built-in source
 * has not.
 * @throws DataError `biographies.source`, `biographies.cell`
 */
export async function checkBiographies(name: string, chosen: readonly string[]): Promise<void> {
  const { kind } = await sourceOf(name);
  if (kind !== 'wikipedia-people') return;
  for (const field of chosen) {
    if (fields.includes(field)) continue;
    throw new DataError('biographies.cell', `too few for a study: nobody is in the field "${field}"`, {
      where: field,
      hint: `fields are ${fields.join(', ')}`,
    });
  }
}

/**
 * `wikipedia-people`, `bias-in-bios` (the train part of LabHC/bias_in_bios, downloaded once), another data set of the hub
 * in its form (`owner/name`, `owner/name@revision`, `owner/name:part`), or the path of a Parquet file.
 * @throws DataError `biographies.source`, and as loadBiographies; ModelError of the hub; FileError
 */
export async function openBiographies(name: string, context: WorkContext): Promise<Biographies> {
  const source = await sourceOf(name);
  if (source.kind === 'wikipedia-people') return loadBiographies(source, context);
  if (source.kind === 'file') return loadBiographies({ kind: 'bias-in-bios', paths: [source.path] }, context);
  const { paths } = await fetchDataPart(source.id, source.id.choice ?? 'train', context);
  return loadBiographies({ kind: 'bias-in-bios', paths }, context);
}
