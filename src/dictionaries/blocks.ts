/** @file Sparse encoding of row blocks: one matrix product in onnxruntime, top-k in place on the same memory. */
import { type Tensor, tensor } from '../core/tensor.ts';
import { graphBuilder } from '../graph/build.ts';
import type { Graph } from '../graph/types.ts';
import type { Provider } from '../runtime/options.ts';
import { openSession, type Session } from '../runtime/session.ts';
import { arena, kernelMemory, loadKernels } from './kernels.ts';

/**
 * Rows of a block. Measured best of 16 to 1024: the pre-activations of a block stay in the second-level cache. A screened
 * encoder reads the weights of candidates once for all rows of a block, and gains from more of them.
 */
export const blockRows = (screened: boolean): number => (screened ? 256 : 64);

/** Encodes blocks of rows with weights that it holds a copy of. Lives on one thread; nothing is allocated per block. */
export interface BlockEncoder {
  readonly rows: number;
  /** Input rows, [rows, D], already centred as the encoder wants them. Rows past the last one in use may hold anything. */
  readonly x_RD: Float32Array;
  /** Encoder weights, [F, D]; call `weightsChanged` after writing to them. */
  readonly W_enc_FD: Float32Array;
  readonly b_enc_F: Float32Array;
  /** `select: 'above'`: an entry counts when its pre-activation is greater than this; 0 at first. */
  readonly floor_F: Float32Array;
  /** Top-k: the features of each row in ascending order, the first counts[row] of k. */
  readonly indices_RK: Int32Array;
  readonly values_RK: Float32Array;
  readonly counts_R: Int32Array;
  /** What `compact` wrote: entries row after row, features of a row in ascending order. */
  readonly indices_E: Int32Array;
  readonly values_E: Float32Array;
  /**
   * A screened encoder divides each coordinate of x by its scale and multiplies the weights by it before both are rounded
   * (Xiao et al. 2023, SmoothQuant, eq. 4). Call `weightsChanged` afterwards.
   */
  scaleColumns(scales_D: Float32Array): void;
  weightsChanged(): void;
  /** product(), then select(). */
  encode(): Promise<void>;
  /** The matrix product: pre-activations without bias, or what screens them. */
  product(): Promise<void>;
  /** Bias and top-k (or fewer than k), or bias and comparison with the floors, on the last product. */
  select(most?: number): void;
  /** After select(): puts the entries of the first `rows` rows one after another, and returns their number. */
  compact(rows: number): number;
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

/** The same on bytes: Y = (W − 128) · xᵀ · (scale of each row of x), W unsigned around 128, x signed. */
function screeningGraph(features: number, width: number, rows: number): Graph {
  const b = graphBuilder();
  const W = b.input('W', 'uint8', [features, width]);
  const x = b.input('x', 'int8', [width, rows]);
  const scales = b.input('scales', 'float32', [rows]);
  const one = b.constant(tensor('float32', [], Float32Array.of(1)));
  const middle = b.constant(tensor('uint8', [], Uint8Array.of(128)));
  b.ops('MatMulIntegerToFloat', [W, x, one, scales, middle], ['Y'], {}, 'com.microsoft');
  return b.finish(['Y']);
}

/** Standard deviations of the rounding errors that the screen allows for. */
const SIGMAS = 6;

/** Steps of a byte of W on each side of 0: half of them where onnxruntime's product of bytes saturates (AVX2 without VNNI). */
const levelsOf = (saturates: boolean) => (saturates ? 63 : 127);

/**
 * Opens an encoder for width D (a multiple of 16) and F features. `maxListed` bounds the list given to
 * `listed`. Needs 4·F·(D + rows) bytes and little more, and a quarter of the weights again when it is screened.
 *
 * A screened encoder finds candidates by a product of bytes, and computes them again in float32. A feature of the top
 * k is missed only if rounding errors exceed 6 of their standard deviations. With floors it takes the same one for all.
 */
export async function openBlockEncoder(shape: {
  width: number;
  features: number;
  /** The k largest positive entries of a row, or all that are above their feature's floor. */
  select: { readonly k: number } | 'above';
  maxListed?: number;
  rows?: number;
  screened?: boolean;
  provider?: Provider;
  /** Threads of the product; 1 unless given. */
  threads?: number;
}): Promise<BlockEncoder> {
  const { width: D, features: F, maxListed = 0 } = shape;
  const above = shape.select === 'above';
  const k = shape.select === 'above' ? 1 : shape.select.k;
  const screened = shape.screened ?? false;
  const { rows: R = blockRows(screened) } = shape;
  const size = groupSize(F, k);
  const groups = Math.ceil(F / size);
  const padded = groups * size;
  // Few maxima are enough for a threshold: it lets through about k·(1 + k/2n) entries for n of them.
  const span = Math.max(1, Math.floor(groups / (4 * k)));
  const capacity = above ? padded : Math.min(padded, Math.max((screened ? 8 : 4) * k, k + 64));
  const most = above ? padded : k;
  const place = arena();
  const screen = screened
    ? {
        W: place.reserve((padded * D) / 4, 4096),
        x: place.reserve((R * D) / 4, 4096),
        scales: place.reserve(padded),
        norms: place.reserve(padded),
        columns: place.reserve(D),
        inverse: place.reserve(D),
        slack: place.reserve(padded),
        groupSlack: place.reserve(groups),
        rowScales: place.reserve(R),
        heights: place.reserve(R),
      }
    : undefined;
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
    floor: place.reserve(padded),
    indices: place.reserve(R * most),
    values: place.reserve(R * most),
    list: place.reserve(maxListed),
    listedIndices: place.reserve(R * maxListed),
    listedValues: place.reserve(R * maxListed),
    listedCounts: place.reserve(R),
  };
  const memory = kernelMemory(place.size, false);
  const floats = (offset: number, length: number) => new Float32Array(memory.buffer, offset, length);
  const ints = (offset: number, length: number) => new Int32Array(memory.buffer, offset, length);
  const kernels = loadKernels('select', memory);
  const session = await openSession((screen ? screeningGraph : productGraph)(padded, D, R), {
    threads: shape.threads ?? 1,
    provider: shape.provider ?? 'cpu',
  });

