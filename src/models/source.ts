/** @file A WeightSource is a model file that can be converted: its shape, its tokenizer, and rows of its tensors. */
import { ModelError } from '../core/errors.ts';
import { fits, type ReadTensor, type Stored, tensorSize } from './stored.ts';
import type { ModelShape, TokenizerFiles } from './types.ts';
import { modelWeights, type WeightSpec } from './weights.ts';

/** A model file of a foreign format, open for reading. */
export interface WeightSource {
  /** For messages. */
  readonly path: string;
  readonly shape: ModelShape;
  /** Absent for models of images. */
  readonly tokenizer?: TokenizerFiles;
  /** What the file says of itself that users should know, e.g. `4-bit (Q4_1)`; '' when nothing. */
  readonly precision: string;
  stored(spec: WeightSpec): Stored;
  /** Writes rows of a tensor into `target` as float32. */
  readonly readTensor: ReadTensor;
  close(): void;
}

/** What checkTensors() compares. */
interface Tensors {
  readonly path: string;
  readonly shape: ModelShape;
  stored(spec: WeightSpec): Stored | undefined;
  /** Shapes of the tensors that the file has. */
  readonly found: ReadonlyMap<string, readonly number[]>;
  /** Tensors that may be there all the same. */
  surplus(name: string): boolean;
}

/**
 * Checks the tensors of a file against those that the architecture has.
 * @throws ModelError `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export function checkTensors({ path, shape, stored, found, surplus }: Tensors): void {
  const wanted = modelWeights(shape).map((spec) => ({ spec, as: stored(spec) }));
  const missing = wanted.filter(({ as }) => !as || !found.has(as.name));
  if (missing.length > 0) {
    const some = missing.slice(0, 5).map(({ spec, as }) => as?.name ?? spec.name);
    throw new ModelError(
      'model.missing-tensor',
      `${path} lacks ${missing.length} tensor(s) of a ${shape.family} model: ${some.join(', ')}${missing.length > 5 ? ', …' : ''}`,
      { where: path, hint: 'the file is incomplete, or its description (layers, tied embeddings) is wrong' },
    );
  }
  for (const { spec, as } of wanted) {
    const has = found.get(as!.name)!;
    if (fits(spec, as!, has)) continue;
    const { rows, columns } = tensorSize(spec, as!);
    const expected = spec.shape.length === 1 ? [columns] : [rows, columns];
    throw new ModelError(
      'model.tensor-shape',
      `tensor "${as!.name}" is [${has}], but the model's description wants [${expected}]`,
      { where: path, hint: 'weights and description do not belong together' },
    );
  }
  // A tied model may carry its unembedding all the same.
  const read = new Set(wanted.map(({ as }) => as!.name));
  const tiedCopy = shape.tied ? stored({ name: 'W_U', shape: [], role: 'table' })?.name : undefined;
  const unknown = [...found.keys()].filter((name) => !read.has(name) && name !== tiedCopy && !surplus(name));
  if (unknown.length > 0) {
    throw new ModelError(
      'model.unknown-tensor',
      `${path} has tensors that a ${shape.family} model of this description has not: ${unknown.slice(0, 5).join(', ')}`,
      {
        where: path,
        hint: 'the model is of another architecture, or carries adapters or heads that are not read',
      },
    );
  }
}
