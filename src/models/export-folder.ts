/** @file A model written as a Hugging Face folder: config.json, model.safetensors, tokenizer.json, in float32. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import type { Tensor } from '../core/tensor.ts';
import { writeFileAtomic, writeJson } from '../files/atomic.ts';
import { streamSafetensors } from '../files/safetensors.ts';
import { FILES } from './huggingface.ts';
import { configOfShape, writtenConfig } from './huggingface-describe.ts';
import { huggingFaceNames } from './huggingface-names.ts';
import { type Stored, storedBy, storedSize, tensorSize } from './stored.ts';
import type { Model, ModelShape } from './types.ts';
import { modelWeights, readWeight, type WeightSpec } from './weights.ts';

/**
 * Writes the model so that transformers, and openModel(), open the folder. Memory stays below three times the
 * largest tensor.
 * @throws ModelError `model.not-float32`; FileError `disk.full` and the like
 */
export async function exportFolder(model: Model, folder: string, context: WorkContext): Promise<void> {
  const { shape, graph, tokenizer } = model;
  await mkdir(folder, { recursive: true });
  const storedAs = storedBy(huggingFaceNames[shape.family], shape);
  const specs = modelWeights(shape).map((spec) => ({ spec, stored: storedAs(spec)! }));
  const byTensor = new Map<string, { spec: WeightSpec; stored: Stored }[]>();
  for (const one of specs) byTensor.set(one.stored.name, [...(byTensor.get(one.stored.name) ?? []), one]);
  const layout = Object.fromEntries(
    [...byTensor].map(([name, parts]) => [
      name,
      { dtype: 'float32' as const, shape: shapeOf(parts[0]!, shape) },
    ]),
  );
  await streamSafetensors(
    join(folder, FILES.weights),
    layout,
    async (writer) => {
      for (const [name, parts] of byTensor) {
        throwIfAborted(context.signal);
        const whole = new Float32Array(layout[name]!.shape.reduce((a, b) => a * b, 1));
        for (const part of parts) place(part.spec, part.stored, await floats(model, part.spec, graph), whole);
        await writer.write(name, whole);
      }
    },
    { format: 'pt' },
  );
  await writeFileAtomic(join(folder, FILES.config), writtenConfig(configOfShape(shape)));
  if (!tokenizer.files) return;
  await writeJson(join(folder, FILES.tokenizer), tokenizer.files.tokenizer);
  await writeJson(join(folder, FILES.tokenizerConfig), tokenizer.files.config ?? {});
}

async function floats(model: Model, spec: WeightSpec, graph: Model['graph']): Promise<Float32Array> {
  const tensor: Tensor = await readWeight(graph.weights.get(spec.name)!);
  if (tensor.dtype === 'float32') return tensor.data as Float32Array;
  throw new ModelError('model.not-float32', `the weight "${spec.name}" of ${model.name} is ${tensor.dtype}`, {
    where: model.name,
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
