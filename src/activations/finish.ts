/** @file The end of a harvest: which rows are kept, and their statistics, from all shards together. */
import { join } from 'node:path';
import { DataError } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import { writeSafetensors } from '../files/safetensors.ts';
import type { HarvestSite } from './manifest.ts';
import { openShard, readShardIndex, type Storage, shardName, siteFolder } from './shards.ts';
import { medianOf, type SinkRule, sinkThreshold } from './sinks.ts';

export interface FinishOptions {
  readonly folder: string;
  readonly site: string;
  readonly width: number;
  readonly storage: Storage;
  readonly shards: number;
  readonly windows: number;
  readonly rule: SinkRule;
  /** Taken as it is when given. */
  readonly threshold: number | undefined;
}

export const INDEX = 'index.safetensors';

/**
 * Finds the sinks among all stored rows, writes the index of the rows that are kept (and of those that are not)
 * with the mean row, and returns the site's part of the result.
 * @throws DataError `activations.overflow`
 */
export async function finishSite(options: FinishOptions): Promise<HarvestSite> {
  const { folder, site, width, storage, shards, rule } = options;
  const names = Array.from({ length: shards }, (_, i) => shardName(i));
  const paths = names.map((name) => join(siteFolder(folder, site), name));
  const parts = await Promise.all(paths.map(readShardIndex));
  const norms = concatenate(
    Float32Array,
    parts.map((p) => p.norms_R),
  );
  const windows = concatenate(
    Int32Array,
    parts.map((p) => p.windows_R),
  );
  const positions = concatenate(
    Int32Array,
    parts.map((p) => p.positions_R),
  );
  // Infinity would not survive JSON.
  const threshold = Math.min(Number.MAX_VALUE, options.threshold ?? sinkThreshold(norms, rule));
  const all = Int32Array.from(norms.keys());
  const kept = all.filter((row) => norms[row]! <= threshold);
  const left = all.filter((row) => norms[row]! > threshold);
  const { mean, rootMeanSquare, standardDeviation } = await statistics(options, paths, kept);
  const column = (values: Int32Array<ArrayBuffer>) => tensor('int32', [values.length], values);
  await writeSafetensors(join(siteFolder(folder, site), INDEX), {
    row: column(kept),
    window: column(kept.map((row) => windows[row]!)),
    position: column(kept.map((row) => positions[row]!)),
    left_window: column(left.map((row) => windows[row]!)),
    left_position: column(left.map((row) => positions[row]!)),
    left_norm: tensor(
      'float32',
      [left.length],
      Float32Array.from(left, (row) => norms[row]!),
    ),
    mean: tensor('float32', [width], Float32Array.from(mean)),
  });
  return {
    site,
    width,
    rows: kept.length,
    shards: names,
    storage,
    rootMeanSquare,
    standardDeviation,
    medianNorm: medianOf(norms),
    leftOut: {
      first: options.windows,
      byNorm: left.length,
      share: norms.length === 0 ? 0 : left.length / norms.length,
      threshold,
    },
  };
}

/** Mean row and spread of the kept rows, summed in float64, one shard in memory at a time. */
async function statistics({ site, width }: FinishOptions, paths: readonly string[], kept: Int32Array) {
  const sum_D = new Float64Array(width);
  let squares = 0;
  let before = 0;
  let next = 0;
  for (const path of paths) {
    const shard = await openShard(path);
    const rows_RD = shard.read(0, shard.rows);
    shard.close();
    for (; next < kept.length && kept[next]! < before + shard.rows; next++) {
      const start = (kept[next]! - before) * width;
      let square = 0;
      for (let d = 0; d < width; d++) {
        const x = rows_RD[start + d]!;
        sum_D[d]! += x;
        square += x * x;
      }
      squares += square;
    }
    before += shard.rows;
  }
  const rows = kept.length;
  if (!Number.isFinite(squares)) {
    throw new DataError('activations.overflow', `activations at ${site} are too large for float16`, {
      where: site,
      hint: 'harvest again into an empty folder with storage float32',
    });
  }
  const mean = sum_D.map((sum) => sum / rows);
  const meanSquare = mean.reduce((total, m) => total + m * m, 0) / width;
  const square = squares / (rows * width);
  return {
    mean,
    rootMeanSquare: Math.sqrt(square),
    standardDeviation: Math.sqrt(Math.max(0, square - meanSquare)),
  };
}

function concatenate<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  kind: new (length: number) => T,
  parts: readonly T[],
): T {
  const whole = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
