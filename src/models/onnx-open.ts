/** @file Any ONNX file as a FreeModel, or as the Model that it was exported from: checked, upgraded, with large weights left in files. */
import { open as openFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphError, throwIfAborted } from '../core/errors.ts';
import { contentHash, sha256 } from '../core/hash.ts';
import type { WorkContext } from '../core/progress.ts';
import { type Tensor, viewBytes } from '../core/tensor.ts';
import { cacheRoot, folderMadeOnce } from '../files/cache.ts';
import { fileFailure } from '../files/failures.ts';
import { makeFolder } from '../files/folders.ts';
import { decodeOnnx } from '../graph/onnx.ts';
import { type Graph, isExternal, type Weight } from '../graph/types.ts';
import { upgrade } from '../graph/upgrade.ts';
import { exportedModel } from './export-onnx.ts';
import { placeWeights } from './external.ts';
import { type AnyModel, countNumbers, freeSites, kindOf, tensorInputs } from './free.ts';

/** Largest protobuf there can be; larger models keep weights in files beside it. */
const LARGEST = 2 ** 31 - 1;
/** Above this many bytes of weights inside of the file they are copied once to a file of their own. */
const IN_MEMORY = 64 * 2 ** 20;
/** Weights smaller than this stay in memory: shapes, scales, biases. */
const SMALL = 4096;
/** Places of weights in a file are multiples of this, as matrix kernels like them. */
const ALIGNMENT = 64;
/** Version of the layout of files that hold copied weights. */
const LAYOUT = 1;

/**
 * Opens an ONNX file of any kind: operator sets 7 and newer, fused operators of onnxruntime, weights inside or in
 * files beside it (these are mapped, never loaded). Nothing runs.
 * @throws FileError when it cannot be read; GraphError `graph.not-onnx`, `graph.too-large`, `graph.broken`,
 *   `graph.unsupported`, `graph.dtype`, `graph.external-weight`, `graph.old-opset`; ModelError `model.input-type`
 */
export async function openOnnx(
  path: string,
  { name, source }: { readonly name: string; readonly source: string },
  context: WorkContext,
): Promise<AnyModel> {
  const bytes = await readWhole(path);
  throwIfAborted(context.signal);
  const { graph: placed, files } = await placeWeights(decodeOnnx(bytes, { file: path }), path);
  const digest = sha256(bytes);
  const graph = upgrade(await withoutLargeWeights(placed, digest, context));
  const hash = contentHash({ onnx: digest, files });
  const ours = await exportedModel(graph, { path, hash });
  if (ours) return ours;
  const inputs = tensorInputs(graph.inputs, path);
  return {
    kind: kindOf(inputs),
    name,
    source,
    note: placed.opset < graph.opset ? `operator set ${placed.opset}, rewritten as ${graph.opset}` : '',
    parameters: countNumbers(graph),
    hash,
    graph,
    inputs,
    sites: freeSites(graph),
  };
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST) {
      throw new GraphError('graph.too-large', `${path} has ${size} bytes; an ONNX file can have ${LARGEST}`, {
        where: path,
        hint: 'save it with its weights in a file beside it (onnx.save with save_as_external_data=True)',
      });
    }
    return await readFile(path);
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  }
}

/** The graph with its large weights in one file of the cache, when together they are many. */
async function withoutLargeWeights(graph: Graph, digest: string, context: WorkContext): Promise<Graph> {
  const large = [...graph.weights].filter(
    (entry): entry is [string, Tensor] => !isExternal(entry[1]) && entry[1].data.byteLength >= SMALL,
  );
  const total = large.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  if (total <= IN_MEMORY) return graph;
  const folder = join(cacheRoot(), 'models', `onnx-${digest.slice(0, 16)}-v${LAYOUT}`);
  const file = join(folder, 'weights.bin');
  const weights = new Map<string, Weight>(graph.weights);
  let end = 0;
  for (const [name, { dtype, shape, data }] of large) {
    weights.set(name, { dtype, shape, file, offset: end, length: data.byteLength });
    end = Math.ceil((end + data.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  await makeFolder(join(cacheRoot(), 'models'));
  await folderMadeOnce(folder, async (aside) => {
    context.progress({ type: 'note', text: 'weights are copied once to a file that can be mapped' });
    const handle = await openFile(join(aside, 'weights.bin'), 'wx');
    try {
      for (const [name, { data }] of large) {
        throwIfAborted(context.signal);
        const { offset } = weights.get(name) as { offset: number };
        await handle.write(
          viewBytes('uint8', new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
          0,
          data.byteLength,
          offset,
        );
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  return { ...graph, weights };
}
