/** @file A Llama in a GGUF file as a WeightSource: metadata to shape, blocks to float32, llama.cpp's row order undone. */
import { ModelError } from '../core/errors.ts';
import { ggmlFormats, ggmlTypeNames } from './dequantise.ts';
import { type GgufFile, type GgufTensor, openGguf } from './gguf.ts';
import { badDescription, checkShape } from './llama-shape.ts';
import { checkTensors, storedSize, type WeightSource } from './source.ts';
import { tokenizerFromGguf } from './tokenizer.ts';
import type { ModelShape } from './types.ts';
import { llamaWeights, type WeightSpec } from './weights.ts';

const ROPE_FACTORS = 'rope_freqs.weight';

/**
 * Opens a GGUF file that holds a Llama.
 * @throws FileError as openGguf; ModelError `model.description`, `model.tokenizer`, `model.quantisation`,
 *   `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export function openGgufSource(path: string): WeightSource {
  const file = openGguf(path);
  try {
    const shape = shapeOf(file);
    const specs = llamaWeights(shape);
    const found = new Map([...file.tensors].map(([name, t]) => [name, t.shape]));
    checkTensors(
      path,
      specs,
      (spec) => spec.gguf,
      found,
      (name) => name === ROPE_FACTORS,
    );
    const tensors = specs.map((spec) => file.tensors.get(spec.gguf)!);
    for (const tensor of tensors) formatOf(tensor, path);
    return {
      path,
      shape,
      tokenizer: tokenizerFromGguf(file.metadata, path),
      precision: mostUsed(tensors.filter((t) => t.shape.length > 1)),
      readRows: (spec, from, count, target) =>
        readRows(file, file.tensors.get(spec.gguf)!, storedSize(spec).columns, from, count, target),
      place,
      close: file.close,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Sizes from the metadata (keys of ggml/docs/gguf.md, "LLM"). */
function shapeOf(file: GgufFile): ModelShape {
  const { metadata, path, tensors } = file;
  const architecture = metadata.get('general.architecture');
  if (architecture !== 'llama')
    throw badDescription(path, `its architecture is ${JSON.stringify(architecture)}`);
  const of = (key: string) => metadata.get(`llama.${key}`);
  const scaling = of('rope.scaling.type');
  if (scaling !== undefined && scaling !== 'none') throw badDescription(path, `rotary scaling ${scaling}`);
  const [width, heads] = [of('embedding_length'), of('attention.head_count')];
  const headWidth = of('attention.key_length') ?? Number(width) / Number(heads);
  const rotated = of('rope.dimension_count');
  if (rotated !== undefined && rotated !== headWidth)
    throw badDescription(path, `only ${rotated} of ${headWidth} numbers of a head are rotated`);
  const vocabulary = tensors.get('token_embd.weight')?.shape[0];
  if (vocabulary === undefined) {
    throw new ModelError('model.missing-tensor', `${path} lacks the token embedding (token_embd.weight)`, {
      where: path,
      hint: 'the file is incomplete, or holds no language model',
    });
  }
  const shape = {
    family: 'llama' as const,
    layers: of('block_count'),
    width,
    heads,
    kvHeads: of('attention.head_count_kv') ?? heads,
    headWidth,
    mlpWidth: of('feed_forward_length'),
    vocabulary,
    context: of('context_length'),
    ropeBase: of('rope.freq_base') ?? 10_000,
    ropeFactors: tensors.has(ROPE_FACTORS) ? [...readAll(file, ROPE_FACTORS)] : undefined,
    normEpsilon: of('attention.layer_norm_rms_epsilon'),
    tied: !tensors.has('output.weight'),
  };
  return checkShape(shape, path);
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
  const count = tensor.shape.reduce((a, b) => a * b, 1);
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

/**
 * llama.cpp stores the rows of a Q or K head as (pair, half), Hugging Face as (half, pair): stored row 2i + a
 * of a head is row a·headWidth/2 + i (convert_hf_to_gguf.py, `permute`).
 */
function place(spec: WeightSpec, storedRow: number): number {
  if (spec.rotaryHeads === undefined) return storedRow;
  const headWidth = spec.shape[1]! / spec.rotaryHeads;
  const within = storedRow % headWidth;
  return storedRow - within + (within % 2) * (headWidth / 2) + (within >> 1);
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
