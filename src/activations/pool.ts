/**
 * @file Batches on several threads: a worker per thread, each with a session of one thread. Two one-thread products
 * are faster than one product on two threads, and the thread that writes shards and hears signals stays free.
 */
import type { Worker } from 'node:worker_threads';
import { type ErrorReport, RuntimeError } from '../core/errors.ts';
import type { Graph } from '../graph/types.ts';
import { spawnWorker } from '../runtime/worker.ts';
import { type Batch, type BatchSession, openBatchSession, type SiteLayout } from './batch.ts';

/** What a worker is started with. */
export interface PoolWorkerData {
  readonly graph: Graph;
  readonly layouts: readonly SiteLayout[];
}

export type PoolMessage = { readonly type: 'done' } | { readonly type: 'error'; readonly error: ErrorReport };

export interface BatchPool {
  /** Ends when a thread is free for the next batch. @throws what a batch before has failed with */
  free(): Promise<void>;
  /** Runs a batch. The promise of one that fails rejects, and so does every later call. */
  run(batch: Batch): Promise<void>;
  close(): Promise<void>;
}

/** A pool of `threads` workers; with one thread, a session in the calling thread. */
export async function openBatchPool(
  graph: Graph,
  layouts: readonly SiteLayout[],
  threads: number,
): Promise<BatchPool> {
  if (threads <= 1) return pool([await openBatchSession(graph, layouts, { threads: 1 })]);
  const data: PoolWorkerData = { graph, layouts };
  return pool(Array.from({ length: threads }, () => workerSession(data)));
}

function pool(sessions: readonly BatchSession[]): BatchPool {
  const idle = [...sessions];
  const waiting: (() => void)[] = [];
  let failure: { error: unknown } | undefined;
  const check = () => {
    if (failure) throw failure.error;
  };
  return {
    async free() {
      check();
      if (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      check();
    },
    async run(batch) {
      const session = idle.pop()!;
      try {
        await session.run(batch);
      } catch (error) {
        failure ??= { error };
        throw error;
      } finally {
        idle.push(session);
        waiting.shift()?.();
      }
    },
    close: async () => void (await Promise.all(sessions.map((s) => s.release()))),
  };
}

/** A session in a worker thread. One batch at a time; the worker's end by itself fails the batch. */
function workerSession(data: PoolWorkerData): BatchSession {
  const worker: Worker = spawnWorker(new URL(import.meta.url.replace(/pool(\.\w+)$/, 'pool-worker$1')), data);
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  let ended: unknown;
  const fail = (error: unknown) => {
    ended ??= error;
    settle?.reject(error);
  };
  worker.on('message', (message: PoolMessage) => {
    if (message.type === 'done') settle?.resolve();
    else {
      const { code, message: text, where, hint } = message.error;
      settle?.reject(new RuntimeError(code, text, { where, hint }));
    }
  });
  worker.on('error', fail);
  worker.on('exit', (code) =>
    fail(
      new RuntimeError('activations.worker', `a harvest thread ended by itself (exit code ${code})`, {
        hint: 'it may have run out of memory: choose fewer threads with --threads, or a smaller batch',
      }),
    ),
  );
  return {
    run: (batch) =>
      new Promise<void>((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        settle = { resolve, reject };
        worker.postMessage(batch);
      }),
    async release() {
      await worker.terminate();
    },
  };
}
