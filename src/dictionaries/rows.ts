/** @file Rows to train on: activations in memory that threads share, the order in which batches take them, what they are known by. */
import { sha256 } from '../core/hash.ts';
import { random } from '../core/random.ts';
import type { TrainingPlan } from './plan.ts';

/** Activations to train on. */
export interface ActivationRows {
  /** [N, D]. On a SharedArrayBuffer it is used as it lies; anything else is copied once. */
  readonly x_ND: Float32Array;
  /** D. */
  readonly width: number;
  /** Transcoders: what each row is to predict, [N, E]. */
  readonly y_NE?: Float32Array;
  /** E; D unless given. */
  readonly outputWidth?: number;
  /** Crosscoders: the sites whose activations, one after another, are a row. */
  readonly sites?: readonly { readonly site: string; readonly width: number }[];
  /** Held-out rows [M, D] for the curve; without them the curve is empty. A few thousand are enough. */
  readonly heldOut_MD?: Float32Array;
  /** Transcoders: what the held-out rows are to predict, [M, E]. */
  readonly heldOutOutput_ME?: Float32Array;
}

/** N. */
export const rowCount = ({ x_ND, width }: ActivationRows): number =>
  Math.floor(x_ND.length / Math.max(1, width));

/** The same rows on memory that threads share. */
export function sharedRows(rows: ActivationRows): ActivationRows {
  return { ...rows, x_ND: shared(rows.x_ND), ...(rows.y_NE ? { y_NE: shared(rows.y_NE) } : {}) };
}

function shared(x: Float32Array): Float32Array {
  if (x.buffer instanceof SharedArrayBuffer) return x;
  const copy = new Float32Array(new SharedArrayBuffer(x.byteLength));
  copy.set(x);
  return copy;
}

/** Row of each slot of each batch, [steps · batch] on shared memory: the rows in a new random order each pass. */
export function batchOrder({ steps, batch, seed }: TrainingPlan, rows: number): Uint32Array {
  const slots = steps * batch;
  const order = new Uint32Array(new SharedArrayBuffer(4 * slots));
  const shuffle = random(seed).fork('order');
  for (let from = 0; from < slots; from += rows) {
    const pass = shuffle.permutation(rows);
    order.set(pass.subarray(0, Math.min(rows, slots - from)), from);
  }
  return order;
}

/** Numbers of each array that its fingerprint reads at most. */
const SAMPLE = 65_536;

/** Names rows by their number and a sample of their numbers: a checkpoint of other rows is not gone on from. */
export function fingerprint(rows: ActivationRows): string {
  const parts = [rows.x_ND, rows.y_NE].filter((x) => x !== undefined);
  return parts
    .map((x) => {
      const step = Math.max(1, Math.floor(x.length / SAMPLE));
      const sample = Float32Array.from({ length: Math.ceil(x.length / step) }, (_, i) => x[i * step]!);
      return `${x.length}:${sha256(new Uint8Array(sample.buffer))}`;
    })
    .join(' ');
}
