/** @file The first half of a training step, block by block of rows: gather, encode, decode, slopes. */

import { powersAt } from './controls.ts';
import { courseAt } from './courses.ts';
import type { FrequentPhase } from './frequent-phase.ts';
import { weighsByNorm } from './fused.ts';
import { AUX_EVERY, BIN_SHIFT, CLOCK, CONTROL, NUMBERS } from './layout.ts';
import { kAt } from './plan.ts';
import type { Views } from './views.ts';

/** What a step's rows depend on besides the shared state; set once a step. */
export interface StepNumbers {
  /** First slot of the order. */
  base: number;
  /** Dead features that are revived. */
  dead: number;
  k: number;
  /** λ over the rows of the batch. */
  weight: number;
  p: number;
  nextP: number;
}

interface RowPhase {
  /** Copies the encoder's weights to this worker, and says what the step's numbers are. */
  prepare(): StepNumbers;
  /** Encodes a block; entries of kinds that choose over the batch are candidates only. */
  encode(block: number, numbers: StepNumbers): Promise<void>;
  /** Cuts a block's candidates to those chosen. */
  keep(block: number): void;
  /** Reconstruction, residuals and slopes of blocks from … to − 1, whose entries are known. */
  decode(from: number, to: number, numbers: StepNumbers): Promise<void>;
}

