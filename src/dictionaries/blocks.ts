/** @file Sparse encoding of row blocks: one matrix product in onnxruntime, top-k in place on the same memory. */
import { tensor } from '../core/tensor.ts';
import { graphBuilder } from '../graph/build.ts';
import type { Graph } from '../graph/types.ts';
import { openSession } from '../runtime/session.ts';
import { arena, kernelMemory, loadKernels } from './kernels.ts';

/** Rows of a block. Measured best of 16 to 1024: the pre-activations of a block stay in the second-level cache. */
export const BLOCK_ROWS = 64;

/** Encodes blocks of rows with weights that it holds a copy of. Lives on one thread; nothing is allocated per block. */
export interface BlockEncoder {
  readonly rows: number;
  /** Input rows, [rows, D], already centred as the encoder wants them. Rows past the last one in use may hold anything. */
  readonly x_RD: Float32Array;
  /** Encoder weights, [F, D]; write to change them. */
  readonly W_enc_FD: Float32Array;
  readonly b_enc_F: Float32Array;
  /** Result: the features of each row in ascending order, the first counts[row] of k. */
  readonly indices_RK: Int32Array;
  readonly values_RK: Float32Array;
  readonly counts_R: Int32Array;
  /** product(), then select(). */
  encode(): Promise<void>;
  /** The matrix product: pre-activations without bias. */
  product(): Promise<void>;
  /** Bias and top-k on the last product. */
  select(): void;
  /**
   * After select(): positive entries of the listed features in rows 0, every, 2·every, …
   * as [rows/every, width] arrays that the next call overwrites.
   */
  listed(
    features: Int32Array,
    every: number,
  ): { indices: Int32Array; values: Float32Array; counts: Int32Array };
  release(): Promise<void>;
}

/** Features in a group of the top-k search: many groups compared with k, so that few extra entries are collected. */
function groupSize(features: number, k: number): number {
  for (const size of [16, 8, 4, 2]) if (features / size >= 4 * k) return size;
  return 1;
}

/** Y[F, R] = W[F, D] · x[R, D]ᵀ: feature-major, which lets onnxruntime read W as it lies and pack only x. */
function productGraph(features: number, width: number, rows: number): Graph {
  const b = graphBuilder();
  const W = b.input('W', 'float32', [features, width]);
  const x = b.input('x', 'float32', [rows, width]);
  b.op('Gemm', [W, x], { transB: { int: 1 } }, 'Y');
  return b.finish(['Y']);
}

/**
 * Opens an encoder for width D, F features, k entries a row. `maxListed` bounds the list given to `listed`.
 * Needs 4·F·(D + rows) bytes and little more.
 */
export async function openBlockEncoder(shape: {
  width: number;
  features: number;
  k: number;
  maxListed?: number;
  rows?: number;
}): Promise<BlockEncoder> {
  const { width: D, features: F, k, maxListed = 0, rows: R = BLOCK_ROWS } = shape;
  const size = groupSize(F, k);
  const groups = Math.ceil(F / size);
  const padded = groups * size;
  // Few maxima are enough for a threshold: it lets through about k·(1 + k/2n) entries for n of them.
  const span = Math.max(1, Math.floor(groups / (4 * k)));
  const capacity = Math.min(padded, Math.max(4 * k, k + 64));
  const place = arena();
  const at = {
    W: place.reserve(padded * D, 4096),
    bias: place.reserve(padded),
    x: place.reserve(R * D, 4096),
    Y: place.reserve(padded * R, 4096),
    maxima: place.reserve(groups * R),
    thresholds: place.reserve(R),
    coarse: place.reserve(4 * Math.ceil(groups / span)),
    lists: place.reserve(R * capacity * 2),
    counts: place.reserve(R),
    indices: place.reserve(R * k),
    values: place.reserve(R * k),
    list: place.reserve(maxListed),
    listedIndices: place.reserve(R * maxListed),
    listedValues: place.reserve(R * maxListed),
    listedCounts: place.reserve(R),
  };
  const memory = kernelMemory(place.size, false);
  const floats = (offset: number, length: number) => new Float32Array(memory.buffer, offset, length);
  const ints = (offset: number, length: number) => new Int32Array(memory.buffer, offset, length);
  const kernels = loadKernels('select', memory);
  const session = await openSession(productGraph(padded, D, R), { threads: 1 });

  const feeds = {
    W: tensor('float32', [padded, D], floats(at.W, padded * D)),
    x: tensor('float32', [R, D], floats(at.x, R * D)),
  };
  const into = { Y: tensor('float32', [padded, R], floats(at.Y, padded * R)) };
  floats(at.bias, padded).fill(Number.NEGATIVE_INFINITY);
  floats(at.bias, F).fill(0);
  const counts_R = ints(at.counts, R);
  const product = async () => {
    await session.run(feeds, into);
  };

  const select = () => {
    kernels.groupMaxima(at.Y, at.bias, at.maxima, padded, R, size);
    kernels.rowThresholds(at.maxima, at.thresholds, at.coarse, groups, R, k, span);
    kernels.collect(at.Y, at.bias, at.maxima, at.thresholds, at.lists, at.counts, padded, R, size, capacity);
    const overflowed: number[] = [];
    for (let row = 0; row < R; row++) if (counts_R[row]! > capacity) overflowed.push(row);
    kernels.prune(at.lists, at.counts, at.indices, at.values, R, k, capacity);
    for (const row of overflowed) {
      const o = 4 * row * k;
      counts_R[row] = kernels.selectRow(at.Y, at.bias, at.lists, at.indices + o, at.values + o, F, R, row, k);
    }
  };

  return {
    rows: R,
    x_RD: floats(at.x, R * D),
    W_enc_FD: floats(at.W, F * D),
    b_enc_F: floats(at.bias, F),
    indices_RK: ints(at.indices, R * k),
    values_RK: floats(at.values, R * k),
    counts_R,
    product,
    async encode() {
      await product();
      select();
    },
    select,
    listed(features, every) {
      ints(at.list, maxListed).set(features);
      kernels.gatherListed(
        at.Y,
        at.bias,
        at.list,
        features.length,
        at.listedIndices,
        at.listedValues,
        at.listedCounts,
        R,
        every,
        maxListed,
      );
      const n = Math.ceil(R / every);
      return {
        indices: ints(at.listedIndices, n * maxListed),
        values: floats(at.listedValues, n * maxListed),
        counts: ints(at.listedCounts, n),
      };
    },
    release: () => session.release(),
  };
}
