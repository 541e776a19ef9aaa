/** @file Where a trainer's state lies in the memory that its workers share: weights, moments, batch, entries, control. */
import { type Arena, arena } from './kernels.ts';

/** Sizes that fix the layout. */
export interface TrainShape {
  /** D, floats of a row; padded to a multiple of 16 inside. */
  readonly width: number;
  /** F. */
  readonly features: number;
  readonly k: number;
  /** B, rows of a batch. */
  readonly batch: number;
  readonly threads: number;
}

/** Rows in a block of the encoder; every `AUX_EVERY`-th row of a block carries the auxiliary loss. */
export const AUX_EVERY = 8;

/** Dead features that one step revives at most: half the width (Gao et al. 2024, B.1). */
export const maxDead = (width: number) => Math.max(16, Math.floor(width / 2));

/** Slots of the control words (int32). */
export const CONTROL = {
  arrived: 0,
  generation: 1,
  rowQueue: 2,
  gradientQueue: 3,
  updateQueue: 4,
  /** Steps finished. */
  step: 5,
  /** Steps after which the workers rest. */
  goal: 6,
  failed: 7,
  dead: 8,
  deadTotal: 9,
  /** 1 when the goal is reached; set between two steps. */
  stop: 10,
} as const;

/** Slots of the shared numbers (float64). */
export const NUMBERS = { loss: 0, gradientNorm: 1, clip: 2, step: 3, root: 4, meanSquare: 5 } as const;

/** Where a worker's time goes, in ms since the start (float64 slots of its row of `clocks`). */
export const CLOCK = {
  copy: 0,
  gather: 1,
  product: 2,
  select: 3,
  decode: 4,
  sort: 5,
  gradients: 6,
  update: 7,
  wait: 8,
} as const;
export const CLOCKS = 16;

/** Width as the kernels want it. */
export const paddedWidth = (width: number) => Math.ceil(width / 16) * 16;

/** Byte offsets of every array. Order and sizes are part of the checkpoint format: raise its version with them. */
export function trainLayout(shape: TrainShape, blockRows: number) {
  const { features: F, k, batch: B, threads } = shape;
  const D = paddedWidth(shape.width);
  const blocks = Math.ceil(B / blockRows);
  const auxRows = Math.ceil(B / AUX_EVERY);
  const dead = maxDead(shape.width);
  const a: Arena = arena();
  const matrix = () => a.reserve(F * D, 4096);
  const state = {
    W_enc: matrix(),
    W_dec: matrix(),
    M_enc: matrix(),
    V_enc: matrix(),
    M_dec: matrix(),
    V_dec: matrix(),
    b_enc: a.reserve(F),
    m_b_enc: a.reserve(F),
    v_b_enc: a.reserve(F),
    b_dec: a.reserve(D),
    m_b_dec: a.reserve(D),
    v_b_dec: a.reserve(D),
    /** Rows since each feature was last active. */
    silent: a.reserve(F),
    control: a.reserve(16),
    numbers: a.reserve(32),
    deadList: a.reserve(dead),
  };
  const stateBytes = a.size;
  return {
    ...state,
    /** Everything before this byte is the trainer's state between steps. */
    stateBytes,
    centre: a.reserve(D),
    /** A block of rows for each thread. */
    scratch: a.reserve(threads * blockRows * D, 4096),
    XR: a.reserve((B + auxRows) * 2 * D, 4096),
    G_enc: matrix(),
    G_dec: matrix(),
    g_b_enc: a.reserve(F),
    g_b_dec: a.reserve(D),
    squares: a.reserve(F),
    indices: a.reserve(B * k),
    values: a.reserve(B * k),
    slopes: a.reserve(B * k),
    counts: a.reserve(B),
    auxIndices: a.reserve(auxRows * dead),
    auxValues: a.reserve(auxRows * dead),
    auxSlopes: a.reserve(auxRows * dead),
    auxCounts: a.reserve(auxRows),
    sorted: a.reserve(3 * (B * k + auxRows * dead)),
    histograms: a.reserve(threads * F),
    auxHistograms: a.reserve(threads * F),
    total: a.reserve(F),
    next: a.reserve(F),
    clocks: a.reserve(2 * CLOCKS * threads),
    blockLoss: a.reserve(2 * blocks),
    residualSums: a.reserve(blocks * D),
    bytes: a.size,
    D,
    blocks,
    auxRows,
    dead,
  };
}

export type TrainLayout = ReturnType<typeof trainLayout>;
