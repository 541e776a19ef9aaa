/** @file Biographies by the name that a user gives: a built-in source, a data set of the hub, or Parquet files. */
import { stat } from 'node:fs/promises';
import { DataError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { loadBiographies } from '../../data/biographies/load.ts';
import type { Biographies } from '../../data/biographies/types.ts';
import { parseHubId } from '../../models/hub.ts';
import { fetchDataPart } from '../../models/hub-data.ts';

/** Names that need no address. */
export const BIOGRAPHY_SOURCES = ['wikipedia-people', 'bias-in-bios'] as const;

/** The data set that `bias-in-bios` stands for. */
const biasInBios = 'LabHC/bias_in_bios';

/**
 * `wikipedia-people`, `bias-in-bios` (the train part of LabHC/bias_in_bios, downloaded once), another data set of the hub
 * in its form (`owner/name`, `owner/name@revision`, `owner/name:part`), or the path of a Parquet file.
 * @throws DataError `biographies.source`, and as loadBiographies; ModelError of the hub; FileError
 */
export async function openBiographies(name: string, context: WorkContext): Promise<Biographies> {
  if (name === 'wikipedia-people') return loadBiographies({ kind: name }, context);
  const file = await stat(name).catch(() => undefined);
  if (file?.isFile()) return loadBiographies({ kind: 'bias-in-bios', paths: [name] }, context);
  const id = parseHubId(name === 'bias-in-bios' ? biasInBios : name);
  if (!id) {
    throw new DataError('biographies.source', `there are no biographies "${name}"`, {
      where: name,
      hint: `give ${BIOGRAPHY_SOURCES.join(', ')}, a data set of the hub (owner/name), or the path of a Parquet file`,
    });
  }
  const { paths } = await fetchDataPart(id, id.choice ?? 'train', context);
  return loadBiographies({ kind: 'bias-in-bios', paths }, context);
}
