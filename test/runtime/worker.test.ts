/** @file Worker threads run TypeScript and JavaScript alike, and their failures arrive. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { spawnWorker } from '../../src/runtime/worker.ts';

const answer = (worker: Worker) =>
  new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });

const folder = mkdtempSync(join(tmpdir(), 'untangle-worker-'));
function source(name: string, text: string): URL {
  const path = join(folder, name);
  writeFileSync(path, text);
  return pathToFileURL(path);
}

test('a TypeScript worker opens a session and answers', async () => {
  const worker = spawnWorker(new URL('./double-worker.ts', import.meta.url), { values: [1, 2.5] });
  expect(await answer(worker)).toEqual([2, 5]);
  await worker.terminate();
});

test('a JavaScript worker gets its data', async () => {
  const code = `import { parentPort, workerData } from 'node:worker_threads'; parentPort.postMessage(workerData.n + 1);`;
  expect(await answer(spawnWorker(source('plain.mjs', code), { n: 41 }))).toBe(42);
});

test('an error while a worker loads or works reaches the caller', async () => {
  await expect(
    answer(spawnWorker(source('bad.mts', `throw new Error('no luck' as string);`), {})),
  ).rejects.toThrow('no luck');
  await expect(answer(spawnWorker(pathToFileURL(join(folder, 'missing.mts')), {}))).rejects.toThrow();
});
