/** @file BatchTopK's choice: the k·B largest candidates of a batch, found by the bits of their values (positive floats order as integers). */
import { DictionaryError } from '../core/errors.ts';
import { BIN_SHIFT, BINS, CONTROL, NUMBERS } from './layout.ts';
import type { Views } from './views.ts';

/** Candidates beyond which the floor rises, and below which it falls, as multiples of those wanted. */
const WELCOME = { most: 1.8, least: 1.3 };

/**
 * Run by one worker when all candidates are there: writes the smallest chosen value's bits and where equal ones end, or
 * asks for another pass with another floor. Of equal values the earlier row, then the lower feature, is chosen.
 */
export function chooseOfBatch(v: Views, wanted: number): void {
  const { control, numbers, shape, at, kernels, bins } = v;
  const found = control[CONTROL.entries]!;
  const floor = numbers[NUMBERS.floor]!;
  control[CONTROL.again] = 0;
  if (found > at.room) {
    again(v, 'raise');
    return;
  }
  if (found < wanted && floor > 0) {
    again(v, 'lower');
    return;
  }
  let above = 0;
  let bin = BINS - 1;
  for (; bin >= 0; bin--) {
    let n = 0;
    for (let t = 0; t < shape.threads; t++) n += bins[t * BINS + bin]!;
    if (above + n >= Math.min(wanted, found)) break;
    above += n;
  }
  if (found <= wanted) {
    // All are chosen.
    control[CONTROL.bits] = 0;
    control[CONTROL.lastRow] = shape.batch;
  } else {
    const listed = kernels.listBin(
      ...[at.starts, at.values, at.counts, at.binList, shape.batch, BIN_SHIFT, bin, at.room],
    );
    refine(v, bin, wanted - above, listed);
  }
  steer(v, found, wanted);
}

/** Of the `listed` values of one bin the `wanted` largest, by their lower bits. */
function refine(v: Views, bin: number, wanted: number, listed: number): void {
  const { control, fineBins, binList, bits, starts, counts } = v;
  const mask = (1 << BIN_SHIFT) - 1;
  fineBins.fill(0);
  for (let i = 0; i < listed; i++) fineBins[bits[binList[i]!]! & mask]!++;
  let above = 0;
  let fine = mask;
  while (above + fineBins[fine]! < wanted) above += fineBins[fine--]!;
  const smallest = (bin << BIN_SHIFT) | fine;
  let left = wanted - above;
  let last = 0;
  for (let i = 0; i < listed && left > 0; i++) {
    if (bits[binList[i]!] !== smallest) continue;
    last = binList[i]!;
    left--;
  }
  let row = 0;
  while (last < starts[row]! || last >= starts[row]! + counts[row]!) row++;
  control[CONTROL.bits] = smallest;
  control[CONTROL.lastRow] = row;
  control[CONTROL.lastFeature] = v.indices[last]!;
}

/** Looks for a floor by bisection between what was too low and what was too high. */
function again(v: Views, way: 'raise' | 'lower'): void {
  const { control, numbers } = v;
  const floor = numbers[NUMBERS.floor]!;
  if (way === 'raise') numbers[NUMBERS.floorLow] = floor;
  else numbers[NUMBERS.floorHigh] = floor;
  const [low, high] = [numbers[NUMBERS.floorLow]!, numbers[NUMBERS.floorHigh]!];
  if (high - low <= 1e-6 * high && low > 0) {
    throw new DictionaryError('dictionary.ties', 'more pre-activations are equal than a batch has room for', {
      where: v.plan.site,
      hint: 'use the topk kind, or leave out repeated rows',
    });
  }
  let next: number;
  if (Number.isFinite(high) && low >= 0) next = (low + high) / 2;
  else if (way === 'raise') next = 1.5 * floor + 1e-6;
  else next = floor > 1e-6 ? floor / 1.5 : 0;
  numbers[NUMBERS.floor] = next;
  control[CONTROL.again] = 1;
  control[CONTROL.entries] = 0;
  control[CONTROL.rowQueue] = 0;
  v.bins.fill(0);
}

/** The floor of the next step: a share of the smallest chosen value that leaves a few candidates more than are wanted. */
function steer(v: Views, found: number, wanted: number): void {
  const { numbers, control } = v;
  numbers[NUMBERS.floorLow] = -1;
  numbers[NUMBERS.floorHigh] = Number.POSITIVE_INFINITY;
  if (found <= wanted) {
    numbers[NUMBERS.floor] = found < wanted ? 0 : numbers[NUMBERS.floor]! * 0.9;
    return;
  }
  let share = numbers[NUMBERS.floorShare]!;
  if (found > WELCOME.most * wanted) share = Math.min(0.98, share + 0.02);
  if (found < WELCOME.least * wanted) share = Math.max(0.1, share - 0.03);
  numbers[NUMBERS.floorShare] = share;
  SMALLEST.bits[0] = control[CONTROL.bits]!;
  numbers[NUMBERS.floor] = share * SMALLEST.value[0]!;
}

const buffer = new ArrayBuffer(4);
const SMALLEST = { bits: new Int32Array(buffer), value: new Float32Array(buffer) };

/** The smallest chosen value of a batch; 3e38 when nothing was active. */
export function leastChosen({ control, values, counts, starts, shape }: Views): number {
  if (control[CONTROL.bits]! > 0) {
    SMALLEST.bits[0] = control[CONTROL.bits]!;
    return SMALLEST.value[0]!;
  }
  let least = 3e38;
  for (let b = 0; b < shape.batch; b++)
    for (let i = starts[b]!; i < starts[b]! + counts[b]!; i++) least = Math.min(least, values[i]!);
  return least;
}
