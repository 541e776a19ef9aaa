/** @file Where a trainer's state lies in the memory that its workers share: weights, moments, batch, entries, control. */
import type { FrequentRule } from './frequent.ts';
import { type Arena, arena } from './kernels.ts';

/** How active features are found: k of each row, k·B of the batch, or all above a floor of their own. */
export type Selection = 'rows' | 'batch' | 'above';

/** Sizes that fix the layout. */
export interface TrainShape {
  /** D, floats of a row; padded to a multiple of 16 inside. */
  readonly width: number;
  /** F. */
  readonly features: number;
  /** Entries of a row, at most (`rows`), or what the room for entries is measured by. */
  readonly k: number;
  /** B, rows of a batch. */
  readonly batch: number;
  readonly threads: number;
  readonly selection: Selection;
  /** Ends of nested groups of features, the last one F. */
  readonly groups: readonly number[];
  /** Numbers that each entry carries for parameters of its kind. */
  readonly extras: number;
  /** Vectors [F] that the kind trains beside the four matrices. */
  readonly vectors: number;
  /** Whether dead features are revived. */
  readonly revives: boolean;
  /** Whether some entries lie in a band below their threshold and are not active (JumpReLU). */
  readonly bands: boolean;
  /** Penalties that p-annealing remembers. */
  readonly remembered: number;
  /** When features count as frequent; none ever does unless given. */
  readonly frequent?: FrequentRule;
}

/** Rows in a block of the encoder; every `AUX_EVERY`-th row of a block carries the auxiliary loss. */
export const AUX_EVERY = 8;

/** Dead features that one step revives at most: half the width (Gao et al. 2024, B.1). */
export const maxDead = (width: number) => Math.max(16, Math.floor(width / 2));

/** Entries of a row that there is room for, on average, where nothing fixes their number. A step with more goes in slices. */
const ROOM = 512;

/** Candidates of a batch in multiples of k·B. */
const CANDIDATES = 4;

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
  /** Entries of the slice at hand. */
  entries: 11,
  /** Active features of the step. */
  active: 12,
  /** Second queue of rows: those whose entries are known. */
  keepQueue: 13,
  /** What the chosen entries of a batch have in common: bits of the smallest, and where equal ones end. */
  bits: 14,
  lastRow: 15,
  lastFeature: 16,
  /** 1 when a pass over the rows has to be made again. */
  again: 17,
} as const;

/** Slots of the shared numbers (float64). */
export const NUMBERS = {
  loss: 0,
  gradientNorm: 1,
  clip: 2,
  step: 3,
  root: 4,
  meanSquare: 5,
  l0: 6,
  /** Slices that the next step is cut into. */
  slices: 7,
  /** What λ is multiplied by: the controller's, and p-annealing's. */
  factor: 8,
  powerFactor: 9,
  /** BatchTopK: learned threshold (−1: none yet), floor of candidates, its bounds while it is looked for. */
  threshold: 10,
  floor: 11,
  floorLow: 12,
  floorHigh: 13,
  /** Share of the smallest chosen value that the floor is. */
  floorShare: 14,
  /** Pairs that p-annealing remembers. */
  seen: 15,
} as const;

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

/** Bins of the histogram that the k·B largest are found by: the upper 16 bits of a positive float. */
export const BINS = 1 << 16;
export const BIN_SHIFT = 15;

/** Width as the kernels want it. */
export const paddedWidth = (width: number) => Math.ceil(width / 16) * 16;

/** Entries that a slice of a batch may have. */
function entryRoom({ selection, batch, k, features }: TrainShape): number {
  if (selection === 'rows') return batch * k;
  if (selection === 'batch') return batch * Math.min(features, CANDIDATES * k);
  // One block with every feature active must fit, so that some number of slices always works.
  return Math.max(batch * Math.min(features, ROOM), 64 * features);
}

