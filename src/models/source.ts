/** @file A WeightSource is a model file that can be converted: its shape, its tokenizer, and rows of its weights. */
import { ModelError } from '../core/errors.ts';
import type { TokenizerFiles } from './tokenizer.ts';
import type { ModelShape } from './types.ts';
import type { WeightSpec } from './weights.ts';

/** A model file of a foreign format, open for reading. */
export interface WeightSource {
  /** For messages. */
  readonly path: string;
  readonly shape: ModelShape;
  readonly tokenizer: TokenizerFiles;
  /** What the file says of itself that users should know, e.g. `4-bit (Q4_1)`; '' when nothing. */
  readonly precision: string;
  /**
   * Writes rows `from` to `from + count` of the stored tensor into `target` as float32. A stored row has
   * shape.at(-1) numbers, or shape[0] when the format stores the transpose.
   */
  readRows(spec: WeightSpec, from: number, count: number, target: Float32Array): void;
  /** Which row of the tensor (as Hugging Face orders it) a stored row is; the same by default. */
  place?(spec: WeightSpec, storedRow: number): number;
  close(): void;
}

/** The stored form of a weight: rows × columns. A vector is one row. */
export function storedSize(spec: WeightSpec): { rows: number; columns: number } {
  const [first, second] = spec.shape;
  if (second === undefined) return { rows: 1, columns: first! };
  return spec.transposed ? { rows: second, columns: first! } : { rows: first!, columns: second };
}

/**
 * Checks the tensors of a file against those that the architecture has.
 * @throws ModelError `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export function checkTensors(
  path: string,
  specs: readonly WeightSpec[],
  foreignName: (spec: WeightSpec) => string,
  found: ReadonlyMap<string, readonly number[]>,
  ignored: (name: string) => boolean,
): void {
  const wanted = new Map(specs.map((spec) => [foreignName(spec), spec]));
  const missing = [...wanted.keys()].filter((name) => !found.has(name));
  if (missing.length > 0) {
    const some = missing.slice(0, 5).join(', ');
    throw new ModelError(
      'model.missing-tensor',
      `${path} lacks ${missing.length} tensor(s) of a Llama: ${some}${missing.length > 5 ? ', …' : ''}`,
      { where: path, hint: 'the file is incomplete, or its description (layers, tied embeddings) is wrong' },
    );
  }
  for (const [name, spec] of wanted) {
    const { rows, columns } = storedSize(spec);
    const expected = spec.shape.length === 1 ? [columns] : [rows, columns];
    const shape = found.get(name)!;
    if (`${shape}` !== `${expected}`) {
      throw new ModelError(
        'model.tensor-shape',
        `tensor "${name}" is [${shape}], but the model's description wants [${expected}]`,
        { where: path, hint: 'weights and description do not belong together' },
      );
    }
  }
  const unknown = [...found.keys()].filter((name) => !wanted.has(name) && !ignored(name));
  if (unknown.length > 0) {
    throw new ModelError(
      'model.unknown-tensor',
      `${path} has tensors that a Llama has not: ${unknown.slice(0, 5).join(', ')}`,
      {
        where: path,
        hint: 'the model is of another architecture or has biases or adapters, which are not read yet',
      },
    );
  }
}
