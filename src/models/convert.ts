/** @file Converting a model once: one float32 weights file that onnxruntime maps, with a manifest, in the cache. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FileError, ModelError, throwIfAborted } from '../core/errors.ts';
import { contentHash, sha256 } from '../core/hash.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { sizeOf } from '../core/tensor.ts';
import { readJson, writeFileAtomic, writeJson } from '../files/atomic.ts';
import { fileSha256 } from '../files/download.ts';
import { isExternal, type Weight } from '../graph/types.ts';
import { rotaryTables } from './rotary.ts';
import { modelShapeSchema } from './shape.ts';
import type { WeightSource } from './source.ts';
import { placeOfRow, readStored, storedSize } from './stored.ts';
import type { ModelShape, TokenizerFiles } from './types.ts';
import { modelWeights, type WeightSpec } from './weights.ts';

/** Raised when the same source would be converted differently; older conversions are then made anew. */
export const CONVERSION = 2;

const NAMES = { manifest: 'model.json', weights: 'weights.bin', tokenizer: 'tokenizer.json' } as const;

/** Tensors begin at multiples of a memory page, so that they can be mapped. */
const PAGE = 4096;
/** Numbers that are unpacked at a time. */
const BLOCK = 2 ** 20;

const manifestSchema = z.object({
  conversion: z.literal(CONVERSION),
  shape: modelShapeSchema,
  precision: z.string(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
  hash: z.string(),
  tensors: z.record(
    z.string(),
    z.object({ shape: z.array(z.number().int()).readonly(), offset: z.number().int() }),
  ),
});
type ConvertedManifest = Omit<z.infer<typeof manifestSchema>, 'shape'> & { readonly shape: ModelShape };

/** A converted model in the cache. */
export interface Converted {
  readonly manifest: ConvertedManifest;
  readonly weights: ReadonlyMap<string, Weight>;
  /** null for models of images. */
  readonly tokenizer: TokenizerFiles | null;
}

/**
 * Writes `source` into `folder`: weights.bin (float32, page-aligned tensors, maps transposed to [in, out]),
 * tokenizer.json and model.json. Memory stays below twice the largest matrix.
 * @throws ModelError `model.not-finite` when a weight is NaN or infinite
 */
export async function convert(source: WeightSource, folder: string, context: WorkContext): Promise<void> {
  const specs = modelWeights(source.shape);
  const total = specs.reduce((sum, spec) => sum + sizeOf(spec.shape), 0);
  const task = { task: 'convert', label: 'Converting the weights', total, unit: 'numbers' };
  const file = await open(join(folder, NAMES.weights), 'w');
  try {
    await track(context.progress, task, async (advance) => {
      const writer = alignedWriter(file);
      let done = 0;
      for (const spec of specs) {
        throwIfAborted(context.signal);
        await writer.begin(spec.name, spec.shape);
        const { transposed } = source.stored(spec);
        for (const piece of transposed ? turned(source, spec) : asStored(source, spec))
          await writer.append(piece);
        done += sizeOf(spec.shape);
        advance(done);
      }
      for (const [name, make] of rotaryTables(source.shape)) {
        const table = make();
        await writer.begin(name, table.shape);
        await writer.append(table.data as Float32Array);
      }
      await file.sync();
      const { bytes, tensors, digest } = writer.end();
      const tokenizer = JSON.stringify(source.tokenizer ?? null);
      const hash = contentHash({ weights: digest, shape: source.shape, tokenizer: sha256(tokenizer) });
      await writeFileAtomic(join(folder, NAMES.tokenizer), tokenizer);
      await writeJson(join(folder, NAMES.manifest), {
        conversion: CONVERSION,
        shape: source.shape,
        precision: source.precision,
        bytes,
        sha256: digest,
        hash,
        tensors,
      } satisfies ConvertedManifest);
    });
  } finally {
    await file.close();
  }
}

/**
 * Opens what `convert` wrote, reading no weight.
 * @throws FileError `file.missing`, `file.json`, `file.schema`, `file.truncated` when the folder is not whole
 */
export async function openConverted(folder: string): Promise<Converted> {
  const manifest = await readJson(join(folder, NAMES.manifest), manifestSchema);
  const file = join(folder, NAMES.weights);
  const size = await stat(file).then(
    (s) => s.size,
    () => 0,
  );
  if (size !== manifest.bytes) {
    throw new FileError('file.truncated', `${file} has ${size} bytes, expected ${manifest.bytes}`, {
      where: file,
      hint: 'remove its folder; the model is then converted again',
    });
  }
  const weights = Object.entries(manifest.tensors).map(([name, { shape, offset }]) => {
    const weight: Weight = { dtype: 'float32', shape, file, offset, length: 4 * sizeOf(shape) };
    return [name, weight] as const;
  });
  const tokenizer = (await readJson(join(folder, NAMES.tokenizer))) as TokenizerFiles | null;
  return { manifest: manifest as ConvertedManifest, weights: new Map(weights), tokenizer };
}

/** Those of the weights' converted files whose content is no longer what was written. Reads them in full. */
export async function damagedWeights(weights: Iterable<Weight>): Promise<string[]> {
  const files = new Set([...weights].filter(isExternal).map((weight) => weight.file));
  const damaged: string[] = [];
  for (const file of files) {
    const manifest = await readJson(join(dirname(file), NAMES.manifest), manifestSchema);
    if ((await fileSha256(file)) !== manifest.sha256) damaged.push(file);
  }
  return damaged;
}

/** Appends pieces of tensors, each tensor on a page of its own, hashing what it writes. */
function alignedWriter(file: FileHandle) {
  const hash = createHash('sha256');
  const tensors: Record<string, { shape: readonly number[]; offset: number }> = {};
  let at = 0;
  const put = async (bytes: Uint8Array) => {
    hash.update(bytes);
    await file.writeFile(bytes);
    at += bytes.length;
  };
  return {
    async begin(name: string, shape: readonly number[]) {
      if (at % PAGE !== 0) await put(new Uint8Array(PAGE - (at % PAGE)));
      tensors[name] = { shape, offset: at };
    },
    append: (piece: Float32Array) => put(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)),
    end: () => ({ bytes: at, tensors, digest: hash.digest('hex') }),
  };
}

