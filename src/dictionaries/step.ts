/**
 * @file One TopK training step as each of the worker threads runs it.
 *
 * Loss: mean over the batch of ‖x̂ − x‖² plus the auxiliary loss on dead features (Gao et al. 2024, A.2).
 *   A. row blocks from a queue: gather, encode, decode, residual, slopes;         barrier
 *   B. entries sorted by feature;                                                 barrier
 *   C. feature chunks from a queue: both gradients, decoder projection, norms;    barrier: clip factor, biases
 *   D. feature chunks from a queue: Adam, decoder rows back to norm 1;            barrier: next step
 * Sums run in an order that does not depend on which thread did what: a run repeats to the bit.
 */
import type { Crew } from './barrier.ts';
import type { BlockEncoder } from './blocks.ts';
import type { Clock } from './clock.ts';
import type { SparseKernels } from './kernels.ts';
import { AUX_EVERY, CLOCK, CLOCKS, CONTROL, NUMBERS, type TrainLayout, type TrainShape } from './layout.ts';
import { rateAt, type Schedule } from './schedule.ts';

/** What a step depends on besides the shared state. */
export interface StepConfig {
  readonly schedule: Schedule;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Global gradient norm is clipped to this; Infinity switches it off. */
  readonly clip: number;
  /** Weight α of the auxiliary loss; 0 switches it off. */
  readonly auxiliary: number;
  /** A feature is dead after this many rows without being active. */
  readonly deadAfter: number;
  readonly steps: number;
  /** Rows are multiplied by it after centring: 1/RMS. */
  readonly scale: number;
  /** Candidates by a product of bytes, then exact; or all pre-activations in float32. */
  readonly screened: boolean;
}

export interface StepWorker {
  readonly id: number;
  readonly shape: TrainShape;
  readonly layout: TrainLayout;
  readonly memory: WebAssembly.Memory;
  readonly kernels: SparseKernels;
  readonly encoder: BlockEncoder;
  readonly crew: Crew;
  readonly clock: Clock;
  readonly config: StepConfig;
  /** All rows, [rows, width], and the order in which batches take them, [steps · B]. */
  readonly source: Float32Array;
  readonly order: Uint32Array;
}

/** Features in a chunk of the feature-wise queues. */
const CHUNK = 32;

