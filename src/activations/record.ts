/** @file Recording: batches of windows through the network, rows into shards, each shard on disk before it counts. */
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { DataError, throwIfAborted } from '../core/errors.ts';
import { type Tensor, tensor, zeros } from '../core/tensor.ts';
import type { Window } from '../data/windows.ts';
import type { Graph } from '../graph/types.ts';
import { openSession, type Session } from '../runtime/session.ts';
import { type Manifest, saveManifest } from './manifest.ts';
import { fittingStorage, type ShardRows, type Storage, shardName, siteFolder, writeShard } from './shards.ts';
import { rowNorms } from './sinks.ts';

/** A site, the sizes after [batch, position] of its value, and their product. */
export interface SiteLayout {
  readonly site: string;
  readonly dims: readonly number[];
  readonly width: number;
}

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

/** Runs what is missing, shard by shard; the writing of one overlaps with the computing of the next. */
export async function recordShards(
  options: Recording,
  begun: Manifest,
  advance: (done: number, figures?: Record<string, number>) => void,
): Promise<Manifest> {
  const { graph, layouts, windows, folder, threads, shardWindows, signal } = options;
  if (begun.windows >= windows.length) return begun;
  const tokensBefore = (count: number) =>
    windows.slice(0, count).reduce((sum, w) => sum + w.tokens.length, 0);
  const started = tokensBefore(begun.windows);
  const clock = performance.now();
  const seconds = () => (performance.now() - clock) / 1000;
  const report = (done: number) => advance(done, { tokensPerSecond: (done - started) / seconds() });
  if (started > 0) advance(started);
  const session = await openSession(graph, { threads });
  let manifest = begun;
  let writing: Promise<void> = Promise.resolve();
  try {
    for (let from = begun.windows; from < windows.length; from += shardWindows) {
      const to = Math.min(windows.length, from + shardWindows);
      const filled = await fillShard(options, session, from, to, (at) => report(tokensBefore(at)));
      await writing;
      throwIfAborted(signal);
      const storage = Object.fromEntries(
        layouts.map(({ site, width }) => {
          const { norms_R } = filled.get(site)!;
          return [site, manifest.storage[site] ?? options.storage ?? fittingStorage(norms_R, width)];
        }),
      );
      const finished = manifest.shards;
      manifest = {
        ...manifest,
        storage,
        shards: finished + 1,
        windows: to,
        seconds: begun.seconds + seconds(),
      };
      const state = manifest;
      writing = (async () => {
        for (const { site, width } of layouts) {
          const path = join(siteFolder(folder, site), shardName(finished));
          await writeShard(path, filled.get(site)!, width, storage[site]!);
        }
        await saveManifest(folder, state);
      })();
      // Its failure is met at the next await; meanwhile it must not count as unhandled.
      writing.catch(() => {});
    }
    await writing;
    return { ...manifest, seconds: begun.seconds + seconds() };
  } finally {
    await writing.catch(() => {});
    await session.release();
  }
}

/** The rows of windows `from` … `to` at every site. */
async function fillShard(
  { windows, layouts, batch, signal }: Recording,
  session: Session,
  from: number,
  to: number,
  report: (windowsDone: number) => void,
): Promise<Map<string, ShardRows>> {
  const rows = windows.slice(from, to).reduce((sum, w) => sum + w.tokens.length - 1, 0);
  const windows_R = new Int32Array(rows);
  const positions_R = new Int32Array(rows);
  const shard = new Map(layouts.map(({ site, width }) => [site, new Float32Array(rows * width)]));
  let into: Record<string, Tensor> = {};
  let row = 0;
  for (let at = from; at < to; at += batch) {
    throwIfAborted(signal);
    const part = windows.slice(at, Math.min(to, at + batch));
    const length = Math.max(...part.map((w) => w.tokens.length));
    const tokens = new BigInt64Array(part.length * length);
    part.forEach((w, b) => {
      // Padding on the right changes nothing to its left: attention is causal.
      w.tokens.forEach((token, t) => {
        tokens[b * length + t] = BigInt(token);
      });
    });
    const shape = [part.length, length];
    const fits = Object.values(into)[0]?.shape.slice(0, 2).join() === shape.join();
    if (!fits) into = buffers(layouts, shape);
    await session.run({ tokens: tensor('int64', shape, tokens) }, into);
    const before = row;
    part.forEach((w, b) => {
      for (let t = 1; t < w.tokens.length; t++, row++) {
        windows_R[row] = at + b;
        positions_R[row] = t;
      }
    });
    for (const { site, width } of layouts) {
      const source = into[site]!.data as Float32Array;
      let target = before * width;
      part.forEach((w, b) => {
        const start = (b * length + 1) * width;
        const end = (b * length + w.tokens.length) * width;
        shard.get(site)!.set(source.subarray(start, end), target);
        target += end - start;
      });
    }
    report(at + part.length);
    // Lets signals, timers and writes have their turn: a run blocks the thread.
    await breathe();
  }
  return new Map(
    layouts.map(({ site, width }) => {
      const rows_RD = shard.get(site)!;
      const norms_R = rowNorms(rows_RD, width);
      requireFinite(site, norms_R, windows_R, positions_R);
      return [site, { rows_RD, norms_R, windows_R, positions_R }];
    }),
  );
}

/** Output tensors that every run of this shape writes into. */
const buffers = (layouts: readonly SiteLayout[], shape: readonly number[]): Record<string, Tensor> =>
  Object.fromEntries(layouts.map(({ site, dims }) => [site, zeros('float32', [...shape, ...dims])]));

function requireFinite(
  site: string,
  norms_R: Float32Array,
  windows_R: Int32Array,
  positions_R: Int32Array,
): void {
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
