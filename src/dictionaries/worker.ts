/** @file A training thread: opens its encoder, then runs steps until the goal that the trainer set. */
import { parentPort, workerData } from 'node:worker_threads';
import { reportError } from '../core/errors.ts';
import { crew } from './barrier.ts';
import { openBlockEncoder } from './blocks.ts';
import { threadClock, wallClock } from './clock.ts';
import { openFrequentProducts } from './frequent.ts';
import { planRows, screens } from './fused.ts';
import { loadKernels } from './kernels.ts';
import { CONTROL, NUMBERS, type TrainShape, trainLayout } from './layout.ts';
import type { TrainingPlan } from './plan.ts';
import { trainingStep } from './step.ts';

export interface WorkerData {
  readonly id: number;
  readonly shape: TrainShape;
  readonly memory: WebAssembly.Memory;
  readonly plan: TrainingPlan;
  /** Rows are multiplied by it after centring. */
  readonly scale: number;
  readonly source: Float32Array;
  readonly order: Uint32Array;
  /** Phases are timed on the processor instead of the wall. */
  readonly processorTime: boolean;
}

/** What the trainer asks for. */
export type WorkerOrder = 'work' | 'exit';

/** What worker 0 tells about each finished step, and every worker about its end. */
export type WorkerMessage =
  | { type: 'ready' }
  | { type: 'step'; step: number; loss: number; l0: number; gradientNorm: number; dead: number }
  | { type: 'rest'; step: number }
  | { type: 'error'; error: ReturnType<typeof reportError> };

const port = parentPort!;
const post = (message: WorkerMessage) => port.postMessage(message);
const { id, shape, memory, plan, scale, source, order, processorTime } = workerData as WorkerData;
const screened = screens(plan);
const rows = planRows(plan);
const layout = trainLayout(shape, rows);
const control = new Int32Array(memory.buffer, layout.control, 32);
const numbers = new Float64Array(memory.buffer, layout.numbers, 32);
const team = crew(control, shape.threads);

try {
  const { features, k } = shape;
  const encoder = await openBlockEncoder({
    width: layout.D,
    features,
    select: shape.selection === 'rows' ? { k } : 'above',
    maxListed: layout.dead,
    screened,
    rows,
    provider: plan.provider,
  });
  const products = shape.frequent && (await openFrequentProducts(layout.D, id, shape.threads));
  encoder.scaleColumns(new Float32Array(memory.buffer, layout.columns, layout.D));
  const kernels = loadKernels('sparse', memory);
  const step = trainingStep({
    id,
    shape,
    layout,
    memory,
    kernels,
    encoder,
    products,
    crew: team,
    clock: processorTime ? threadClock() : wallClock,
    plan,
    scale,
    source,
    order,
  });
  // One order after another: an exit must not release the session under a run, which would end the process.
  let idle = Promise.resolve();
  port.on('message', (order: WorkerOrder) => {
    idle = idle.then(() => (order === 'work' ? work() : leave()));
  });
  post({ type: 'ready' });

  async function leave(): Promise<void> {
    await encoder.release();
    await products?.release();
    port.close();
  }

  /** Steps until the goal, which the trainer may lower meanwhile (a stop) or raise afterwards. */
  async function work(): Promise<void> {
    try {
      for (;;) {
        // All workers must read the goal between the same two steps, or one would wait for ever.
        team.meet(() => {
          const done = Atomics.load(control, CONTROL.step) >= Atomics.load(control, CONTROL.goal);
          Atomics.store(control, CONTROL.stop, done ? 1 : 0);
        });
        if (Atomics.load(control, CONTROL.stop) === 1) break;
        await step();
        if (id === 0) {
          post({
            type: 'step',
            step: control[CONTROL.step]!,
            loss: numbers[NUMBERS.loss]!,
            l0: numbers[NUMBERS.l0]!,
            gradientNorm: numbers[NUMBERS.gradientNorm]!,
            dead: control[CONTROL.deadTotal]!,
          });
        }
      }
      post({ type: 'rest', step: control[CONTROL.step]! });
    } catch (error) {
      fail(error);
    }
  }
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  team.fail();
  post({ type: 'error', error: reportError(error) });
}