/** The tensor as it is stored, in pieces; each piece is overwritten by the next. */
function* asStored(source: WeightSource, spec: WeightSpec): Generator<Float32Array> {
  const stored = source.stored(spec);
  const { rows, columns } = storedSize(spec, stored);
  const step = Math.max(1, Math.min(rows, Math.floor(BLOCK / columns)));
  const buffer = new Float32Array(step * columns);
  for (let from = 0; from < rows; from += step) {
    const count = Math.min(step, rows - from);
    readStored(spec, stored, source.readTensor, from, count, buffer);
    const piece = buffer.subarray(0, count * columns);
    requireFinite(source, spec, piece);
    yield piece;
  }
}

/** A map stored [out, in] as [in, out], rows put at the place where they belong. */
function* turned(source: WeightSource, spec: WeightSpec): Generator<Float32Array> {
  const stored = source.stored(spec);
  const { rows, columns } = storedSize(spec, stored);
  const result = new Float32Array(rows * columns);
  const step = Math.min(rows, 64);
  const buffer = new Float32Array(step * columns);
  for (let from = 0; from < rows; from += step) {
    const count = Math.min(step, rows - from);
    readStored(spec, stored, source.readTensor, from, count, buffer);
    requireFinite(source, spec, buffer.subarray(0, count * columns));
    for (let r = 0; r < count; r++) {
      const place = placeOfRow(spec, stored, from + r);
      for (let c = 0, read = r * columns; c < columns; c++, read++) result[c * rows + place] = buffer[read]!;
    }
  }
  yield result;
}

function requireFinite(source: WeightSource, spec: WeightSpec, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  if (sum === 0) return;
  throw new ModelError(
    'model.not-finite',
    `the weight "${spec.name}" in ${source.path} has NaN or infinity`,
    {
      where: source.path,
      hint: 'the file is damaged, or the model broke in training; every result of it would be meaningless',
    },
  );
}
