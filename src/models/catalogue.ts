/** @file The models on this machine: named ones, those of the hub, files of packages; what they take of the disk. */
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError, nearestNames } from '../core/errors.ts';
import { cacheRoot, exists } from '../files/cache.ts';
import { namedFile, pathOf } from './fetch.ts';
import { parseHubId } from './hub.ts';
import { findSnapshot, listSnapshots } from './hub-cache.ts';
import { conversionOf, conversionOfNamed } from './open.ts';
import { packagedFolders } from './packaged.ts';
import { namedModels, shippedModels } from './registry.ts';

/** A model that is here, or that answers to a short name. */
export interface CatalogueEntry {
  /** What is written to open it. */
  readonly name: string;
  readonly kind: 'named' | 'shipped' | 'hub' | 'package';
  readonly here: boolean;
  /** Bytes as fetched; for the hub, those of this revision. */
  readonly bytes: number;
  /** Bytes of the form in which it runs, made when it is first opened. */
  readonly convertedBytes: number;
  readonly where: string;
  /** Commit of the hub. */
  readonly commit?: string;
  readonly revisions?: readonly string[];
  /** The pinned SHA-256 of a named model's file. */
  readonly sha256?: string;
  readonly licence?: string;
  readonly note?: string;
}

export interface Catalogue {
  readonly models: readonly CatalogueEntry[];
  /** Converted models of other files, and of files that have changed or gone since. */
  readonly conversions: {
    readonly folder: string;
    readonly names: readonly string[];
    readonly bytes: number;
  };
}

/** Everything that is known and here. */
export async function listModels(): Promise<Catalogue> {
  const models: CatalogueEntry[] = [];
  const known = new Set<string>();
  const converted = async (folder: string): Promise<number> => {
    known.add(folder);
    return sizeOnDisk(folder);
  };
  for (const model of namedModels) {
    const where = namedFile(model);
    const convertedBytes = await converted(conversionOfNamed(model));
    const bytes = await sizeOnDisk(where);
    const { name, note, sha256, licence } = model;
    models.push({
      name,
      kind: 'named',
      here: bytes + convertedBytes > 0,
      bytes,
      convertedBytes,
      where,
      sha256,
      licence,
      note,
    });
  }
  for (const { name, note, folder, licence } of shippedModels) {
    if (!(await exists(folder))) continue;
    const bytes = await sizeOnDisk(folder);
    const convertedBytes = await converted(await conversionOf(folder));
    models.push({ name, kind: 'shipped', here: true, bytes, convertedBytes, where: folder, licence, note });
  }
  for (const snapshot of await listSnapshots()) {
    const { repository: name, commit, revisions, licence, folder, files } = snapshot;
    models.push({
      name,
      kind: 'hub',
      here: true,
      bytes: files.reduce((sum, file) => sum + file.size, 0),
      convertedBytes: await converted(await conversionOf(pathOf(snapshot))),
      where: folder,
      commit,
      revisions,
      ...(licence ? { licence } : {}),
    });
  }
  for (const { address: name, folder } of await packagedFolders())
    models.push({
      name,
      kind: 'package',
      here: true,
      bytes: await sizeOnDisk(folder),
      convertedBytes: 0,
      where: folder,
    });
  const folder = join(cacheRoot(), 'models');
  const names = (await readdir(folder).catch(() => [] as string[])).filter(
    (name) => !known.has(join(folder, name)),
  );
  let bytes = 0;
  for (const name of names) bytes += await sizeOnDisk(join(folder, name));
  return { models, conversions: { folder, names, bytes } };
}

/** Bytes of a file or of all files below a folder, links not followed; 0 when there is none. */
async function sizeOnDisk(path: string): Promise<number> {
  const state = await lstat(path).catch(() => undefined);
  if (!state?.isDirectory()) return state?.size ?? 0;
  let bytes = 0;
  for (const name of await readdir(path, { recursive: true })) {
    const inner = await lstat(join(path, name)).catch(() => undefined);
    if (inner?.isFile()) bytes += inner.size;
  }
  return bytes;
}

/** What would go with a model. */
export interface Removal {
  readonly name: string;
  readonly paths: readonly string[];
  readonly bytes: number;
}

/**
 * What lies on this disk of the model that `name` means: its files (of all revisions, where it is of the hub) and its
 * converted form. `conversions` means the converted forms of all other files.
 * @throws ModelError `model.not-here` (names those that are)
 */
export async function planRemoval(name: string): Promise<Removal> {
  const { models, conversions } = await listModels();
  if (name === 'conversions') {
    const paths = conversions.names.map((one) => join(conversions.folder, one));
    return { name, paths, bytes: conversions.bytes };
  }
  const named = namedModels.find((model) => model.name === name);
  const id = parseHubId(name);
  const paths: string[] = [];
  if (named) paths.push(namedFile(named), conversionOfNamed(named));
  else if (shippedModels.some((model) => model.name === name)) {
    throw new ModelError('model.not-here', `${name} is part of this package and takes no room in the cache`, {
      where: name,
      hint: '`untangle models list` names those that can be removed',
    });
  } else if (id) {
    for (const snapshot of await listSnapshots()) {
      if (snapshot.repository !== id.repository) continue;
      paths.push(join(snapshot.folder, '..', '..'), await conversionOf(pathOf(snapshot)));
    }
  } else {
    const of = (await packagedFolders()).find(({ address }) => address === name);
    if (of) paths.push(of.folder);
  }
  const there: string[] = [];
  for (const path of new Set(paths)) if (await exists(path)) there.push(path);
  if (there.length === 0) {
    const here = models.filter((model) => model.here && model.kind !== 'shipped').map((model) => model.name);
    throw new ModelError('model.not-here', `no model "${name}" is on this machine`, {
      where: name,
      hint:
        here.length > 0
          ? `these are: ${nearestNames(name, new Set(here), 5).join(', ')}`
          : 'none is here yet',
    });
  }
  let bytes = 0;
  for (const path of there) bytes += await sizeOnDisk(path);
  return { name, paths: there, bytes };
}

/** Carries a removal out. */
export async function removeModel({ paths }: Removal): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

/** Whether the model that a user names can be opened without a download. */
export async function isHere(name: string): Promise<boolean> {
  if (shippedModels.some((model) => model.name === name)) return true;
  const named = namedModels.find((model) => model.name === name);
  if (named) return (await exists(namedFile(named))) || (await exists(conversionOfNamed(named)));
  if (await stat(name).catch(() => undefined)) return true;
  if ((await packagedFolders()).some(({ address }) => address === name)) return true;
  const id = parseHubId(name);
  return id !== undefined && (await findSnapshot(id)) !== undefined;
}
