/** @file Tables of data sets on the hub: the Parquet files of one part (train, test), fetched once into the shared cache. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { orWhatIsHere } from './fetch.ts';
import { askHub, type HubId } from './hub.ts';
import { fetchFiles, findFolders } from './hub-cache.ts';

/** The files of a part on this disk, and the commit that they are of. */
export interface DataPart {
  readonly paths: readonly string[];
  readonly commit: string;
  readonly licence?: string;
}

/**
 * The Parquet files of a part of a data set (`train-00000-of-00001.parquet`, wherever they lie), in their order; what is
 * on this disk already is not fetched again.
 * @throws ModelError `hub.no-part` (lists what there is), `hub.unreachable`, and as askHub; FileError of downloads
 */
export async function fetchDataPart(
  given: Omit<HubId, 'kind'>,
  part: string,
  context: WorkContext,
): Promise<DataPart> {
  const id: HubId = { ...given, kind: 'dataset' };
  const here = await partHere(id, part);
  if (here) return here;
  return orWhatIsHere(
    id,
    undefined,
    async () => {
      const repository = await askHub(id, context);
      const names = repository.files.map((file) => file.path);
      const wanted = tablesOf(names, part);
      if (wanted.length === 0) throw noPart(id.repository, part, names);
      const folder = await fetchFiles(repository, id, wanted, context);
      return {
        paths: wanted.map((name) => join(folder, name)),
        commit: repository.commit,
        ...(repository.licence ? { licence: repository.licence } : {}),
      };
    },
    context,
  );
}

/** Names of the Parquet files of `part`. A file `train-00001-of-00003` alone is no part: all of them are. */
const tablesOf = (names: readonly string[], part: string): string[] =>
  names.filter((name) => new RegExp(`(^|/)${part}(-[^/]*)?\\.parquet$`).test(name)).sort();

async function partHere(id: HubId, part: string): Promise<DataPart | undefined> {
  for (const { folder, commit } of await findFolders(id)) {
    const names = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
    const tables = tablesOf(
      names.map((name) => name.replaceAll('\\', '/')),
      part,
    );
    const whole = Number(/-of-(\d+)/.exec(tables[0] ?? '')?.[1] ?? 1);
    if (tables.length > 0 && tables.length >= whole)
      return { paths: tables.map((name) => join(folder, name)), commit };
  }
  return undefined;
}

const noPart = (where: string, part: string, names: readonly string[]): ModelError => {
  const tables = names.filter((name) => name.endsWith('.parquet'));
  return new ModelError('hub.no-part', `the data set ${where} has no Parquet files of "${part}"`, {
    where,
    hint: tables.length > 0 ? `it has ${tables.slice(0, 8).join(', ')}` : 'it has no Parquet file at all',
  });
};
