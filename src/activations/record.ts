/** @file Recording: batches of windows through the network, rows into shards, each shard on disk before it counts. */
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { DataError, throwIfAborted } from '../core/errors.ts';
import { emptyArray } from '../core/tensor.ts';
import type { Window } from '../data/windows.ts';
import type { Graph } from '../graph/types.ts';
import { batchOf, type SiteLayout } from './batch.ts';
import { type Manifest, saveManifest } from './manifest.ts';
import { type BatchPool, openBatchPool } from './pool.ts';
import { fittingStorage, type ShardRows, type Storage, shardName, siteFolder, writeShard } from './shards.ts';
import { rowNorms } from './sinks.ts';

export interface Recording {
  /** Cut down to the sites, which are its outputs. */
  readonly graph: Graph;
  readonly layouts: readonly SiteLayout[];
  readonly windows: readonly Window[];
  readonly folder: string;
  readonly threads: number;
  readonly batch: number;
  readonly shardWindows: number;
  readonly storage?: Storage;
  readonly signal?: AbortSignal;
}

/** Rows whose norms are not known yet. */
type UnmeasuredRows = Omit<ShardRows, 'norms_R'>;

/**
 * Runs what is missing, shard by shard. While one shard is written the next ones are computed; three are in
 * memory at most.
 */
export async function recordShards(
  options: Recording,
  begun: Manifest,
  advance: (done: number, figures?: Record<string, number>) => void,
): Promise<Manifest> {
  const { graph, layouts, windows, threads, shardWindows } = options;
  if (begun.windows >= windows.length) return begun;
  const started = windows.slice(0, begun.windows).reduce((sum, w) => sum + w.tokens.length, 0);
  const clock = performance.now();
  const seconds = () => (performance.now() - clock) / 1000;
  let done = started;
  const report = (tokens: number) => {
    done += tokens;
    advance(done, { tokensPerSecond: (done - started) / seconds() });
  };
  if (started > 0) advance(started);
  const batches = Math.ceil((windows.length - begun.windows) / options.batch);
  const pool = await openBatchPool(graph, layouts, Math.min(threads, batches));
  let manifest = begun;
  let writing = Promise.resolve();
  let before = Promise.resolve();
  try {
    for (let from = begun.windows; from < windows.length; from += shardWindows) {
      const to = Math.min(windows.length, from + shardWindows);
      const filled = await fillShard(options, pool, from, to, report);
      const last = writing;
      await before;
      before = last;
      writing = last.then(async () => {
        await filled.done;
        manifest = await keepShard(options, filled.shard, {
          ...manifest,
          windows: to,
          seconds: begun.seconds + seconds(),
        });
      });
      // Its failure is met at a later await; until then it must not count as unhandled.
      writing.catch(() => {});
    }
    await writing;
    return { ...manifest, seconds: begun.seconds + seconds() };
  } finally {
    await writing.catch(() => {});
    await pool.close();
  }
}

/**
 * Sends the windows `from` … `to` to the pool and returns the shard with the promise of its rows, once the last
 * batch has started.
 */
async function fillShard(
  { windows, layouts, batch, signal }: Recording,
  pool: BatchPool,
  from: number,
  to: number,
  report: (tokens: number) => void,
): Promise<{ shard: UnmeasuredRows[]; done: Promise<unknown> }> {
  const rows = windows.slice(from, to).reduce((sum, w) => sum + w.tokens.length - 1, 0);
  const windows_R = emptyArray('int32', rows);
  const positions_R = emptyArray('int32', rows);
  // Shared, so that workers write their rows in place.
  const rows_RD = layouts.map(({ width }) => new Float32Array(new SharedArrayBuffer(4 * rows * width)));
  const running: Promise<void>[] = [];
  let row = 0;
  for (let at = from; at < to; at += batch) {
    await pool.free();
    // Lets signals and timers have their turn where runs block this thread.
    await breathe();
    throwIfAborted(signal);
    const part = windows.slice(at, Math.min(to, at + batch));
    const run = pool.run(batchOf(part, row, rows_RD)).then(() => {
      report(part.reduce((sum, w) => sum + w.tokens.length, 0));
    });
    run.catch(() => {});
    running.push(run);
    part.forEach((w, b) => {
      for (let t = 1; t < w.tokens.length; t++, row++) {
        windows_R[row] = at + b;
        positions_R[row] = t;
      }
    });
  }
  const shard = rows_RD.map((site_RD) => ({ rows_RD: site_RD, windows_R, positions_R }));
  return { shard, done: Promise.all(running) };
}

/** Writes a filled shard at every site, then the manifest that counts it; returns that manifest. */
async function keepShard(
  { layouts, folder, storage: wanted }: Recording,
  shard: readonly UnmeasuredRows[],
  manifest: Manifest,
): Promise<Manifest> {
  const storage = { ...manifest.storage };
  const whole = layouts.map(({ site, width }, s) => {
    const norms_R = rowNorms(shard[s]!.rows_RD, width);
    requireFinite(site, norms_R, shard[s]!);
    storage[site] ??= wanted ?? fittingStorage(norms_R, width);
    return { ...shard[s]!, norms_R };
  });
  for (const [s, { site, width }] of layouts.entries()) {
    const path = join(siteFolder(folder, site), shardName(manifest.shards));
    await writeShard(path, whole[s]!, width, storage[site]!);
  }
  const counted = { ...manifest, storage, shards: manifest.shards + 1 };
  await saveManifest(folder, counted);
  return counted;
}

function requireFinite(site: string, norms_R: Float32Array, { windows_R, positions_R }: UnmeasuredRows) {
  const bad = norms_R.findIndex((norm) => !Number.isFinite(norm));
  if (bad < 0) return;
  const where = `${site}, window ${windows_R[bad]}, position ${positions_R[bad]}`;
  throw new DataError(
    'activations.not-finite',
    `the activation at ${where} is ${norms_R[bad]}, not a number to work with`,
    {
      where,
      hint: 'the weights of the model hold NaN or infinities, or are too large for float32: check the model file',
    },
  );
}
