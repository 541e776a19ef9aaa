/** @file A model written as a Hugging Face folder: config.json, model.safetensors, tokenizer.json. */
import { join } from 'node:path';
import { ModelError, throwIfAborted } from '../core/errors.ts';
import { floatsToHalves } from '../core/float16.ts';
import type { WorkContext } from '../core/progress.ts';
import { sizeOf } from '../core/tensor.ts';
import { writeFileAtomic, writeJson } from '../files/atomic.ts';
import { makeFolder } from '../files/folders.ts';
import { streamSafetensors } from '../files/safetensors.ts';
import type { Weight } from '../graph/types.ts';
import { FILES } from './huggingface.ts';
import { configOfShape, writtenConfig } from './huggingface-describe.ts';
import { huggingFaceNames } from './huggingface-names.ts';
import { type Stored, storedBy, storedSize, tensorSize } from './stored.ts';
import type { Model, ModelShape, TokenizerFiles } from './types.ts';
import { modelWeights, readWeight, type WeightSpec } from './weights.ts';

/** What a folder is written from. */
export interface FolderContents {
  readonly shape: ModelShape;
  /** By our names, in float32. */
  readonly weights: ReadonlyMap<string, Weight>;
  readonly tokenizer?: TokenizerFiles | undefined;
}

export interface FolderOptions {
  /** How the weights are stored; float32 by default. */
  readonly precision?: 'float32' | 'float16';
  /** More fields of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Writes an opened model as a folder. @throws as writeFolder() */
export const exportFolder = ({ shape, graph, tokenizer }: Model, folder: string, context: WorkContext) =>
  writeFolder({ shape, weights: graph.weights, tokenizer: tokenizer.files }, folder, context);

/**
 * Writes a folder that transformers, and openModel(), open. Memory stays below three times the largest tensor.
 * @throws ModelError `model.not-float32`; FileError `disk.full` and the like
 */
export async function writeFolder(
  { shape, weights, tokenizer }: FolderContents,
  folder: string,
  { signal }: WorkContext,
  { precision = 'float32', config = {} }: FolderOptions = {},
): Promise<void> {
  await makeFolder(folder);
  const storedAs = storedBy(huggingFaceNames[shape.family], shape);
  const specs = modelWeights(shape).map((spec) => ({ spec, stored: storedAs(spec)! }));
  const byTensor = new Map<string, { spec: WeightSpec; stored: Stored }[]>();
  for (const one of specs) byTensor.set(one.stored.name, [...(byTensor.get(one.stored.name) ?? []), one]);
  const layout = Object.fromEntries(
    [...byTensor].map(([name, parts]) => [name, { dtype: precision, shape: shapeOf(parts[0]!, shape) }]),
  );
  await streamSafetensors(
    join(folder, FILES.weights),
    layout,
    async (writer) => {
      for (const [name, parts] of byTensor) {
        throwIfAborted(signal);
        const whole = new Float32Array(sizeOf(layout[name]!.shape));
        for (const { spec, stored } of parts)
          place(spec, stored, await floats(spec.name, weights.get(spec.name)!), whole);
        await writer.write(name, precision === 'float16' ? floatsToHalves(whole) : whole);
      }
    },
    { format: 'pt' },
  );
  const described = { ...configOfShape(shape), torch_dtype: precision, ...config };
  await writeFileAtomic(join(folder, FILES.config), writtenConfig(described));
  if (!tokenizer) return;
  await writeJson(join(folder, FILES.tokenizer), tokenizer.tokenizer);
  await writeJson(join(folder, FILES.tokenizerConfig), tokenizer.config ?? {});
}

async function floats(name: string, weight: Weight): Promise<Float32Array> {
  const { dtype, data } = await readWeight(weight);
  if (dtype === 'float32') return data as Float32Array;
  throw new ModelError('model.not-float32', `the weight "${name}" is ${dtype}`, {
    where: name,
    hint: 'only models in float32 are written',
  });
}

/** Shape of the tensor as transformers has it. */
function shapeOf({ spec, stored }: { spec: WeightSpec; stored: Stored }, { image }: ModelShape): number[] {
  const { rows, columns } = tensorSize(spec, stored);
  if (image && spec.name === 'cls') return [1, 1, columns];
  if (image && spec.name === 'W_pos') return [1, rows, columns];
  if (image && spec.name === 'W_patch') return [rows, image.channels, image.patch, image.patch];
  return spec.shape.length === 1 ? [columns] : [rows, columns];
}

/** Puts a weight where readStored() finds it. */
function place(spec: WeightSpec, stored: Stored, ours: Float32Array, whole: Float32Array): void {
  const { rows, columns } = storedSize(spec, stored);
  const { part, transposed, add = 0 } = stored;
  const width = tensorSize(spec, stored).columns;
  const at = (i: number) => (part ? part.first + Math.floor(i / part.run) * part.step + (i % part.run) : i);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = ours[transposed ? c * rows + r : r * columns + c]! - add;
      if (transposed) whole[at(r) * width + c] = value;
      else whole[r * width + at(c)] = value;
    }
  }
}
