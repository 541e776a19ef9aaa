/** @file A harvest thread: opens its session and runs the batches it is sent, until it is terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { reportError } from '../core/errors.ts';
import { type Batch, openBatchSession } from './batch.ts';
import type { PoolMessage, PoolWorkerData } from './pool.ts';

const port = parentPort!;
const post = (message: PoolMessage) => port.postMessage(message);
const { graph, layouts } = workerData as PoolWorkerData;
// Opened by the first batch, so that a failure to open is told as that batch's failure.
let session: ReturnType<typeof openBatchSession> | undefined;

port.on('message', async (batch: Batch) => {
  try {
    session ??= openBatchSession(graph, layouts, { threads: 1 });
    await (await session).run(batch);
    post({ type: 'done' });
  } catch (error) {
    post({ type: 'error', error: reportError(error) });
  }
});
