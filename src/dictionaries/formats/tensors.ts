/** @file Named tensors of a file, whatever holds them (safetensors, npz, a state dict of PyTorch), as float32. */
import { DictionaryError, nearestNames } from '../../core/errors.ts';
import { halvesToFloats } from '../../core/float16.ts';
import { type DType, sizeOf, type Tensor } from '../../core/tensor.ts';
import { readNpz } from '../../files/npz.ts';
import { openSafetensors } from '../../files/safetensors.ts';
import { openTorch } from '../../files/torch.ts';
import type { Floats } from '../types.ts';

export interface TensorSource {
  readonly path: string;
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  dtype(name: string): DType;
  floats(name: string): Promise<Floats>;
  close(): void;
}

/**
 * Opens a file of tensors by its ending: .safetensors, .npz, else a state dict of PyTorch.
 * @throws FileError as openSafetensors, readNpz and openTorch
 */
export async function openTensors(path: string): Promise<TensorSource> {
  if (path.endsWith('.safetensors')) {
    const file = await openSafetensors(path);
    return {
      path,
      names: file.names,
      shape: (name) => file.info(name).shape,
      dtype: (name) => file.info(name).dtype,
      floats: async (name) => toFloats(file.read(name)),
      close: () => file.close(),
    };
  }
  if (path.endsWith('.npz')) {
    const arrays = await readNpz(path);
    return {
      path,
      names: Object.keys(arrays),
      shape: (name) => arrays[name]!.shape,
      dtype: (name) => arrays[name]!.dtype,
      floats: async (name) => toFloats(arrays[name]!),
      close: () => {},
    };
  }
  const file = await openTorch(path);
  return {
    path,
    names: file.names,
    shape: (name) => file.info(name).shape,
    dtype: (name) => file.info(name).dtype,
    floats: async (name) => toFloats(await file.read(name)),
    close: () => {},
  };
}

/** The numbers of a tensor as float32. */
export function toFloats({ dtype, data }: Tensor): Floats {
  if (dtype === 'float32') return data as Floats;
  if (dtype === 'float16') return halvesToFloats(data as Uint16Array) as Floats;
  return Float32Array.from(data as ArrayLike<number | bigint>, Number);
}

/**
 * Refuses a file that lacks a tensor or has one that the format does not know: read anyhow, its features would be wrong
 * without a word.
 * @throws DictionaryError `dictionary.tensors`
 */
export function checkNames(
  { path, names }: Pick<TensorSource, 'path' | 'names'>,
  required: readonly string[],
  optional: readonly string[],
  what: string,
): void {
  const missing = required.filter((name) => !names.includes(name));
  const known = [...required, ...optional];
  const unknown = names.filter((name) => !known.includes(name));
  if (missing.length === 0 && unknown.length === 0) return;
  const list = (items: readonly string[]) =>
    items
      .slice(0, 8)
      .map((name) => `"${name.slice(0, 80)}"`)
      .join(', ');
  const parts = [
    ...(missing.length > 0 ? [`lacks ${list(missing)}`] : []),
    ...(unknown.length > 0 ? [`has ${list(unknown)}, which such a file has not`] : []),
  ];
  const near = missing.length > 0 ? `; nearest: ${nearestNames(missing[0]!, names).join(', ')}` : '';
  throw new DictionaryError('dictionary.tensors', `${path}, read as ${what}, ${parts.join(' and ')}`, {
    where: path,
    hint: `it may be of another kind or version, and its features would come out wrong${near}`,
  });
}

/**
 * Refuses weights that are whole numbers: they are those of a quantised model, and wrong without its scales.
 * @throws DictionaryError `dictionary.tensors`
 */
export function checkFloating({ path, dtype }: Pick<TensorSource, 'path' | 'dtype'>, name: string): void {
  if (dtype(name).startsWith('float')) return;
  throw new DictionaryError(
    'dictionary.tensors',
    `"${name}" of ${path} is ${dtype(name)}, not floating-point`,
    {
      where: path,
      hint: 'quantised weights mean nothing without their scales: take the file that they were made from',
    },
  );
}

/** A vector of `length` numbers. @throws DictionaryError `dictionary.orientation`, `dictionary.tensors` */
export async function vector(source: TensorSource, name: string, length: number): Promise<Floats> {
  const shape = source.shape(name);
  if (shape.length !== 1 || shape[0] !== length) throw misshapen(source, name, [length]);
  checkFloating(source, name);
  return source.floats(name);
}

/** A single number. @throws DictionaryError `dictionary.orientation` */
export async function scalar(source: TensorSource, name: string): Promise<number> {
  if (sizeOf(source.shape(name)) !== 1) throw misshapen(source, name, []);
  return (await source.floats(name))[0]!;
}

/**
 * A matrix in our orientation, [rows, columns]. The format says whether the file has it so or transposed; the sizes,
 * known from the biases or the configuration, must agree. A square matrix agrees either way: there the format decides.
 * @throws DictionaryError `dictionary.orientation`, `dictionary.tensors`
 */
export async function matrix(
  source: TensorSource,
  name: string,
  [rows, columns]: readonly [rows: number, columns: number],
  stored: 'as-is' | 'transposed',
): Promise<Floats> {
  const expected = stored === 'as-is' ? [rows, columns] : [columns, rows];
  if (String(source.shape(name)) !== String(expected)) throw misshapen(source, name, expected);
  checkFloating(source, name);
  const values = await source.floats(name);
  return stored === 'as-is' ? values : transposed(values, columns, rows);
}

/** An array as a tensor of that shape, to be written. */
export const shaped = (shape: readonly number[], data: Floats): Tensor<'float32'> => ({
  dtype: 'float32',
  shape,
  data,
});

/** [rows, columns] → [columns, rows]. */
export function transposed(values: Floats, rows: number, columns: number): Floats {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}

/** Length of a vector in the file. @throws DictionaryError `dictionary.orientation` */
export function lengthOf(source: TensorSource, name: string): number {
  const [length, ...rest] = source.shape(name);
  if (length === undefined || length < 1 || rest.length > 0) throw misshapen(source, name, ['length']);
  return length;
}

function misshapen(
  source: TensorSource,
  name: string,
  expected: readonly (number | string)[],
): DictionaryError {
  const shape = source.shape(name);
  const isTurned = shape.length === 2 && String([...shape].reverse()) === String(expected);
  return new DictionaryError(
    'dictionary.orientation',
    `"${name}" of ${source.path} is [${shape}], not [${expected}]${isTurned ? ': it lies transposed' : ''}`,
    {
      where: source.path,
      hint: isTurned
        ? 'the file is of another format than it was read as, or was written the wrong way round'
        : 'its tensors contradict each other or the configuration beside them',
    },
  );
}
