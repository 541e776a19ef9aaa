/** @file Harvested activations as rows of float32: any run of rows, or a whole site in memory shared by threads. */
import { join } from 'node:path';
import { DataError, nearestNames } from '../core/errors.ts';
import { openSafetensors } from '../files/safetensors.ts';
import { INDEX } from './finish.ts';
import { type HarvestSite, loadResult } from './manifest.ts';
import { openShard, type Shard, siteFolder } from './shards.ts';

export interface Activations extends HarvestSite {
  /** Mean of the kept rows, [width]. */
  readonly mean_D: Float32Array;
  /** Of each kept row: the index of its window, and its position there. */
  readonly index: { readonly window: Int32Array; readonly position: Int32Array };
  /** Positions beside the first that were left out, with their norms. */
  readonly leftOutRows: {
    readonly window: Int32Array;
    readonly position: Int32Array;
    readonly norm: Float32Array;
  };
  /** Rows `from` … `from + count` of the kept ones, [count, width], into `into` when given. */
  read(from: number, count: number, into?: Float32Array): Float32Array;
  /**
   * All kept rows, or the first `most`, [rows, width], on a SharedArrayBuffer: workers see them without a copy.
   * 4 · rows · width bytes.
   */
  load(most?: number): Float32Array;
  close(): void;
}

/**
 * Opens one site of a finished harvest.
 * @throws DataError `activations.unfinished`, `activations.no-site` naming those there are; FileError
 */
export async function openActivations(folder: string, site: string): Promise<Activations> {
  const result = await loadResult(folder);
  if (!result) {
    throw new DataError('activations.unfinished', `there is no finished harvest in ${folder}`, {
      where: folder,
      hint: 'run the harvest again: it goes on from its last finished shard',
    });
  }
  const found = result.sites.find((s) => s.site === site);
  if (!found) {
    const names = result.sites.map((s) => s.site);
    throw new DataError('activations.no-site', `${folder} has no activations of "${site}"`, {
      where: site,
      hint: `it has ${nearestNames(site, names, 6).join(', ')}`,
    });
  }
  const at = siteFolder(folder, site);
  const index = await openSafetensors(join(at, INDEX));
  const ints = (name: string) => index.read(name).data as Int32Array;
  const floats = (name: string) => index.read(name).data as Float32Array;
  const stored = ints('row');
  const parts = {
    mean_D: floats('mean'),
    index: { window: ints('window'), position: ints('position') },
    leftOutRows: { window: ints('left_window'), position: ints('left_position'), norm: floats('left_norm') },
  };
  index.close();
  const shards: Shard[] = [];
  for (const name of found.shards) shards.push(await openShard(join(at, name)));
  return { ...found, ...parts, ...rowReader(shards, stored, found.width) };
}

/** Reads kept rows, whose numbers among the stored ones are `stored` (ascending), run by run. */
function rowReader(shards: readonly Shard[], stored: Int32Array, width: number) {
  const starts: number[] = [];
  let total = 0;
  for (const shard of shards) {
    starts.push(total);
    total += shard.rows;
  }
  const read = (
    from: number,
    count: number,
    into: Float32Array = new Float32Array(count * width),
  ): Float32Array => {
    if (from < 0 || count < 0 || from + count > stored.length || into.length < count * width) {
      throw new DataError('activations.range', `rows ${from} to ${from + count} cannot be read`, {
        where: `${from}`,
        hint: `there are ${stored.length} rows of ${width} numbers; the target needs room for all`,
      });
    }
    let part = 0;
    for (let at = from; at < from + count; ) {
      const row = stored[at]!;
      while (part + 1 < shards.length && starts[part + 1]! <= row) part++;
      const shardEnd = starts[part]! + shards[part]!.rows;
      let run = 1;
      while (at + run < from + count && stored[at + run] === row + run && row + run < shardEnd) run++;
      const target = into.subarray((at - from) * width, (at - from + run) * width);
      shards[part]!.read(row - starts[part]!, run, target);
      at += run;
    }
    return into;
  };
  return {
    read,
    load(most = stored.length) {
      const rows = Math.min(most, stored.length);
      return read(0, rows, new Float32Array(new SharedArrayBuffer(4 * rows * width)));
    },
    close: () => {
      for (const shard of shards) shard.close();
    },
  };
}
