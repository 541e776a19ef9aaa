/** @file A model in a GGUF file as a WeightSource: metadata to shape, blocks to float32, llama.cpp's row order undone. */
import { ModelError } from '../core/errors.ts';
import { sizeOf } from '../core/tensor.ts';
import { chatOfGguf, withChat } from './chat-files.ts';
import { ggmlFormats, ggmlTypeNames } from './dequantise.ts';
import { type GgufFile, type GgufTensor, openGguf } from './gguf.ts';
import { ggufArchitectures } from './gguf-names.ts';
import { ropeTensors, shapeOfGguf } from './gguf-shape.ts';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import { badDescription } from './shape.ts';
import { checkTensors, type WeightSource } from './source.ts';
import { storedBy } from './stored.ts';
import { modelWeights } from './weights.ts';

/**
 * Opens a GGUF file that holds a model of one of our architectures.
 * @throws FileError as openGguf; ModelError `model.description`, `model.tokenizer`, `model.quantisation`,
 *   `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export function openGgufSource(path: string): WeightSource {
  const file = openGguf(path);
  try {
    const shape = shapeOfGguf(file, (name) => readAll(file, name));
    const { names } = ggufArchitectures[String(file.metadata.get('general.architecture'))]!;
    const stored = storedBy(names, shape);
    const found = new Map([...file.tensors].map(([name, t]) => [name, t.shape]));
    const surplus = (name: string) =>
      Object.values<string>(ropeTensors).includes(name) || /^cls\b/.test(name);
    checkTensors({ path, shape, stored, found, surplus });
    const tensors = modelWeights(shape).map((spec) => file.tensors.get(stored(spec)!.name)!);
    for (const tensor of tensors) formatOf(tensor, path);
    return {
      path,
      shape,
      tokenizer: withChat(tokenizerFromGguf(file.metadata, path), chatOfGguf(file.metadata)),
      precision: mostUsed(tensors.filter((t) => t.shape.length > 1)),
      stored: (spec) => stored(spec)!,
      readTensor: (name, columns, from, count, target) =>
        readRows(file, file.tensors.get(name)!, columns, from, count, target),
      close: file.close,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function formatOf(tensor: GgufTensor, path: string) {
  const format = ggmlFormats.get(tensor.type);
  if (format) return format;
  const known = [...ggmlFormats.values()].map((f) => f.name).join(', ');
  const name = ggmlTypeNames[tensor.type] ?? tensor.type;
  throw new ModelError(
    'model.quantisation',
    `tensor "${tensor.name}" in ${path} is packed as ${name}; ${known} are read`,
    { where: path, hint: 'choose another file of the same model (Q8_0 or F16 are published for most)' },
  );
}

function readAll(file: GgufFile, name: string): Float32Array {
  const tensor = file.tensors.get(name)!;
  const count = sizeOf(tensor.shape);
  if (count > 2 ** 16) throw badDescription(file.path, `"${name}" has ${count} elements`);
  const target = new Float32Array(count);
  readRows(file, tensor, count, 0, 1, target);
  return target;
}

function readRows(
  file: GgufFile,
  tensor: GgufTensor,
  columns: number,
  from: number,
  count: number,
  target: Float32Array,
): void {
  const format = formatOf(tensor, file.path);
  const rowBytes = (columns / format.elements) * format.bytes;
  const bytes = file.readBytes(tensor.offset + from * rowBytes, count * rowBytes);
  format.unpack(bytes, 0, target, 0, count * columns);
}

/** The packing of most of the matrices, with its bits: `4-bit (Q4_1)`; '' for 32-bit floats. */
function mostUsed(matrices: readonly GgufTensor[]): string {
  const counts = new Map<number, number>();
  for (const { type } of matrices) counts.set(type, (counts.get(type) ?? 0) + 1);
  const [type] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [0];
  const { name } = ggmlFormats.get(type)!;
  const bits = /^B?[QF](\d+)/.exec(name)?.[1];
  return type === 0 ? '' : `${bits}-bit (${name})`;
}
