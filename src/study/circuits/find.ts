/** @file One circuit from the command line: model, task and dictionaries by name; a finished circuit is not found again. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CircuitOptions } from '../../circuits/circuit.ts';
import { contentHash, sha256 } from '../../core/hash.ts';
import type { WorkContext } from '../../core/progress.ts';
import { readTask } from '../../data/task-file.ts';
import { builtInTask, builtInTasks, type Task } from '../../data/tasks.ts';
import { MANIFEST } from '../../dictionaries/files.ts';
import { forModel, openDictionary } from '../../dictionaries/formats/open.ts';
import type { Dictionary, Floats } from '../../dictionaries/types.ts';
import { makeFolder } from '../../files/folders.ts';
import type { Model } from '../../models/types.ts';
import { openResources } from '../resources.ts';
import { loadCircuit, type StoredCircuit, saveCircuit } from './stored.ts';

export interface FindRequest {
  readonly model: string;
  /** A built-in task or a task file. */
  readonly task: string;
  /** Folders or files of dictionaries, folders of such folders, or names on the hub. */
  readonly dictionaries: readonly string[];
  readonly train: number;
  readonly heldOut: number;
  readonly seed: number;
  readonly threads: number;
  readonly folder: string;
  readonly options: Partial<CircuitOptions>;
}

export interface Found {
  readonly stored: StoredCircuit;
  /** True when it was there already. */
  readonly kept: boolean;
}

const hashOf = ({ buffer, byteOffset, byteLength }: Floats): string =>
  sha256(new Uint8Array(buffer, byteOffset, byteLength));

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The task by name or from a file. @throws DataError `task.unknown`, and what reading a task file throws */
export async function taskNamed(
  name: string,
  tokenizer: Model['tokenizer'],
  counts: { readonly train: number; readonly heldOut: number; readonly seed: number },
): Promise<Task> {
  const known = builtInTasks.some((task) => task.name === name);
  if (!known && (/\.(ya?ml|json)$/.test(name) || (await exists(name))))
    return readTask(name, tokenizer, counts.seed);
  return builtInTask(name).make(tokenizer, counts);
}

/** Opens dictionaries for a model; a folder without one of its own stands for all in it. */
export async function dictionariesFor(
  model: Model,
  sources: readonly string[],
  context: WorkContext,
): Promise<Dictionary[]> {
  const all: Dictionary[] = [];
  for (const source of (await Promise.all(sources.map(expanded))).flat()) {
    const { dictionary } = await openDictionary(source, {}, context);
    all.push(dictionary.modelHash === '' ? forModel(dictionary, model) : dictionary);
  }
  return all;
}

/** The dictionaries of ours directly inside a folder that is none itself; else the source as it is. */
async function expanded(source: string): Promise<string[]> {
  if (await exists(join(source, MANIFEST))) return [source];
  const entries = await readdir(source, { withFileTypes: true }).catch(() => []);
  const inside: string[] = [];
  for (const entry of entries) {
    const path = join(source, entry.name);
    if (entry.isDirectory() && (await exists(join(path, MANIFEST)))) inside.push(path);
  }
  return inside.length > 0 ? inside.sort() : [source];
}

/**
 * Finds the circuit, or takes it from `folder` when it is there and nothing that it depends on has changed.
 * @throws as `openModel`, `openDictionary`, `readTask` and `findCircuit` do
 */
export async function findOrKeep(request: FindRequest, context: WorkContext): Promise<Found> {
  const { folder, options, seed, threads, train, heldOut } = request;
  const model = await openResources({ study: { model: request.model } }).model(context);
  const task = await taskNamed(request.task, model.tokenizer, { train, heldOut, seed });
  const dictionaries = await dictionariesFor(model, request.dictionaries, context);
  const hash = contentHash({
    model: model.hash,
    task: { name: task.name, train: task.train, heldOut: task.heldOut },
    dictionaries: dictionaries.map(({ site, W_enc_FD, W_dec_FD }) => [
      site,
      hashOf(W_enc_FD),
      hashOf(W_dec_FD),
    ]),
    options,
    seed,
  });
  const before = await loadCircuit(folder).catch(() => undefined);
  if (before?.hash === hash) return { stored: before, kept: true };
  const { findCircuit } = await import('../../circuits/circuit.ts');
  await makeFolder(folder);
  const circuit = await findCircuit({ model, task, dictionaries, folder, threads, seed, options }, context);
  const stored: StoredCircuit = {
    hash,
    model: { name: model.name, hash: model.hash },
    tokenIds: task.train[0]?.clean ?? [],
    circuit,
  };
  await saveCircuit(folder, stored);
  return { stored, kept: false };
}
