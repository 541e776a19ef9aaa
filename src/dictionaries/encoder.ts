/** @file Sparse encoding of many rows with a dictionary. */
import { DictionaryError } from '../core/errors.ts';
import { type BlockEncoder, openBlockEncoder } from './blocks.ts';
import { paddedWidth } from './layout.ts';
import type { Dictionary, SparseCode } from './types.ts';

export interface Encoder {
  /**
   * Code of rows [B, D]. Rows outside the dictionary's domain are encoded like any other.
   * @throws DictionaryError `dictionary.width` when the length is no multiple of D.
   */
  encode(x_BD: Float32Array): Promise<SparseCode>;
  release(): Promise<void>;
}

/** Opens an encoder. Its work is done on the calling thread. */
export async function encoder(dictionary: Dictionary, _threads = 1): Promise<Encoder> {
  const { width, features, k } = dictionary;
  if (dictionary.architecture === 'neurons') {
    return { encode: (x) => Promise.resolve(allNeurons(dictionary, x)), release: () => Promise.resolve() };
  }
  const block = await openBlockEncoder({ width: paddedWidth(width), features, k });
  const stride = paddedWidth(width);
  for (let f = 0; f < features; f++) {
    block.W_enc_FD.set(dictionary.W_enc_FD.subarray(f * width, (f + 1) * width), f * stride);
  }
  block.b_enc_F.set(dictionary.b_enc_F);
  block.weightsChanged();
  return {
    encode: (x) => encodeRows(dictionary, block, stride, x),
    release: () => block.release(),
  };
}

async function encodeRows(
  d: Dictionary,
  block: BlockEncoder,
  stride: number,
  x: Float32Array,
): Promise<SparseCode> {
  const rows = rowsOf(d, x);
  const { k, width } = d;
  const indices_BK = new Int32Array(rows * k);
  const values_BK = new Float32Array(rows * k);
  for (let first = 0; first < rows; first += block.rows) {
    const n = Math.min(block.rows, rows - first);
    for (let i = 0; i < n; i++) {
      block.x_RD.set(x.subarray((first + i) * width, (first + i + 1) * width), i * stride);
    }
    await block.encode();
    for (let i = 0; i < n; i++) {
      const count = block.counts_R[i]!;
      const to = (first + i) * k;
      indices_BK.set(block.indices_RK.subarray(i * k, i * k + count), to);
      values_BK.set(block.values_RK.subarray(i * k, i * k + count), to);
    }
  }
  return { indices_BK, values_BK };
}

/** Every neuron is active, positive or negative. */
function allNeurons(d: Dictionary, x: Float32Array): SparseCode {
  const rows = rowsOf(d, x);
  return {
    indices_BK: Int32Array.from({ length: rows * d.width }, (_, i) => i % d.width),
    values_BK: x.slice(),
  };
}

function rowsOf({ width, site }: Dictionary, x: Float32Array): number {
  if (x.length % width === 0) return x.length / width;
  throw new DictionaryError('dictionary.width', `${x.length} numbers are no rows of ${width}`, {
    where: site,
    hint: 'give activations of the site that the dictionary was trained on',
  });
}

/** Reconstruction [B, D] of a code. */
export function decode(d: Dictionary, code: SparseCode): Float32Array {
  const { width, k, W_dec_FD, b_dec_D } = d;
  const rows = code.values_BK.length / k;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const x = out.subarray(row * width, (row + 1) * width);
    x.set(b_dec_D);
    for (let i = row * k; i < (row + 1) * k; i++) {
      const value = code.values_BK[i]!;
      if (value === 0) continue;
      const from = code.indices_BK[i]! * width;
      if (d.architecture === 'neurons') x[code.indices_BK[i]!] = value;
      else for (let j = 0; j < width; j++) x[j]! += value * W_dec_FD[from + j]!;
    }
  }
  return out;
}
