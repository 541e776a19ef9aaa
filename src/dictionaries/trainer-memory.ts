/** @file Parameters in and out of a trainer's memory, where rows are padded, and what the memory holds before the first step. */
import { f32 } from '../core/tensor.ts';
import { NUMBERS, paddedWidth, type TrainLayout, type TrainShape } from './layout.ts';
import type { Parameters } from './losses/objective.ts';
import type { TrainingPlan } from './plan.ts';
import { type ActivationRows, rowCount } from './rows.ts';
import { type RowScaling, scaleRow } from './scaling.ts';

/** Where each parameter lies: matrices with padded rows, vectors as they are. */
function places(
  layout: TrainLayout,
  shape: TrainShape,
): Record<string, { at: number; matrix: boolean; n: number }> {
  const { features: F, width, vectors } = shape;
  const [first, second] = layout.own;
  const vector = (at: number, n: number) => ({ at, matrix: false, n });
  return {
    W_enc_FD: { at: layout.W_enc, matrix: true, n: F },
    b_enc_F: vector(layout.b_enc, F),
    W_dec_FD: { at: layout.W_dec, matrix: true, n: F },
    b_dec_D: vector(layout.b_dec, width),
    ...(vectors === 1 && { threshold_F: vector(first!, F) }),
    ...(vectors === 2 && { r_mag_F: vector(first!, F), b_mag_F: vector(second!, F) }),
  };
}

/** Reads and writes a trainer's parameters as dense tensors. */
export function parametersIn(memory: WebAssembly.Memory, layout: TrainLayout, shape: TrainShape) {
  const { width } = shape;
  const D = paddedWidth(width);
  const all = places(layout, shape);
  const floats = (at: number, n: number) => new Float32Array(memory.buffer, at, n);
  return {
    write(name: string, data: Float32Array): void {
      const { at, matrix, n } = all[name]!;
      if (!matrix) floats(at, n).set(data);
      for (let f = 0; matrix && f < n; f++)
        floats(at + 4 * f * D, width).set(data.subarray(f * width, (f + 1) * width));
    },
    read(): Parameters {
      const entries = Object.entries(all).map(([name, { at, matrix, n }]) => {
        const data = new Float32Array(matrix ? n * width : n);
        if (!matrix) data.set(floats(at, n));
        else for (let f = 0; f < n; f++) data.set(floats(at + 4 * f * D, width), f * width);
        return [name, f32(matrix ? [n, width] : [n], data)] as const;
      });
      return Object.fromEntries(entries);
    },
  };
}

/** Everything but parameters that is not 0 before the first step. */
export function prepareMemory(
  memory: WebAssembly.Memory,
  layout: TrainLayout,
  plan: TrainingPlan,
  shape: TrainShape,
  centre: Float32Array,
): void {
  const { features: F, batch: B, k, selection } = shape;
  const floats = (at: number, n: number) => new Float32Array(memory.buffer, at, n);
  const ints = (at: number, n: number) => new Int32Array(memory.buffer, at, n);
  const numbers = new Float64Array(memory.buffer, layout.numbers, 32);
  floats(layout.centre, centre.length).set(centre);
  floats(layout.norms, F).fill(plan.start.decoderNorm);
  if (shape.vectors === 2) floats(layout.gains, F).fill(1);
  const multiples = (starts: Int32Array, of: number) => {
    for (let i = 0; i < starts.length; i++) starts[i] = i * of;
  };
  if (selection === 'rows') multiples(ints(layout.starts, B), k);
  multiples(ints(layout.auxStarts, layout.auxRows), layout.dead);
  const last = plan.groupWeights.at(-1)!;
  plan.groups.forEach((end, g) => {
    ints(layout.groupEnds, layout.G)[g] = end;
    floats(layout.groupWeights, layout.G)[g] = plan.groupWeights[g]! / last;
  });
  // Random directions: more than half of all features are active on a row at first.
  const likely = Math.ceil((0.6 * B * F) / layout.room);
  numbers[NUMBERS.slices] = selection === 'above' ? Math.max(1, Math.min(layout.blocks, likely)) : 1;
  numbers[NUMBERS.factor] = 1;
  numbers[NUMBERS.powerFactor] = 1;
  numbers[NUMBERS.threshold] = -1;
  // Of F numbers with variance 1, k lie above √(2 log F/k) at most.
  numbers[NUMBERS.floor] = 0.7 * Math.sqrt(2 * Math.log(F / k));
  numbers[NUMBERS.floorLow] = -1;
  numbers[NUMBERS.floorHigh] = Number.POSITIVE_INFINITY;
  numbers[NUMBERS.floorShare] = 0.85;
}

/** Rows that the size of coordinates is measured on, at most. */
const SAMPLE = 4096;

/**
 * √RMS of each coordinate of normalised rows: half of what makes coordinates unequal goes to the weights (Xiao et al. 2023,
 * SmoothQuant, eq. 4 with α = ½), so that neither the rows' bytes nor the weights' are spoilt by a few large coordinates.
 */
export function columnScales(source: ActivationRows, scaling: RowScaling, out_D: Float32Array): void {
  const D = out_D.length;
  const rows = rowCount(source);
  const n = Math.min(rows, SAMPLE);
  const row = new Float32Array(D);
  const squares = new Float64Array(D);
  for (let i = 0; i < n; i++) {
    scaleRow(scaling, source.x_ND, Math.floor((i * rows) / n), row, 0);
    for (let d = 0; d < D; d++) squares[d]! += row[d]! ** 2 / n;
  }
  for (let d = 0; d < D; d++) out_D[d] = squares[d]! ** 0.25;
}
