/** @file A worker's views of the shared memory, made once, with what its phases share. */
import type { Crew } from './barrier.ts';
import type { BlockEncoder } from './blocks.ts';
import type { Clock } from './clock.ts';
import type { FrequentProducts } from './frequent.ts';
import type { SparseKernels } from './kernels.ts';
import { BIN_SHIFT, BINS, CLOCKS, type TrainLayout, type TrainShape } from './layout.ts';
import type { TrainingPlan } from './plan.ts';

export interface StepWorker {
  readonly id: number;
  readonly plan: TrainingPlan;
  /** Rows are multiplied by it after centring. */
  readonly scale: number;
  readonly shape: TrainShape;
  readonly layout: TrainLayout;
  readonly memory: WebAssembly.Memory;
  readonly kernels: SparseKernels;
  readonly encoder: BlockEncoder;
  /** Where features can be frequent. */
  readonly products: FrequentProducts | undefined;
  readonly crew: Crew;
  readonly clock: Clock;
  /** All rows, [rows, width], and the order in which batches take them, [steps · B]. */
  readonly source: Float32Array;
  readonly order: Uint32Array;
}

/** Everything that a phase reads and writes. */
export type Views = ReturnType<typeof views>;

export function views(worker: StepWorker) {
  const { id, plan, shape, layout: at, memory, encoder, clock } = worker;
  const { features: F, batch: B, threads } = shape;
  const { D, G, blocks, room } = at;
  const floats = (offset: number, n: number) => new Float32Array(memory.buffer, offset, n);
  const ints = (offset: number, n: number) => new Int32Array(memory.buffer, offset, n);
  const clocks = new Float64Array(memory.buffer, at.clocks + 8 * CLOCKS * id, CLOCKS);
  const batched = shape.selection === 'batch';
  const often = shape.frequent !== undefined;
  const last = plan.groupWeights.at(-1)!;
  let mark = 0;
  return {
    ...worker,
    at,
    R: encoder.rows,
    control: ints(at.control, 32),
    numbers: new Float64Array(memory.buffer, at.numbers, 32),
    remembered: new Float64Array(memory.buffer, at.remembered, 2 * shape.remembered),
    W_enc: floats(at.W_enc, F * D),
    W_dec: floats(at.W_dec, F * D),
    G_enc: floats(at.G_enc, F * D),
    G_dec: floats(at.G_dec, F * D),
    XR: floats(at.XR, B * (1 + G) * D),
    b_enc: floats(at.b_enc, F),
    own: at.own.map((offset) => floats(offset, F)),
    g_own: at.g_own.map((offset) => floats(offset, F)),
    gains: floats(at.gains, shape.vectors === 2 ? F : 0),
    g_b_enc: floats(at.g_b_enc, F),
    g_b_dec: floats(at.g_b_dec, D),
    sums: at.sums.map((offset) => floats(offset, F)),
    scratchAt: at.scratch + 4 * id * encoder.rows * D,
    scratch: floats(at.scratch + 4 * id * encoder.rows * D, encoder.rows * D),
    starts: ints(at.starts, B),
    counts: ints(at.counts, B),
    /** Where the numbers of a row's decoded entries stand. */
    activeAt: shape.bands ? at.active : at.counts,
    active: ints(shape.bands ? at.active : at.counts, B),
    indices: ints(at.indices, room),
    values: floats(at.values, room),
    slopes: floats(at.slopes, room),
    /** Sorted entries as threes: row, value, slope. */
    sorted: floats(at.sorted, 3 * room),
    sortedRows: ints(at.sorted, 3 * room),
    auxIndices: ints(at.auxIndices, at.auxRows * at.dead),
    auxValues: floats(at.auxValues, at.auxRows * at.dead),
    auxCounts: ints(at.auxCounts, at.auxRows),
    histogram: ints(at.histograms + 4 * id * F, F),
    idleHistogram: ints(at.idleHistograms + 4 * id * F, F),
    histograms: ints(at.histograms, threads * F),
    idleHistograms: ints(at.idleHistograms, threads * F),
    total: ints(at.total, F),
    fired: ints(at.fired, F),
    next: ints(at.next, F),
    banded: ints(at.banded, shape.bands ? F : 0),
    nextBanded: ints(at.nextBanded, shape.bands ? F : 0),
    restAt: at.rest + 4 * id * D,
    silent: ints(at.silent, F),
    place: ints(at.place, often ? F : 0),
    rare: ints(at.rare, often ? B : 0),
    work: ints(at.work, often ? F : 0),
    deadList: ints(at.deadList, at.dead),
    bins: ints(at.bins, batched ? threads * BINS : 0),
    myBins: ints(at.bins + 4 * BINS * (batched ? id : 0), batched ? BINS : 0),
    fineBins: ints(at.fineBins, batched ? 1 << BIN_SHIFT : 0),
    binList: ints(at.binList, batched ? room : 0),
    bits: ints(at.values, room),
    blockLoss: new Float64Array(memory.buffer, at.blockLoss, blocks),
    blockPowers: new Float64Array(memory.buffer, at.blockPowers, 2 * blocks),
    residualSums: floats(at.residualSums, blocks * D),
    squares: floats(at.squares, F),
    /** What Σ‖r‖²/2 is multiplied by: 2 over the rows of a batch, times the weight of the last group. */
    gradientScale: (2 / B) * last,
    /** What stands for b_dec where the encoder's input has it taken off already. */
    biasAt: plan.preBias ? at.zeros : at.b_dec,
    shiftAt: plan.preBias ? at.b_dec : at.zeros,
    /** Starts a lap. */
    begin() {
      mark = clock();
    },
    /** Adds the time since the last lap to a clock. */
    lap(slot: number) {
      const now = clock();
      clocks[slot]! += now - mark;
      mark = now;
    },
  };
}