  const feeds: Record<string, Tensor> = screen
    ? {
        W: tensor('uint8', [padded, D], new Uint8Array(memory.buffer, screen.W, padded * D)),
        x: tensor('int8', [D, R], new Int8Array(memory.buffer, screen.x, R * D)),
        scales: tensor('float32', [R], floats(screen.rowScales, R)),
      }
    : {
        W: tensor('float32', [padded, D], floats(at.W, padded * D)),
        x: tensor('float32', [R, D], floats(at.x, R * D)),
      };
  const into = { Y: tensor('float32', [padded, R], floats(at.Y, padded * R)) };
  floats(at.bias, padded).fill(Number.NEGATIVE_INFINITY);
  floats(at.bias, F).fill(0);
  const counts_R = ints(at.counts, R);
  const levels = screen ? levelsOf(await saturates(session, feeds, into)) : 0;

  if (screen) for (const at of [screen.columns, screen.inverse]) floats(at, D).fill(1);
  const weightsChanged = () => {
    if (!screen) return;
    const { columns, W, scales, norms } = screen;
    kernels.quantiseWeights(at.W, columns, W, scales, norms, padded, D, levels);
  };

  const product = async () => {
    if (screen) {
      const { inverse, x, rowScales, heights, norms, scales, slack, groupSlack } = screen;
      const ratio = kernels.quantiseRows(at.x, inverse, x, rowScales, heights, R, D, SIGMAS);
      kernels.slacks(norms, scales, slack, groupSlack, padded, size, ratio);
    }
    await session.run(feeds, into);
  };

