/** @file A model written as an ONNX file that any runtime reads and that opens again as the same model. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { bytesOf, sizeOf } from '../core/tensor.ts';
import { writeAtomically, writeFileAtomic } from '../files/atomic.ts';
import { fileSha256 } from '../files/download.ts';
import { encodeOnnx } from '../graph/onnx.ts';
import { type Graph, isExternal, type Weight } from '../graph/types.ts';
import { producers } from '../graph/uses.ts';
import { modelShapeSchema } from './shape.ts';
import { modelSites } from './sites.ts';
import { noTokenizer, openTokenizer } from './tokenizer.ts';
import type { Model, ModelShape, TokenizerFiles } from './types.ts';
import { countParameters, modelWeights } from './weights.ts';

/** Key of the file's metadata under which the description stands, and that of the tokenizer. */
export const MODEL_KEY = 'untangle.model';
const KEYS = { description: MODEL_KEY, tokenizer: 'untangle.tokenizer' } as const;

/** Weights of fewer bytes stay inside of the ONNX file. */
const INSIDE = 1024;
/** Weights begin at multiples of a memory page, so that they can be mapped. */
const PAGE = 4096;
/** Bytes that are copied at a time. */
const PIECE = 2 ** 24;

const descriptionSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  note: z.string(),
  hash: z.string(),
  shape: modelShapeSchema,
  /** SHA-256 of the data file: when it is another now, so is the model. */
  data: z.string(),
});
type Description = z.infer<typeof descriptionSchema>;

/**
 * Writes `path` (an .onnx file) and `path.data` with the weights. Values keep their names, so that sites are found by
 * them; shape, tokenizer and hash stand in the file's metadata.
 * @throws FileError `disk.full` and the like
 */
export async function exportOnnx(model: Model, path: string, context: WorkContext): Promise<void> {
  const { name, note, hash, shape, tokenizer } = model;
  const data = resolve(`${path}.data`);
  const graph = await writeWeights(model.graph, data, context);
  const description: Description = { version: 1, name, note, hash, shape, data: await fileSha256(data) };
  const metadata = new Map<string, string>([[KEYS.description, JSON.stringify(description)]]);
  if (tokenizer.files) metadata.set(KEYS.tokenizer, JSON.stringify(tokenizer.files));
  const notes = { irVersion: 0, opsets: new Map(), ...graph.notes, metadata };
  await writeFileAtomic(path, encodeOnnx({ ...graph, notes }, { externalDir: dirname(data) }));
}

/** Writes the weights of a graph, but for small ones, into the file `data`; the graph then names them there. */
export async function writeWeights(graph: Graph, data: string, context: WorkContext): Promise<Graph> {
  const weights = new Map<string, Weight>();
  let end = 0;
  for (const [key, weight] of graph.weights) {
    const length = bytesOf(weight.dtype) * sizeOf(weight.shape);
    if (length < INSIDE) {
      weights.set(key, weight);
      continue;
    }
    weights.set(key, { dtype: weight.dtype, shape: weight.shape, file: data, offset: end, length });
    end = Math.ceil((end + length) / PAGE) * PAGE;
  }
  await writeAtomically(data, async (file) => {
    for (const [key, weight] of graph.weights) {
      throwIfAborted(context.signal);
      const to = weights.get(key)!;
      if (isExternal(to)) await copyWeight(weight, file, to.offset);
    }
  });
  return { ...graph, weights };
}

async function copyWeight(weight: Weight, file: FileHandle, at: number): Promise<void> {
  if (!isExternal(weight)) {
    const { buffer, byteOffset, byteLength } = weight.data;
    await file.write(new Uint8Array(buffer, byteOffset, byteLength), 0, byteLength, at);
    return;
  }
  const from = await open(weight.file, 'r');
  try {
    const piece = new Uint8Array(Math.min(PIECE, weight.length));
    for (let done = 0; done < weight.length; ) {
      const { bytesRead } = await from.read(
        piece,
        0,
        Math.min(piece.length, weight.length - done),
        weight.offset + done,
      );
      if (bytesRead === 0) break;
      await file.write(piece, 0, bytesRead, at + done);
      done += bytesRead;
    }
  } finally {
    await from.close();
  }
}

/**
 * The model that exportOnnx() wrote, from its decoded graph; undefined for any other ONNX file, and for one whose
 * graph no longer has the weights and sites that the description promises. `hash` is given to a model whose weights
 * are not those that were exported.
 */
export async function exportedModel(
  graph: Graph,
  { path, hash }: { readonly path: string; readonly hash: string },
): Promise<Model | undefined> {
  const description = parse(graph.notes?.metadata.get(KEYS.description), descriptionSchema);
  if (!description) return undefined;
  const { name, note, data } = description;
  const shape = description.shape as ModelShape;
  const known = producers(graph);
  const sites = modelSites(shape);
  const fits = modelWeights(shape).every(
    (spec) => `${graph.weights.get(spec.name)?.shape}` === `${spec.shape}`,
  );
  if (!fits || !sites.every((site) => known.has(site.name))) return undefined;
  const file = join(dirname(resolve(path)), `${basename(path)}.data`);
  const same = (await stat(file).catch(() => undefined)) !== undefined && (await fileSha256(file)) === data;
  const files = parse(
    graph.notes?.metadata.get(KEYS.tokenizer),
    z.object({ tokenizer: z.unknown(), config: z.unknown() }),
  ) as TokenizerFiles | undefined;
  return {
    name,
    source: resolve(path),
    note: same ? note : [note, 'its weights were changed after it was exported'].filter(Boolean).join('; '),
    parameters: countParameters(shape),
    hash: same ? description.hash : hash,
    shape,
    graph,
    tokenizer: files ? openTokenizer(files, path) : noTokenizer(name),
    sites,
  };
}

/** Metadata that fits the schema, else undefined: anyone may have written it. */
function parse<T>(text: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