export function rowPhase(v: Views, frequent: FrequentPhase): RowPhase {
  const { at, plan, shape, kernels, encoder, control, numbers, source, order, R } = v;
  const { width, batch: B, features: F, selection } = shape;
  const { D, G } = at;
  const byNorm = weighsByNorm(plan);
  const norms = byNorm ? at.norms : 0;
  const pull = byNorm ? at.extras.at(-1)! : 0;
  const [theta] = v.own;
  const rowsOf = (block: number) => Math.min(R, B - block * R);

  function gather(first: number, n: number, base: number): void {
    for (let i = 0; i < n; i++) {
      const from = order[base + first + i]! * width;
      v.scratch.set(source.subarray(from, from + width), i * D);
    }
    kernels.normalise(
      ...[v.scratchAt, at.XR + 4 * first * (1 + G) * D, at.centre, v.scale, v.shiftAt, n, D, G],
    );
    encoder.x_RD.set(n === R ? v.scratch : v.scratch.subarray(0, n * D));
    // What a screen allows for depends on all rows of a block.
    if (n < R) encoder.x_RD.fill(0, n * D);
  }

  /** Moves a block's entries to the shared memory; false when there is no room. */
  function publish(first: number, n: number): boolean {
    if (selection === 'rows') {
      v.indices.set(encoder.indices_RK.subarray(0, n * shape.k), first * shape.k);
      v.values.set(encoder.values_RK.subarray(0, n * shape.k), first * shape.k);
      v.counts.set(encoder.counts_R.subarray(0, n), first);
      return true;
    }
    const total = encoder.compact(n);
    let start = Atomics.add(control, CONTROL.entries, total);
    if (start + total > at.room) return false;
    v.indices.set(encoder.indices_E.subarray(0, total), start);
    v.values.set(encoder.values_E.subarray(0, total), start);
    for (let i = 0; i < n; i++) {
      v.starts[first + i] = start;
      v.counts[first + i] = encoder.counts_R[i]!;
      start += encoder.counts_R[i]!;
    }
    return true;
  }

  const all = [at.starts, at.indices, at.values, at.counts] as const;
  const entries = [at.starts, at.indices, at.values, v.activeAt] as const;
  const [extra, other] = at.extras;

  /** Settles which entries of a block are active, and their values. */
  function activate(first: number, n: number): void {
    if (plan.activation === 'jumprelu') kernels.jump(...all, at.active, at.own[0]!, first, n);
    if (frequent.some) kernels.splitRows(...entries, at.place, at.rare, first, n);
    if (plan.activation === 'gated')
      kernels.gate(...entries, at.gates, at.b_enc, at.gains, at.own[1]!, first, n);
  }

  /** Residuals and slopes of a block in a step without frequent features; returns Σ‖r‖². */
  function reconstruct(block: number, first: number, n: number): number {
    const sums = at.residualSums + 4 * block * D;
    const common = [at.XR, v.biasAt, at.W_dec, ...entries, at.slopes, sums, first, n, D] as const;
    return G === 1
      ? kernels.decodeRows(...common, v.gradientScale)
      : kernels.decodeNested(...common, v.gradientScale, at.groupEnds, at.groupWeights, G);
  }

  /** What slopes become by the kind's penalty or threshold, and what the block's entries add to counts. */
  function finish(block: number, first: number, n: number, { dead, weight, p, nextP }: StepNumbers): void {
    if (plan.activation === 'relu') {
      if (plan.power) {
        v.blockPowers[2 * block] = kernels.powers(...entries, norms, first, n, p);
        v.blockPowers[2 * block + 1] = kernels.powers(...entries, norms, first, n, nextP);
      }
      kernels.penalise(...entries, at.slopes, norms, pull, first, n, weight, p);
    }
    if (plan.activation === 'jumprelu')
      kernels.jumpSlopes(
        ...entries,
        ...[at.slopes, at.own[0]!, extra!, other!, first, n, plan.bandwidth / 2],
      );
    if (plan.activation === 'gated')
      kernels.gateSlopes(
        ...[at.XR, v.biasAt, at.W_dec, ...entries, at.slopes, at.gates, at.gains, at.own[1]!, norms],
        ...[extra!, other!, pull, v.restAt, first, n, D],
        ...[(2 * plan.auxiliary) / B, weight],
      );
    const mine = 4 * v.id * F;
    kernels.countEntries(...all, at.histograms + mine, at.idleHistograms + mine, first, n);
    if (dead > 0) revive(first, n);
  }

  /** The auxiliary loss of one block on what `list` found. */
  function revive(first: number, n: number): void {
    const a = first / AUX_EVERY;
    const rows = Math.ceil(n / AUX_EVERY);
    const scale = reviveScale(v);
    kernels.decodeDead(
      ...[at.XR, at.W_dec, at.auxStarts, at.auxIndices, at.auxValues, at.auxCounts, at.auxSlopes],
      ...[first, n, AUX_EVERY, B, D, G, scale],
    );
    const idle = at.idleHistograms + 4 * v.id * F;
    kernels.countEntries(at.auxStarts, at.auxIndices, at.auxValues, at.auxCounts, idle, idle, a, rows);
  }

  /** Positive entries of dead features. */
  function list(first: number, n: number, dead: number): void {
    const found = encoder.listed(v.deadList.subarray(0, dead), AUX_EVERY);
    const a = first / AUX_EVERY;
    const rows = Math.ceil(n / AUX_EVERY);
    v.auxIndices.set(found.indices.subarray(0, rows * at.dead), a * at.dead);
    v.auxValues.set(found.values.subarray(0, rows * at.dead), a * at.dead);
    v.auxCounts.set(found.counts.subarray(0, rows), a);
  }

  return {
    prepare() {
      const step = control[CONTROL.step]!;
      encoder.W_enc_FD.set(v.W_enc);
      encoder.b_enc_F.set(v.b_enc);
      if (selection === 'batch') encoder.floor_F.fill(numbers[NUMBERS.floor]!);
      if (plan.activation === 'jumprelu')
        for (let f = 0; f < F; f++) encoder.floor_F[f] = theta![f]! - plan.bandwidth / 2;
      encoder.weightsChanged();
      frequent.begin();
      const powers = plan.power ? powersAt(plan.power, step, plan.steps) : { p: 1, next: 1 };
      const lambda = courseAt(plan.penalty, step, plan.steps);
      return {
        base: step * B,
        dead: control[CONTROL.dead]!,
        k: shape.selection === 'above' ? 0 : kAt(plan, step, courseAt),
        weight: (lambda * numbers[NUMBERS.factor]! * numbers[NUMBERS.powerFactor]!) / B,
        p: powers.p,
        nextP: powers.next,
      };
    },

    async encode(block, { base, dead, k }) {
      const first = block * R;
      const n = rowsOf(block);
      gather(first, n, base);
      v.lap(CLOCK.gather);
      await encoder.product();
      v.lap(CLOCK.product);
      encoder.select(k);
      const published = publish(first, n);
      if (published && selection === 'batch')
        kernels.countValues(at.starts, at.values, at.counts, v.myBins.byteOffset, first, n, BIN_SHIFT);
      if (dead > 0) list(first, n, dead);
      v.lap(CLOCK.select);
    },

    keep(block) {
      const [bits, lastRow, lastFeature] = [CONTROL.bits, CONTROL.lastRow, CONTROL.lastFeature];
      kernels.keepLargest(
        ...[at.starts, at.indices, at.values, at.counts, block * R, rowsOf(block)],
        ...[control[bits]!, control[lastRow]!, control[lastFeature]!],
      );
    },

    async decode(from, to, now) {
      const blocks = Array.from({ length: to - from }, (_, i) => from + i);
      for (const block of blocks) activate(block * R, rowsOf(block));
      if (frequent.some) {
        const [first, n] = [from * R, Math.min(B, to * R) - from * R];
        kernels.beginRows(at.XR, v.biasAt, at.W_dec, at.starts, at.indices, at.values, at.rare, first, n, D);
        await frequent.decode(first, n);
      }
      const rare = [at.XR, at.W_dec, at.starts, at.indices, at.rare, at.slopes] as const;
      for (const block of blocks) {
        const [first, n, sums] = [block * R, rowsOf(block), at.residualSums + 4 * block * D];
        v.blockLoss[block] = frequent.some
          ? kernels.finishRows(...rare, sums, first, n, D, v.gradientScale)
          : reconstruct(block, first, n);
        finish(block, first, n, now);
      }
      v.lap(CLOCK.decode);
    },
  };
}

/** 2α / (auxiliary rows · mean ‖e‖² of the step before); 0 when that step left no error. */
export function reviveScale({ numbers, plan, at }: Views): number {
  const meanSquare = numbers[NUMBERS.meanSquare]!;
  return meanSquare > 0 ? (2 * plan.auxiliary) / (at.auxRows * meanSquare) : 0;
}
