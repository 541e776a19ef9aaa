/** @file The encoder product alone, at the best block size, operand layout and thread layout that can be found. */
import type { Worker } from 'node:worker_threads';
import { spawnWorker } from '../../src/runtime/worker.ts';
import type { Layout, ProductJob } from './product-worker.ts';
import type { Settings } from './settings.ts';

interface Candidate {
  readonly layout: Layout;
  readonly rows: number;
  /** Workers with one thread each, or one worker whose session has all threads. */
  readonly workers: number;
}

export interface Product {
  readonly name: string;
  /** Seconds for `batches` batches. */
  run(batches: number): Promise<number>;
  close(): Promise<void>;
}

const candidates = (threads: number): Candidate[] => [
  ...([32, 64, 96, 128, 256] as const).map((rows) => ({
    layout: 'features' as const,
    rows,
    workers: threads,
  })),
  ...([128, 256, 512] as const).map((rows) => ({ layout: 'rows' as const, rows, workers: threads })),
  ...([256, 1024] as const).map((rows) => ({ layout: 'matmul' as const, rows, workers: threads })),
  ...([64, 256, 1024] as const).map((rows) => ({ layout: 'features' as const, rows, workers: 1 })),
  { layout: 'rows', rows: 4096, workers: 1 },
];

/** Tries every candidate three times, interleaved, and opens the fastest (by its best time); or only the one that is named. */
export async function bestProduct(
  settings: Settings,
  only?: string,
): Promise<Product & { tried: Record<string, number> }> {
  const tried: Record<string, number> = {};
  const all = candidates(settings.threads).filter(
    (candidate) => only === undefined || only === nameOf(candidate, settings.threads),
  );
  const best = new Map<Candidate, number>(all.map((c) => [c, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < 3; round++) {
    for (const candidate of all) {
      const product = await openProduct(settings, candidate);
      best.set(candidate, Math.min(best.get(candidate)!, await product.run(1), await product.run(1)));
      tried[product.name] = Math.round(1e5 * best.get(candidate)!) / 100;
      await product.close();
    }
  }
  const [winner] = [...best].sort(([, a], [, b]) => a - b)[0]!;
  return { ...(await openProduct(settings, winner)), tried };
}

const nameOf = ({ layout, rows, workers }: Candidate, threads: number): string =>
  `${layout}, ${rows} rows, ${workers} × ${workers === 1 ? threads : 1} threads`;

async function openProduct(settings: Settings, { layout, rows, workers }: Candidate): Promise<Product> {
  const { width, features, batch, threads } = settings;
  const queue = new Int32Array(new SharedArrayBuffer(8));
  const job: ProductJob = { layout, width, features, rows, queue, threads: workers === 1 ? threads : 1 };
  const crew: Worker[] = Array.from({ length: workers }, () =>
    spawnWorker(new URL('./product-worker.ts', import.meta.url), job),
  );
  const all = () =>
    Promise.all(
      crew.map(
        (worker) => new Promise<void>((done, fail) => worker.once('message', done).once('error', fail)),
      ),
    );
  await all();
  return {
    name: nameOf({ layout, rows, workers }, threads),
    async run(batches) {
      queue[0] = 0;
      queue[1] = Math.ceil((batches * batch) / rows);
      const finished = all();
      const begun = performance.now();
      for (const worker of crew) worker.postMessage('go');
      await finished;
      return (performance.now() - begun) / 1000;
    },
    async close() {
      await Promise.all(crew.map((worker) => worker.terminate()));
    },
  };
}