/** A worker's step as a function, with every view of the memory made once. */
export function trainingStep(worker: StepWorker): () => Promise<void> {
  const { id, shape, layout: at, memory, kernels, encoder, crew, clock, config, source, order } = worker;
  const { width, features: F, k, batch: B, threads } = shape;
  const { D, blocks } = at;
  const R = encoder.rows;
  const floats = (offset: number, n: number) => new Float32Array(memory.buffer, offset, n);
  const ints = (offset: number, n: number) => new Int32Array(memory.buffer, offset, n);
  const control = ints(at.control, 16);
  const numbers = new Float64Array(memory.buffer, at.numbers, 16);
  const W_enc = floats(at.W_enc, F * D);
  const b_enc = floats(at.b_enc, F);
  const scratchAt = at.scratch + 4 * id * R * D;
  const scratch = floats(scratchAt, R * D);
  const indices = ints(at.indices, B * k);
  const values = floats(at.values, B * k);
  const counts = ints(at.counts, B);
  const auxIndices = ints(at.auxIndices, at.auxRows * at.dead);
  const auxValues = floats(at.auxValues, at.auxRows * at.dead);
  const auxCounts = ints(at.auxCounts, at.auxRows);
  const histogram = ints(at.histograms + 4 * id * F, F);
  const auxHistogram = ints(at.auxHistograms + 4 * id * F, F);
  const histograms = ints(at.histograms, threads * F);
  const auxHistograms = ints(at.auxHistograms, threads * F);
  const total = ints(at.total, F);
  const next = ints(at.next, F);
  const silent = ints(at.silent, F);
  const deadList = ints(at.deadList, at.dead);
  const blockLoss = new Float64Array(memory.buffer, at.blockLoss, blocks);
  const residualSums = floats(at.residualSums, blocks * D);
  const squares = floats(at.squares, F);
  const g_b_dec = floats(at.g_b_dec, D);
  const gradientScale = 2 / B;
  const clocks = new Float64Array(memory.buffer, at.clocks + 8 * CLOCKS * id, CLOCKS);
  let mark = 0;
  /** Adds the time since the last mark to a clock. */
  const lap = (slot: number) => {
    const now = clock();
    clocks[slot]! += now - mark;
    mark = now;
  };

  /** Phase A for one block. */
  async function rows(block: number, base: number, dead: number): Promise<void> {
    const first = block * R;
    const n = Math.min(R, B - first);
    for (let i = 0; i < n; i++) {
      const from = order[base + first + i]! * width;
      scratch.set(source.subarray(from, from + width), i * D);
    }
    kernels.normalise(scratchAt, at.XR + 8 * first * D, at.centre, config.scale, n, D);
    encoder.x_RD.set(n === R ? scratch : scratch.subarray(0, n * D));
    lap(CLOCK.gather);
    await encoder.product();
    lap(CLOCK.product);
    encoder.select();
    indices.set(encoder.indices_RK.subarray(0, n * k), first * k);
    values.set(encoder.values_RK.subarray(0, n * k), first * k);
    counts.set(encoder.counts_R.subarray(0, n), first);
    lap(CLOCK.select);
    blockLoss[block] = kernels.decodeRows(
      at.XR,
      at.b_dec,
      at.W_dec,
      at.indices,
      at.values,
      at.counts,
      at.slopes,
      at.residualSums + 4 * block * D,
      first,
      n,
      k,
      D,
      gradientScale,
    );
    kernels.countEntries(at.indices, at.counts, at.histograms + 4 * id * F, first, n, k);
    if (dead > 0) revive(first, n, dead);
    lap(CLOCK.decode);
  }

  /** The auxiliary loss of one block. */
  function revive(first: number, n: number, dead: number): void {
    const found = encoder.listed(deadList.subarray(0, dead), AUX_EVERY);
    const a = first / AUX_EVERY;
    const rows = Math.ceil(n / AUX_EVERY);
    auxIndices.set(found.indices.subarray(0, rows * at.dead), a * at.dead);
    auxValues.set(found.values.subarray(0, rows * at.dead), a * at.dead);
    auxCounts.set(found.counts.subarray(0, rows), a);
    kernels.decodeDead(
      at.XR,
      at.W_dec,
      at.auxIndices,
      at.auxValues,
      at.auxCounts,
      at.auxSlopes,
      first,
      n,
      AUX_EVERY,
      at.dead,
      B,
      D,
      auxScale(),
    );
    kernels.countEntries(at.auxIndices, at.auxCounts, at.auxHistograms + 4 * id * F, a, rows, at.dead);
  }

  /** 2α / (auxiliary rows · mean ‖e‖² of the step before); 0 when that step left no error. */
  const auxScale = () => {
    const meanSquare = numbers[NUMBERS.meanSquare]!;
    return meanSquare > 0 ? (2 * config.auxiliary) / (at.auxRows * meanSquare) : 0;
  };

  /** Phase B: this worker's share of the features, by entries; every worker computes the same bounds. */
  function sort(dead: number): void {
    let entries = 0;
    for (let b = 0; b < B; b++) entries += counts[b]!;
    if (dead > 0) for (let a = 0; a < at.auxRows; a++) entries += auxCounts[a]!;
    let low = F;
    let high = F;
    let sum = 0;
    for (let f = 0; f < F; f++) {
      // Owner of the feature: the worker in whose share of the entries its first one lies.
      const owner = entries === 0 ? 0 : Math.min(threads - 1, Math.floor((sum * threads) / entries));
      if (owner === id && low === F) low = f;
      if (owner > id) {
        high = f;
        break;
      }
      let fired = 0;
      let aux = 0;
      for (let t = 0; t < threads; t++) {
        fired += histograms[t * F + f]!;
        aux += auxHistograms[t * F + f]!;
      }
      if (owner === id) {
        next[f] = sum;
        total[f] = fired + aux;
        silent[f] = fired > 0 ? 0 : Math.min(silent[f]! + B, 2 ** 30);
      }
      sum += fired + aux;
    }
    low = Math.min(low, high);
    kernels.sortEntries(
      at.indices,
      at.values,
      at.slopes,
      at.counts,
      at.next,
      at.sorted,
      B,
      k,
      low,
      high,
      0,
      1,
    );
    if (dead > 0) {
      kernels.sortEntries(
        at.auxIndices,
        at.auxValues,
        at.auxSlopes,
        at.auxCounts,
        at.next,
        at.sorted,
        at.auxRows,
        at.dead,
        low,
        high,
        B,
        auxScale() / gradientScale,
      );
    }
  }

  /** After phase C, on one worker: norm of all gradients, clip factor, Adam's factors, both biases. */
  function close(): void {
    const step = control[CONTROL.step]!;
    g_b_dec.fill(0);
    for (let block = 0; block < blocks; block++) {
      for (let d = 0; d < D; d++) g_b_dec[d]! += gradientScale * residualSums[block * D + d]!;
    }
    let square = 0;
    for (let d = 0; d < D; d++) square += g_b_dec[d]! ** 2;
    for (let f = 0; f < F; f++) square += squares[f]!;
    const norm = Math.sqrt(square);
    // As torch.nn.utils.clip_grad_norm_.
    const clip = Math.min(1, config.clip / (norm + 1e-6));
    const rate = rateAt(config.schedule, step, config.steps) / (1 - config.beta1 ** (step + 1));
    const root = 1 / Math.sqrt(1 - config.beta2 ** (step + 1));
    numbers[NUMBERS.gradientNorm] = norm;
    numbers[NUMBERS.clip] = clip;
    numbers[NUMBERS.step] = rate;
    numbers[NUMBERS.root] = root;
    const { beta1, beta2, epsilon } = config;
    const n = Math.ceil(F / 4) * 4;
    kernels.adam(at.b_enc, at.g_b_enc, at.m_b_enc, at.v_b_enc, n, clip, rate, root, beta1, beta2, epsilon);
    kernels.adam(at.b_dec, at.g_b_dec, at.m_b_dec, at.v_b_dec, D, clip, rate, root, beta1, beta2, epsilon);
    let loss = 0;
    for (let block = 0; block < blocks; block++) loss += blockLoss[block]!;
    numbers[NUMBERS.loss] = loss / B;
    numbers[NUMBERS.meanSquare] = loss / B;
  }

  /** After phase D, on one worker: queues, dead features in rotation, the step's number. */
  function advance(): void {
    control[CONTROL.rowQueue] = 0;
    control[CONTROL.gradientQueue] = 0;
    control[CONTROL.updateQueue] = 0;
    const step = control[CONTROL.step]! + 1;
    let found = 0;
    let all = 0;
    if (config.auxiliary > 0) {
      const start = (step * at.dead) % F;
      for (let i = 0; i < F; i++) {
        const f = start + i < F ? start + i : start + i - F;
        if (silent[f]! < config.deadAfter) continue;
        all++;
        if (found < at.dead) deadList[found++] = f;
      }
    }
    control[CONTROL.dead] = found;
    control[CONTROL.deadTotal] = all;
    control[CONTROL.step] = step;
  }

  return async () => {
    const base = control[CONTROL.step]! * B;
    const dead = control[CONTROL.dead]!;
    mark = clock();
    encoder.W_enc_FD.set(W_enc);
    encoder.b_enc_F.set(b_enc);
    encoder.weightsChanged();
    histogram.fill(0);
    auxHistogram.fill(0);
    lap(CLOCK.copy);
    for (let block = crew.ticket(CONTROL.rowQueue); block < blocks; block = crew.ticket(CONTROL.rowQueue)) {
      await rows(block, base, dead);
    }
    crew.meet();
    lap(CLOCK.wait);
    sort(dead);
    lap(CLOCK.sort);
    crew.meet();
    lap(CLOCK.wait);
    for (
      let f = CHUNK * crew.ticket(CONTROL.gradientQueue);
      f < F;
      f = CHUNK * crew.ticket(CONTROL.gradientQueue)
    ) {
      kernels.gradients(
        at.XR,
        at.sorted,
        at.next,
        at.total,
        at.G_enc,
        at.G_dec,
        at.g_b_enc,
        at.squares,
        at.W_dec,
        f,
        Math.min(F, f + CHUNK),
        D,
        gradientScale,
      );
    }
    lap(CLOCK.gradients);
    crew.meet(close);
    lap(CLOCK.wait);
    const { beta1, beta2, epsilon } = config;
    for (
      let f = CHUNK * crew.ticket(CONTROL.updateQueue);
      f < F;
      f = CHUNK * crew.ticket(CONTROL.updateQueue)
    ) {
      kernels.updateFeatures(
        at.W_enc,
        at.G_enc,
        at.M_enc,
        at.V_enc,
        at.W_dec,
        at.G_dec,
        at.M_dec,
        at.V_dec,
        f,
        Math.min(F, f + CHUNK),
        D,
        numbers[NUMBERS.clip]!,
        numbers[NUMBERS.step]!,
        numbers[NUMBERS.root]!,
        beta1,
        beta2,
        epsilon,
      );
    }
    lap(CLOCK.update);
    crew.meet(advance);
    lap(CLOCK.wait);
  };
}