  const screenedSelect = (from: NonNullable<typeof screen>, wanted: number) => {
    const { Y, bias, maxima, thresholds, lists, counts } = at;
    const bounds = [from.scales, bias, from.slack] as const;
    kernels.screenedMaxima(Y, ...bounds, from.heights, maxima, padded, R, size);
    if (above) floats(thresholds, R).fill(floats(at.floor, 1)[0]!);
    else kernels.rowThresholds(maxima, thresholds, at.coarse, groups, R, wanted, span);
    const least = above ? floats(at.floor, 1)[0]! : 0;
    kernels.screenedCollect(
      ...[Y, ...bounds, from.groupSlack, from.heights, maxima, thresholds, lists, counts],
      ...[padded, R, size, capacity],
    );
    kernels.rescore(
      ...[lists, counts, at.x, at.W, bias, from.slack, from.heights, R, D],
      ...[above ? capacity : wanted, capacity, least],
    );
  };

  const select = (wanted = k) => {
    const { Y, bias, maxima, thresholds, lists, counts } = at;
    if (screen) screenedSelect(screen, wanted);
    else if (above) kernels.collectAbove(Y, bias, at.floor, lists, counts, padded, R, capacity);
    else {
      kernels.groupMaxima(Y, bias, maxima, padded, R, size);
      kernels.rowThresholds(maxima, thresholds, at.coarse, groups, R, wanted, span);
      kernels.collect(Y, bias, maxima, thresholds, lists, counts, padded, R, size, capacity);
    }
    if (above) return;
    const overflowed: number[] = [];
    for (let row = 0; row < R; row++) if (counts_R[row]! > capacity) overflowed.push(row);
    kernels.prune(lists, counts, at.indices, at.values, R, wanted, k, capacity);
    for (const row of overflowed) {
      const o = 4 * row * k;
      if (screen) kernels.exactRow(at.x, at.W, Y, F, R, D, row);
      counts_R[row] = kernels.selectRow(Y, bias, lists, at.indices + o, at.values + o, F, R, row, wanted);
    }
  };

  return {
    rows: R,
    x_RD: floats(at.x, R * D),
    W_enc_FD: floats(at.W, F * D),
    b_enc_F: floats(at.bias, F),
    scaleColumns(scales_D) {
      if (!screen) return;
      const [columns, inverse] = [floats(screen.columns, D), floats(screen.inverse, D)];
      for (let d = 0; d < D; d++) {
        columns[d] = scales_D[d]! > 0 ? scales_D[d]! : 1;
        inverse[d] = 1 / columns[d]!;
      }
    },
    floor_F: floats(at.floor, F),
    indices_RK: ints(at.indices, R * k),
    values_RK: floats(at.values, R * k),
    counts_R,
    indices_E: ints(at.indices, R * most),
    values_E: floats(at.values, R * most),
    compact: (rows) =>
      above
        ? kernels.unzip(at.lists, at.counts, at.indices, at.values, rows, capacity)
        : kernels.closeUp(at.counts, at.indices, at.values, rows, k),
    weightsChanged,
    product,
    async encode() {
      await product();
      select();
    },
    select,
    listed(features, every) {
      ints(at.list, maxListed).set(features);
      if (screen) kernels.exactListed(at.x, at.W, at.Y, at.list, features.length, R, D, every);
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

/** Whether a product of the largest bytes comes out too small on this machine. */
async function saturates(
  session: Session,
  feeds: Record<string, Tensor>,
  into: Record<string, Tensor>,
): Promise<boolean> {
  const { W, x, scales } = feeds as Record<string, Tensor>;
  W!.data.fill(255 as never);
  x!.data.fill(127 as never);
  scales!.data.fill(1 as never);
  await session.run(feeds, into);
  return into.Y!.data[0] !== 127 * 127 * x!.shape[0]!;
}
