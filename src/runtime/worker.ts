/** @file Worker threads from TypeScript sources (a checkout) or JavaScript (the published package). */
import { type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * A worker thread that runs `url` with `workerData`. TypeScript sources are loaded through tsx, which has to be
 * registered inside the worker: Node 20 does not carry `--import` hooks into worker threads. `limits` of its heap.
 */
export function spawnWorker(url: URL, workerData: unknown, limits: ResourceLimits = {}): Worker {
  if (!/\.m?ts$/.test(url.pathname)) return new Worker(url, { workerData, resourceLimits: limits });
  const api = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const code = `import(${api}).then((tsx) => { tsx.register(); return import(${JSON.stringify(url.href)}); })`;
  return new Worker(code, { eval: true, workerData, execArgv: [], resourceLimits: limits });
}
