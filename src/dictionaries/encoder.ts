/** @file Sparse encoding of many rows with a dictionary of any kind, and decoding. */
import { DictionaryError } from '../core/errors.ts';
import { type BlockEncoder, openBlockEncoder } from './blocks.ts';
import { paddedWidth } from './layout.ts';
import { encodePursuit } from './pursuit-code.ts';
import { type Dictionary, LEAST_SCALE, outputWidth, SPREAD_EPSILON, type SparseCode } from './types.ts';

export interface Encoder {
  /**
   * Code of rows [B, D], with as many slots as the fullest row needs. Rows outside the dictionary's domain are encoded
   * like any other.
   * @throws DictionaryError `dictionary.width` when the length is no multiple of D.
   */
  encode(x_BD: Float32Array): Promise<SparseCode>;
  release(): Promise<void>;
}

/** Opens an encoder. The product runs on so many threads, everything else on the calling one. */
export async function encoder(dictionary: Dictionary, threads = 1): Promise<Encoder> {
  const { width, features, activation } = dictionary;
  if (activation.kind === 'identity' || activation.kind === 'pursuit') {
    const plain = activation.kind === 'identity' ? allNeurons : encodePursuit;
    return {
      encode: (x) => {
        rowsOf(dictionary, x);
        const frame = rowFrame(dictionary, x);
        return Promise.resolve(scaledBack(plain(dictionary, framed(x, width, frame)), frame));
      },
      release: () => Promise.resolve(),
    };
  }
  const stride = paddedWidth(width);
  const block = await openBlockEncoder({
    width: stride,
    features,
    select: activation.kind === 'topk' ? { k: activation.k } : 'above',
    threads,
  });
  for (let f = 0; f < features; f++) {
    block.W_enc_FD.set(dictionary.W_enc_FD.subarray(f * width, (f + 1) * width), f * stride);
  }
  block.b_enc_F.set(dictionary.b_enc_F);
  if (activation.kind === 'threshold') {
    activation.threshold_F.forEach((threshold, f) => {
      block.floor_F[f] = Math.max(0, threshold);
    });
  }
  block.weightsChanged();
  return {
    encode: async (x) => {
      const frame = rowFrame(dictionary, x);
      return scaledBack(await encodeRows(dictionary, block, framed(x, width, frame)), frame);
    },
    release: () => block.release(),
  };
}

async function encodeRows(d: Dictionary, block: BlockEncoder, x: Float32Array): Promise<SparseCode> {
  const rows = rowsOf(d, x);
  const { width, activation } = d;
  const stride = paddedWidth(width);
  const counts = new Int32Array(rows);
  const parts: { indices: Int32Array; values: Float32Array }[] = [];
  for (let first = 0; first < rows; first += block.rows) {
    const n = Math.min(block.rows, rows - first);
    for (let i = 0; i < n; i++) {
      block.x_RD.set(x.subarray((first + i) * width, (first + i + 1) * width), i * stride);
    }
    await block.encode();
    const total = block.compact(n);
    counts.set(block.counts_R.subarray(0, n), first);
    parts.push({ indices: block.indices_E.slice(0, total), values: block.values_E.slice(0, total) });
  }
  const slots =
    activation.kind === 'topk' ? activation.k : counts.reduce((most, count) => Math.max(most, count), 1);
  const indices_BK = new Int32Array(rows * slots);
  const values_BK = new Float32Array(rows * slots);
  let row = 0;
  for (const { indices, values } of parts) {
    for (let at = 0, last = Math.min(rows, row + block.rows); row < last; at += counts[row++]!) {
      indices_BK.set(indices.subarray(at, at + counts[row]!), row * slots);
      values_BK.set(values.subarray(at, at + counts[row]!), row * slots);
    }
  }
  const code = { slots, indices_BK, values_BK };
  return activation.kind === 'gated' ? magnitudes(d, activation, code, counts) : code;
}

/** Turns the gates' pre-activations of a code into magnitudes; an open gate may have magnitude 0. */
function magnitudes(
  { b_enc_F }: Dictionary,
  { r_mag_F, b_mag_F }: { r_mag_F: Float32Array; b_mag_F: Float32Array },
  code: SparseCode,
  counts: Int32Array,
): SparseCode {
  const { slots, indices_BK, values_BK } = code;
  counts.forEach((count, row) => {
    let to = row * slots;
    for (let i = row * slots; i < row * slots + count; i++) {
      const f = indices_BK[i]!;
      const value = Math.exp(r_mag_F[f]!) * (values_BK[i]! - b_enc_F[f]!) + b_mag_F[f]!;
      if (!(value > 0)) continue;
      indices_BK[to] = f;
      values_BK[to++] = value;
    }
    indices_BK.fill(0, to, row * slots + count);
    values_BK.fill(0, to, row * slots + count);
  });
  return code;
}

