/** @file A worker for worker.test.ts: doubles what it is given, with onnxruntime. */
import { parentPort, workerData } from 'node:worker_threads';
import { f32 } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { openSession } from '../../src/runtime/session.ts';

const { values } = workerData as { values: number[] };
const b = graphBuilder();
b.op('Add', [b.input('x', 'float32', ['n']), 'x'], {}, 'y');
const session = await openSession(b.finish(['y']), { threads: 1 });
const { y } = await session.run({ x: f32([values.length], values) });
parentPort!.postMessage(Array.from(y!.data as Float32Array));
