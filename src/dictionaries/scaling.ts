/** @file How rows are normalised for training: z = (x − centre)·scale, or every row scaled to one length. */
import { normalisation } from './normalise.ts';
import type { Scaling, TrainingPlan } from './plan.ts';
import type { ActivationRows } from './rows.ts';

/** z_d = (x_d − centre_d)·scale_d; with `rowNorm`, x is first scaled to that length. */
export interface RowScaling {
  readonly centre: Float32Array;
  readonly scale: Float32Array;
  readonly rowNorm?: number;
}

/** Of what is read and of what is predicted (the same, unless a transcoder). */
export interface Scalings {
  readonly input: RowScaling;
  readonly output: RowScaling;
}

/**
 * The scalings of a plan's rows. A crosscoder's sites have one scale each, so that none outweighs another.
 * @throws DictionaryError `dictionary.not-finite`, `dictionary.constant`.
 */
export function scalingsOf(plan: TrainingPlan, source: ActivationRows): Scalings {
  const input = scalingOf(plan, source.x_ND, plan.width, plan.blocks);
  if (source.y_NE === undefined) return { input, output: input };
  return { input, output: scalingOf(plan, source.y_NE, plan.outputWidth, [plan.outputWidth]) };
}

function scalingOf(
  { normalise, site }: TrainingPlan,
  x_ND: Float32Array,
  width: number,
  blocks: readonly number[],
): RowScaling {
  const parts = blocks.length < 2 ? [x_ND] : columns(x_ND, width, blocks);
  const each = parts.map((part, i) => oneScaling(normalise, part, blocks[i]!, site));
  const centre = new Float32Array(width);
  const scale = new Float32Array(width);
  let from = 0;
  each.forEach((part, i) => {
    centre.set(part.centre, from);
    scale.fill(part.scale, from, from + blocks[i]!);
    from += blocks[i]!;
  });
  return { centre, scale, ...(normalise === 'constant-norm' && { rowNorm: Math.sqrt(width) }) };
}

/** Each site's columns of rows, as rows of their own. */
function columns(x_ND: Float32Array, width: number, blocks: readonly number[]): Float32Array[] {
  const rows = x_ND.length / width;
  let from = 0;
  return blocks.map((block) => {
    const out = new Float32Array(rows * block);
    for (let i = 0; i < rows; i++)
      out.set(x_ND.subarray(i * width + from, i * width + from + block), i * block);
    from += block;
    return out;
  });
}

/**
 * 'centre-rms': mean 0 and RMS 1 of all numbers (ours); 'rms': E‖x‖² = 1 (dictionary_learning's normalize_activations);
 * 'expected-norm': E‖x‖ = √D (SAELens' expected_average_only_in); 'constant-norm': every row √D long (SAELens'
 * constant_norm_rescale), which no weight can undo: the finished dictionary has `rowNorm`.
 */
function oneScaling(
  mode: Scaling,
  x_ND: Float32Array,
  width: number,
  site: string,
): { centre: Float32Array; scale: number } {
  // Also looks for values that cannot be trained on, whatever the mode.
  const centred = normalisation(x_ND, width, site);
  const centre = new Float32Array(width);
  switch (mode) {
    case 'centre-rms':
      return centred;
    case 'none':
    case 'constant-norm':
      return { centre, scale: 1 };
    case 'rms':
      return { centre, scale: 1 / Math.sqrt(mean(x_ND, width, (square) => square)) };
    case 'expected-norm':
      return { centre, scale: Math.sqrt(width) / mean(x_ND, width, Math.sqrt) };
  }
}

/** Mean over rows of a function of ‖x‖². */
function mean(x_ND: Float32Array, width: number, of: (square: number) => number): number {
  const rows = x_ND.length / width;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let d = i * width; d < (i + 1) * width; d++) square += x_ND[d]! ** 2;
    sum += of(square);
  }
  return sum / rows;
}

/** Writes row `row` of x [N, D], normalised, into `out` from `at` on. */
export function scaleRow(
  { centre, scale, rowNorm }: RowScaling,
  x_ND: Float32Array,
  row: number,
  out: Float32Array,
  at: number,
): void {
  const D = centre.length;
  let whole = 1;
  if (rowNorm !== undefined) {
    let square = 0;
    for (let d = 0; d < D; d++) square += x_ND[row * D + d]! ** 2;
    whole = square > 0 ? rowNorm / Math.sqrt(square) : 1;
  }
  for (let d = 0; d < D; d++) out[at + d] = (x_ND[row * D + d]! * whole - centre[d]!) * scale[d]!;
}
