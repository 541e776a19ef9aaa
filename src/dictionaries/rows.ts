/** @file Rows to train on: activations in memory that threads share, the order in which batches take them, what they are known by. */
import { DictionaryError } from '../core/errors.ts';
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

/**
 * Refuses rows that do not fit each other or the plan, and held-out rows that nothing can be measured on. (Values of the rows to
 * learn from are looked at by `normalisation`.)
 * @throws DictionaryError `dictionary.width`, `dictionary.not-finite`, `dictionary.config`
 */
export function checkRows(rows: ActivationRows, plan: TrainingPlan): void {
  const { site, architecture, outputWidth, outputSite, patience } = plan;
  const { x_ND, y_NE, width, heldOut_MD, heldOutOutput_ME } = rows;
  const widths = (name: string, of: Float32Array | undefined, each: number, count?: number) => {
    if (of === undefined || (of.length % each === 0 && (count ?? of.length / each) === of.length / each))
      return;
    throw new DictionaryError(
      'dictionary.width',
      `${name}: ${of.length} numbers are not ${count === undefined ? '' : `${count} `}rows of ${each}`,
      {
        where: site,
        hint: 'give every row with the width that is said, and one output row for each input row',
      },
    );
  };
  const transcodes = outputSite !== undefined;
  if (transcodes !== (y_NE !== undefined) || (!transcodes && heldOutOutput_ME))
    throw new DictionaryError(
      'dictionary.config',
      transcodes ? `a ${architecture} has no rows to predict` : `a ${architecture} predicts what it reads`,
      {
        where: site,
        hint: transcodes
          ? 'give y_NE, the activations at the output site'
          : 'leave y_NE and heldOutOutput_ME out',
      },
    );
  widths('x_ND', x_ND, width);
  widths('y_NE', y_NE, outputWidth, x_ND.length / width);
  widths('heldOut_MD', heldOut_MD, width);
  widths('heldOutOutput_ME', heldOutOutput_ME, outputWidth, (heldOut_MD?.length ?? 0) / width);
  for (const [name, of] of Object.entries({ heldOut_MD, heldOutOutput_ME }))
    if (of?.some((value) => !Number.isFinite(value)))
      throw new DictionaryError('dictionary.not-finite', `${name} holds NaN or infinity`, {
        where: site,
        hint: 'leave such rows out of the held-out set',
      });
  if (transcodes && heldOut_MD && !heldOutOutput_ME)
    throw new DictionaryError('dictionary.config', 'the held-out rows have nothing to predict', {
      where: site,
      hint: 'give heldOutOutput_ME as well, or neither',
    });
  if (patience !== undefined && !heldOut_MD?.length)
    throw new DictionaryError('dictionary.config', 'patience needs held-out rows to wait on', {
      where: site,
      hint: 'give heldOut_MD, or leave patience out',
    });
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

/**
 * Names rows by their number and a sample of their numbers, held-out ones among them, which the curve is measured on and
 * patience waits for: a checkpoint of other rows is not gone on from.
 */
export function fingerprint({ x_ND, y_NE, heldOut_MD, heldOutOutput_ME }: ActivationRows): string {
  return [x_ND, y_NE, heldOut_MD, heldOutOutput_ME]
    .map((x) => {
      if (x === undefined) return '-';
      const step = Math.max(1, Math.floor(x.length / SAMPLE));
      const sample = Float32Array.from({ length: Math.ceil(x.length / step) }, (_, i) => x[i * step]!);
      return `${x.length}:${sha256(new Uint8Array(sample.buffer))}`;
    })
    .join(' ');
}