/** Byte offsets of every array. Order and sizes are part of the checkpoint format: raise its version with them. */
export function trainLayout(shape: TrainShape, blockRows: number) {
  const { features: F, batch: B, threads, groups, selection, vectors, extras, revives, bands } = shape;
  const D = paddedWidth(shape.width);
  const G = groups.length;
  const blocks = Math.ceil(B / blockRows);
  const auxRows = revives ? Math.ceil(B / AUX_EVERY) : 0;
  const dead = revives ? maxDead(shape.width) : 0;
  const room = entryRoom(shape);
  const batched = selection === 'batch';
  const often = shape.frequent !== undefined;
  const a: Arena = arena();
  const matrix = () => a.reserve(F * D, 4096);
  const several = (n: number, count: number) => Array.from({ length: n }, () => a.reserve(count));
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
    /** Vectors of the kind (thresholds; or r_mag, b_mag) and their moments. */
    own: several(vectors, F),
    m_own: several(vectors, F),
    v_own: several(vectors, F),
    /** exp(r_mag) of gated kinds. */
    gains: a.reserve(vectors === 2 ? F : 0),
    /** Lengths of decoder rows. */
    norms: a.reserve(F),
    /** Rows since each feature was last active. */
    silent: a.reserve(F),
    /** Place of a frequent feature among them, from 1 on; 0 for others. */
    place: a.reserve(often ? F : 0),
    control: a.reserve(32),
    numbers: a.reserve(64),
    remembered: a.reserve(4 * shape.remembered),
    deadList: a.reserve(dead),
  };
  const stateBytes = a.size;
  return {
    ...state,
    /** Everything before this byte is the trainer's state between steps. */
    stateBytes,
    centre: a.reserve(D),
    zeros: a.reserve(D),
    /** What a screened encoder divides coordinates by. */
    columns: a.reserve(D),
    groupEnds: a.reserve(G),
    groupWeights: a.reserve(G),
    /** A block of rows for each thread. */
    scratch: a.reserve(threads * blockRows * D, 4096),
    /** A row for each thread. */
    rest: a.reserve(threads * D),
    XR: a.reserve((B + auxRows) * (1 + G) * D, 4096),
    G_enc: matrix(),
    G_dec: matrix(),
    g_b_enc: a.reserve(F),
    g_b_dec: a.reserve(D),
    g_own: several(vectors, F),
    squares: a.reserve(F),
    starts: a.reserve(B),
    counts: a.reserve(B),
    /** Entries of a row that are decoded: all, but for JumpReLU's band below the threshold. */
    active: a.reserve(bands ? B : 0),
    /** Entries of a row whose features are not frequent: its first ones. */
    rare: a.reserve(often ? B : 0),
    /** What gathering each feature cost the last step, in units of ENTRY_COST for an active entry. */
    work: a.reserve(often ? F : 0),
    indices: a.reserve(room),
    values: a.reserve(room),
    slopes: a.reserve(room),
    /** Numbers that entries carry, and their sums by feature. */
    extras: several(extras, room),
    sums: several(extras, F),
    gates: a.reserve(vectors === 2 ? room : 0),
    auxStarts: a.reserve(auxRows),
    auxIndices: a.reserve(auxRows * dead),
    auxValues: a.reserve(auxRows * dead),
    auxSlopes: a.reserve(auxRows * dead),
    auxCounts: a.reserve(auxRows),
    sorted: a.reserve(3 * (room + auxRows * dead)),
    histograms: a.reserve(threads * F),
    /** Entries that do not count as active: the auxiliary loss's, or those below their threshold. */
    idleHistograms: a.reserve(threads * F),
    total: a.reserve(F),
    fired: a.reserve(F),
    next: a.reserve(F),
    /** Entries of the band and where a feature's next one goes. */
    banded: a.reserve(bands ? F : 0),
    nextBanded: a.reserve(bands ? F : 0),
    bins: a.reserve(batched ? threads * BINS : 0),
    fineBins: a.reserve(batched ? 1 << BIN_SHIFT : 0),
    binList: a.reserve(batched ? room : 0),
    clocks: a.reserve(2 * CLOCKS * threads),
    blockLoss: a.reserve(2 * blocks),
    /** Penalties of this p and the next, block by block. */
    blockPowers: a.reserve(4 * blocks),
    residualSums: a.reserve(blocks * D),
    bytes: a.size,
    D,
    G,
    blocks,
    auxRows,
    dead,
    room,
  };
}

export type TrainLayout = ReturnType<typeof trainLayout>;
