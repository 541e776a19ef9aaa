/** @file A thread that computes blocks of the encoder product from a shared queue, and nothing else. */
import { parentPort, workerData } from 'node:worker_threads';
import { random } from '../../src/core/random.ts';
import { tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

/**
 * Where the product's operands lie: 'features' Y[F, R] = W·xᵀ (what training uses), 'rows' Y[R, F] = x·Wᵀ,
 * 'matmul' Y[R, F] = x·W with W stored [D, F].
 */
export type Layout = 'features' | 'rows' | 'matmul';

export interface ProductJob {
  readonly layout: Layout;
  readonly width: number;
  readonly features: number;
  readonly rows: number;
  /** Threads inside the session. */
  readonly threads: number;
  /** [0] next block, [1] blocks wanted. */
  readonly queue: Int32Array;
}

const { layout, width: D, features: F, rows: R, threads, queue } = workerData as ProductJob;

function graph(): Graph {
  const b = graphBuilder();
  const W = b.input('W', 'float32', layout === 'matmul' ? [D, F] : [F, D]);
  const x = b.input('x', 'float32', [R, D]);
  if (layout === 'features') b.op('Gemm', [W, x], { transB: { int: 1 } }, 'Y');
  else if (layout === 'rows') b.op('Gemm', [x, W], { transB: { int: 1 } }, 'Y');
  else b.op('MatMul', [x, W], {}, 'Y');
  return b.finish(['Y']);
}

const r = random(1);
const numbers = (n: number) => Float32Array.from({ length: n }, () => r.uniform() - 0.5);
const session = await openSession(graph(), { threads });
const feeds = {
  W: tensor('float32', layout === 'matmul' ? [D, F] : [F, D], numbers(F * D)),
  x: tensor('float32', [R, D], numbers(R * D)),
};
const into = { Y: tensor('float32', layout === 'features' ? [F, R] : [R, F], new Float32Array(R * F)) };
await session.run(feeds, into);

parentPort!.on('message', () => void work());
parentPort!.postMessage('ready');

async function work(): Promise<void> {
  while (Atomics.add(queue, 0, 1) < Atomics.load(queue, 1)) await session.run(feeds, into);
  parentPort!.postMessage('done');
}
