/** @file An edited network as an ONNX file that any onnxruntime runs: the edit in the graph, strengths as constants. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { throwIfAborted } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { bytesOf, sizeOf } from '../../core/tensor.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { encodeOnnx } from '../../graph/onnx.ts';
import { prune } from '../../graph/prune.ts';
import type { Graph, Weight } from '../../graph/types.ts';
import { MODEL_KEY, writeWeights } from '../../models/export-onnx.ts';
import { readWeight } from '../../models/weights.ts';
import { applyEdit, bakeFeeds } from '../apply.ts';
import type { Edit } from '../kinds/registry.ts';
import { siteOf } from '../kinds/types.ts';
import type { EditedNetwork } from '../place.ts';
import { editHash } from './fold.ts';

/** A file of protocol buffers ends before 2 GiB; some of it is not weights. */
const ONE_FILE = 2 ** 31 - 2 ** 24;

/** Key of the file's metadata under which the edit is told. */
export const EDIT_KEY = 'untangle.edit';

export interface ExportedEdit {
  /** The .onnx file, and that of the weights where there is one. */
  readonly files: readonly string[];
  readonly bytes: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The graph that computes the edited network by itself. */
export function editedGraph(network: EditedNetwork, edit: Edit): Graph {
  const applied = applyEdit(edit, network);
  return prune(bakeFeeds(applied.apply(network.graph), applied.feeds));
}

/**
 * Writes the edited network: one file, or with the weights in `path.data` when they are 2 GB or `external` is asked for.
 * Inputs and outputs are those of the network.
 * @throws what applyEdit() throws; FileError `disk.full` and the like
 */
export async function exportEdited(
  network: EditedNetwork,
  edit: Edit,
  path: string,
  context: WorkContext,
  { external = false }: { readonly external?: boolean } = {},
): Promise<ExportedEdit> {
  const graph = editedGraph(network, edit);
  const size = [...graph.weights.values()].reduce((sum, w) => sum + bytesOf(w.dtype) * sizeOf(w.shape), 0);
  const beside = external || size > ONE_FILE;
  const data = resolve(`${path}.data`);
  const whole = beside ? await writeWeights(graph, data, context) : await inMemory(graph, context);
  const told = {
    model: { name: network.name, hash: network.hash },
    edit: editHash(edit),
    changes: edit.changes.map((change) => ({
      kind: change.kind,
      site: siteOf(change),
      strength: change.strength,
    })),
  };
  // It is no longer the model that a description of Untangle's would promise.
  const kept = [...(graph.notes?.metadata ?? [])].filter(([key]) => key !== MODEL_KEY);
  const metadata = new Map([...kept, [EDIT_KEY, JSON.stringify(told)] as const]);
  const notes = { irVersion: 0, opsets: new Map(), ...graph.notes, metadata };
  await writeFileAtomic(path, encodeOnnx({ ...whole, notes }, { externalDir: dirname(data) }));
  const files = [resolve(path), ...(beside ? [data] : [])];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return {
    files,
    bytes: sizes.reduce((a, b) => a + b, 0),
    inputs: graph.inputs.map(({ name }) => name),
    outputs: graph.outputs,
  };
}

async function inMemory(graph: Graph, { signal }: WorkContext): Promise<Graph> {
  const weights = new Map<string, Weight>();
  for (const [name, weight] of graph.weights) {
    throwIfAborted(signal);
    weights.set(name, await readWeight(weight));
  }
  return { ...graph, weights };
}
