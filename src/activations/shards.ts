/** @file Activations on disk: shards of rows with their norms and places, in float16 where its range serves. */
import { join } from 'node:path';
import { floatsToHalves, HALF_MAX, halvesToFloats } from '../core/float16.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import { medianOf } from './sinks.ts';

/**
 * float16 halves disk and reading; its rounding (2^-12 of each number) adds 1e-7 of the variance to a
 * reconstruction error that is some 0.2 of it. float32 where the numbers are too large or too small for that.
 */
export type Storage = 'float16' | 'float32';

/** The storage that fits activations of these norms: every row that is kept is far from the ends of the range. */
export function fittingStorage(norms: Float32Array, width: number): Storage {
  const median = medianOf(norms);
  return 32 * median <= HALF_MAX && median / Math.sqrt(width) >= 2 ** -8 ? 'float16' : 'float32';
}

/** Rows of one site from some windows; the first position of each window is not among them. */
export interface ShardRows {
  readonly rows_RD: Float32Array;
  readonly norms_R: Tensor<'float32'>['data'];
  /** Index of the window, and position in it. */
  readonly windows_R: Tensor<'int32'>['data'];
  readonly positions_R: Tensor<'int32'>['data'];
}

/** The folder of a site's files. */
export const siteFolder = (folder: string, site: string): string => join(folder, encodeURIComponent(site));

export const shardName = (index: number): string => `${String(index).padStart(5, '0')}.safetensors`;

export async function writeShard(
  path: string,
  shard: ShardRows,
  width: number,
  storage: Storage,
): Promise<void> {
  const { rows_RD, norms_R, windows_R, positions_R } = shard;
  const rows = norms_R.length;
  const stored: Tensor =
    storage === 'float16'
      ? tensor('float16', [rows, width], floatsToHalves(rows_RD))
      : tensor('float32', [rows, width], new Float32Array(rows_RD));
  await writeSafetensors(path, {
    activations: stored,
    norms: tensor('float32', [rows], norms_R),
    windows: tensor('int32', [rows], windows_R),
    positions: tensor('int32', [rows], positions_R),
  });
}

/** Everything of a shard but its activations. */
export async function readShardIndex(path: string): Promise<Omit<ShardRows, 'rows_RD'>> {
  const file = await openSafetensors(path);
  try {
    return {
      norms_R: file.read('norms').data as ShardRows['norms_R'],
      windows_R: file.read('windows').data as ShardRows['windows_R'],
      positions_R: file.read('positions').data as ShardRows['positions_R'],
    };
  } finally {
    file.close();
  }
}

/** An open shard: rows by number, decoded. */
export interface Shard {
  readonly rows: number;
  /** `count` rows from row `from` on, float32, into `into` when given. */
  read(from: number, count: number, into?: Float32Array): Float32Array;
  close(): void;
}

export async function openShard(path: string): Promise<Shard> {
  const file = await openSafetensors(path);
  const { dtype, shape } = file.info('activations');
  const [rows, width] = shape as [number, number];
  const bytes = dtype === 'float16' ? 2 : 4;
  return {
    rows,
    close: () => file.close(),
    read(from, count, into: Float32Array = new Float32Array(count * width)) {
      const raw = file.readBytes('activations', from * width * bytes, count * width * bytes);
      if (dtype === 'float16') halvesToFloats(new Uint16Array(raw.buffer), into);
      else into.set(new Float32Array(raw.buffer));
      return into;
    },
  };
}
