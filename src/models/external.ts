/** @file Weights in files beside an ONNX file: inside of its folder, whole, and as long as they say. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { GraphError } from '../core/errors.ts';
import { type ExternalWeight, type Graph, isExternal, type Weight } from '../graph/types.ts';

/** State of a weights file, for hashes. */
export interface WeightsFile {
  readonly path: string;
  readonly size: number;
  readonly changed: number;
}

/**
 * The graph with external weights at the real places of their files, and those files. A weight may lie in the folder
 * of the path that was given, or, where that path is a link (as in the Hugging Face cache), in the folder it leads
 * to; nowhere else, whatever the file says.
 * @throws GraphError `graph.external-weight`: no such file, too short, or behind a link that leads out
 */
export async function placeWeights(
  graph: Graph,
  path: string,
): Promise<{ graph: Graph; files: WeightsFile[] }> {
  const given = await realpath(dirname(path));
  const led = dirname(await realpath(path));
  const files = new Map<string, WeightsFile>();
  const weights = new Map<string, Weight>();
  for (const [name, weight] of graph.weights) {
    if (!isExternal(weight)) {
      weights.set(name, weight);
      continue;
    }
    const file = files.get(weight.file) ?? (await open(name, weight, [given, led]));
    files.set(weight.file, file);
    checkPlace(name, weight, file);
    weights.set(name, { ...weight, file: file.path });
  }
  return { graph: { ...graph, weights }, files: [...files.values()] };
}

async function open(name: string, weight: ExternalWeight, folders: readonly string[]): Promise<WeightsFile> {
  const file = await realpath(weight.file).catch(() => undefined);
  const state = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !state?.isFile()) throw lost(name, `lies in ${weight.file}, which is not there`);
  if (!folders.some((folder) => isInside(file, folder)))
    throw lost(name, `lies in ${weight.file}, which leads out of the model's folder, to ${file}`);
  return { path: file, size: state.size, changed: state.mtimeMs };
}

const isInside = (file: string, folder: string): boolean => {
  const way = relative(folder, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && join(folder, way) === file;
};

/** Offset and length fit the shape already (graph/onnx.ts); the file must be as long. */
function checkPlace(name: string, { offset, length }: ExternalWeight, { path, size }: WeightsFile): void {
  if (offset + length <= size) return;
  throw lost(name, `ends at byte ${offset + length} of ${path}, which has ${size}`);
}

const lost = (name: string, what: string) =>
  new GraphError('graph.external-weight', `weight "${name}" ${what}`, {
    where: name,
    hint: 'the data file must lie, whole, in the folder of the .onnx file: download or export both again',
  });
