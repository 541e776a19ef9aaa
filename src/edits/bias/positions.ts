/** @file Edits of rows put into a network: the state is edited at every position that the dictionary reads. */
import { encodeStates } from '../../circuits/encode-state.ts';
import { passesBy } from '../../circuits/feature-state.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { editedStates, meanMove, takeRows } from './apply.ts';
import type { PooledEdit } from './problem.ts';

/** States [B, T, D] at the dictionary's site, and the rows of them that it reads, with their features side by side. */
export interface ReadStates {
  readonly x_BTD: Float32Array;
  /** Numbers of rows of [B, T]: not the first position, no attention sinks. */
  readonly read: readonly number[];
  readonly rows: { readonly x_ND: Float32Array; readonly features_NF: Float32Array };
}

/** Reads several states of one shape in the dictionary. */
export async function readStates(
  dictionary: Dictionary,
  states: readonly Float32Array[],
  shape: { readonly examples: number; readonly positions: number; readonly width: number },
  threads: number,
): Promise<ReadStates[]> {
  const { positions, width: D } = shape;
  const F = dictionary.features;
  const encoded = await encodeStates(dictionary, states, shape, threads);
  return encoded.map(({ x_BTD, k, indices_BTK, values_BTK }) => {
    const read = Array.from({ length: x_BTD.length / D }, (_, row) => row).filter(
      (row) => !passesBy(dictionary, row % positions, x_BTD.subarray(row * D, (row + 1) * D)),
    );
    const features_NF = new Float32Array(read.length * F);
    read.forEach((row, i) => {
      for (let j = row * k; j < (row + 1) * k; j++) features_NF[i * F + indices_BTK[j]!]! += values_BTK[j]!;
    });
    return { x_BTD, read, rows: { x_ND: Float32Array.from(takeRows(x_BTD, D, read)), features_NF } };
  });
}

/** The states under the edit, and the mean ‖Δx‖ over the positions that are read. */
export function editPositions(
  dictionary: Dictionary,
  { x_BTD, read, rows }: ReadStates,
  edit: PooledEdit,
): { readonly x_BTD: Float32Array<ArrayBuffer>; readonly move: number } {
  const D = dictionary.width;
  const edited = editedStates(dictionary, rows, edit);
  const moved_BTD = Float32Array.from(x_BTD);
  read.forEach((row, i) => {
    moved_BTD.set(edited.subarray(i * D, (i + 1) * D), row * D);
  });
  return { x_BTD: moved_BTD, move: read.length === 0 ? 0 : meanMove(rows.x_ND, edited, D) };
}