/** Every neuron is active, positive or negative. */
const allNeurons = ({ width }: Dictionary, x: Float32Array): SparseCode => ({
  slots: width,
  indices_BK: Int32Array.from({ length: x.length }, (_, i) => i % width),
  values_BK: x.slice(),
});

function rowsOf({ width, site }: Dictionary, x: Float32Array): number {
  if (x.length % width === 0) return x.length / width;
  throw new DictionaryError('dictionary.width', `${x.length} numbers are no rows of ${width}`, {
    where: site,
    hint: 'give activations of the site that the dictionary was trained on',
  });
}

type RowFrame = Required<Pick<SparseCode, 'scale_B'>> & Pick<SparseCode, 'mean_B'>;

/**
 * What rows x [B, D] lose before they are encoded and get back afterwards: their mean, and ‖x − mean‖ / rowNorm;
 * undefined without a row norm.
 */
export function rowFrame({ width, rowNorm, rowCentred }: Dictionary, x: Float32Array): RowFrame | undefined {
  if (rowNorm === undefined) return undefined;
  const rows = Math.floor(x.length / width);
  const scale_B = new Float32Array(rows);
  const mean_B = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * width;
    let sum = 0;
    if (rowCentred) for (let j = from; j < from + width; j++) sum += x[j]!;
    mean_B[row] = sum / width;
    let square = 0;
    for (let j = from; j < from + width; j++) square += (x[j]! - sum / width) ** 2;
    scale_B[row] = Math.max(Math.sqrt(square) / rowNorm, LEAST_SCALE);
  }
  return rowCentred ? { scale_B, mean_B } : { scale_B };
}

function framed(x: Float32Array, width: number, frame: RowFrame | undefined): Float32Array {
  if (!frame) return x;
  const { scale_B, mean_B } = frame;
  return x.map((value, i) => {
    const row = Math.floor(i / width);
    return mean_B ? (value - mean_B[row]!) / (scale_B[row]! + SPREAD_EPSILON) : value / scale_B[row]!;
  });
}

function scaledBack(code: SparseCode, frame: RowFrame | undefined): SparseCode {
  if (!frame) return code;
  const values_BK = code.values_BK.map((value, i) => value * frame.scale_B[Math.floor(i / code.slots)]!);
  return { ...code, values_BK, ...frame };
}

/**
 * Reconstruction [B, E] of a code. `x_BD` is what was encoded: dictionaries with a skip need it.
 * @throws DictionaryError `dictionary.width` when a skip has no rows to read.
 */
export function decode(d: Dictionary, code: SparseCode, x_BD?: Float32Array): Float32Array {
  const { W_dec_FD, b_dec_D, W_skip_ED, width } = d;
  const { slots, indices_BK, values_BK, scale_B, mean_B } = code;
  const E = outputWidth(d);
  const rows = values_BK.length / slots;
  if (W_skip_ED && x_BD?.length !== rows * width) {
    throw new DictionaryError('dictionary.width', 'a dictionary with a skip decodes only beside its input', {
      where: d.site,
      hint: 'give the rows that were encoded as well',
    });
  }
  const out = new Float32Array(rows * E);
  for (let row = 0; row < rows; row++) {
    const x = out.subarray(row * E, (row + 1) * E);
    x.set(b_dec_D);
    if (scale_B) for (let j = 0; j < E; j++) x[j]! *= scale_B[row]!;
    if (mean_B) for (let j = 0; j < E; j++) x[j]! += mean_B[row]!;
    for (let i = row * slots; i < (row + 1) * slots; i++) {
      const value = values_BK[i]!;
      if (value === 0) continue;
      const from = indices_BK[i]! * E;
      if (d.activation.kind === 'identity') x[indices_BK[i]!] = value;
      else for (let j = 0; j < E; j++) x[j]! += value * W_dec_FD[from + j]!;
    }
    if (!W_skip_ED) continue;
    for (let j = 0; j < E; j++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += W_skip_ED[j * width + i]! * x_BD![row * width + i]!;
      x[j]! += sum;
    }
  }
  return out;
}
