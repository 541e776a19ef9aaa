/** @file A trainer: the shared state of a TopK dictionary in training, and the threads that advance it. */
import type { Worker } from 'node:worker_threads';
import { DictionaryError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { spawnWorker } from '../runtime/worker.ts';
import { crew } from './barrier.ts';
import { blockRows } from './blocks.ts';
import { kernelMemory } from './kernels.ts';
import { CLOCK, CLOCKS, CONTROL, type TrainShape, trainLayout } from './layout.ts';
import type { StepConfig } from './step.ts';
import type { WorkerData, WorkerMessage, WorkerOrder } from './worker.ts';

export interface StepReport {
  /** Steps finished. */
  readonly step: number;
  /** Mean ‖x̂ − x‖² of the step's batch, in the trainer's units (activations centred, divided by their RMS). */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly dead: number;
}

/** Weights of a trainer, in the trainer's units; live views of shared memory. */
export interface TrainerWeights {
  readonly W_enc_FD: Float32Array;
  readonly b_enc_F: Float32Array;
  readonly W_dec_FD: Float32Array;
  readonly b_dec_D: Float32Array;
  /** Floats from one row of W to the next (the padded width). */
  readonly stride: number;
}

export interface Trainer {
  readonly weights: TrainerWeights;
  readonly steps: number;
  /** Runs until `goal` steps are finished; resolves with that number (less after `stop`). */
  run(goal: number, onStep?: (report: StepReport) => void): Promise<number>;
  /** Makes a run rest after the current step. */
  stop(): void;
  /** Everything that a later trainer of equal shape needs to go on to the bit. */
  readonly state: Uint8Array;
  restore(state: Uint8Array): void;
  /** Milliseconds by phase, summed over threads, since the start. */
  clocks(): Record<keyof typeof CLOCK, number>;
  close(): Promise<void>;
}

export interface TrainerOptions {
  readonly shape: TrainShape;
  readonly config: StepConfig;
  /** [rows, width], on shared memory. */
  readonly source: Float32Array;
  /** Row of each batch slot, [steps · batch], on shared memory. */
  readonly order: Uint32Array;
  /** What rows are centred on, [width]. */
  readonly centre: Float32Array;
  readonly random: Random;
  /** Time phases on the processor instead of the wall: for benchmarks on a machine that others use. */
  readonly processorTime?: boolean;
}

/** Opens a trainer: random unit decoder rows, the encoder their copy, biases 0. */
export async function openTrainer(options: TrainerOptions): Promise<Trainer> {
  const { shape, config, source, order, centre, random, processorTime = false } = options;
  const layout = trainLayout(shape, blockRows(config.screened));
  const memory = kernelMemory(layout.bytes, true);
  const floats = (offset: number, n: number) => new Float32Array(memory.buffer, offset, n);
  const control = new Int32Array(memory.buffer, layout.control, 16);
  const { features: F, width } = shape;
  const D = layout.D;
  const weights: TrainerWeights = {
    W_enc_FD: floats(layout.W_enc, F * D),
    b_enc_F: floats(layout.b_enc, F),
    W_dec_FD: floats(layout.W_dec, F * D),
    b_dec_D: floats(layout.b_dec, width),
    stride: D,
  };
  floats(layout.centre, width).set(centre);
  initialise(weights, F, width, random);

  const workers: Worker[] = [];
  let onStep: ((report: StepReport) => void) | undefined;
  let failed: Error | undefined;
  let waiting:
    | { kind: 'ready' | 'rest'; left: number; done: () => void; fail: (error: Error) => void }
    | undefined;
  const wait = (kind: 'ready' | 'rest') =>
    new Promise<void>((done, fail) => {
      if (failed) fail(failed);
      else waiting = { kind, left: shape.threads, done, fail };
    });
  const fail = (error: Error) => {
    failed ??= error;
    waiting?.fail(failed);
    waiting = undefined;
  };
  const receive = (message: WorkerMessage) => {
    if (message.type === 'error') {
      const { code, message: text, ...details } = message.error;
      if (code !== 'runtime.worker-lost') fail(new DictionaryError(code, text, details));
    } else if (message.type === 'step') {
      onStep?.(message);
    } else if (waiting?.kind === message.type && --waiting.left === 0) {
      const { done } = waiting;
      waiting = undefined;
      done();
    }
  };
  const ready = wait('ready');
  for (let id = 0; id < shape.threads; id++) {
    const data: WorkerData = { id, shape, memory, config, source, order, processorTime };
    const worker = spawnWorker(new URL('./worker.ts', import.meta.url), data);
    worker.on('message', receive);
    worker.on('error', fail);
    worker.on('exit', () =>
      fail(new DictionaryError('dictionary.worker-lost', 'a training thread ended early')),
    );
    workers.push(worker);
  }
  const close = async () => {
    // Those at work leave at their next meeting, so that none is ended inside onnxruntime.
    crew(control, shape.threads).fail();
    for (const worker of workers) worker.removeAllListeners('exit');
    await Promise.all(workers.map(leave));
  };
  await ready.catch(async (error: unknown) => {
    await close();
    throw error;
  });

  return {
    weights,
    get steps() {
      return Atomics.load(control, CONTROL.step);
    },
    async run(goal, report) {
      onStep = report;
      Atomics.store(control, CONTROL.goal, Math.min(goal, config.steps));
      const rested = wait('rest');
      for (const worker of workers) worker.postMessage('work' satisfies WorkerOrder);
      await rested;
      return Atomics.load(control, CONTROL.step);
    },
    stop: () => void Atomics.store(control, CONTROL.goal, 0),
    state: new Uint8Array(memory.buffer, 0, layout.stateBytes),
    restore(state) {
      if (state.length !== layout.stateBytes) {
        throw new DictionaryError('dictionary.checkpoint', 'the checkpoint is of another shape', {
          hint: 'delete the checkpoint to train from the start',
        });
      }
      new Uint8Array(memory.buffer, 0, layout.stateBytes).set(state);
      control[CONTROL.arrived] = 0;
      control[CONTROL.failed] = 0;
    },
    clocks() {
      const all = new Float64Array(memory.buffer, layout.clocks, CLOCKS * shape.threads);
      const sums = Object.entries(CLOCK).map(([name, slot]) => {
        let sum = 0;
        for (let id = 0; id < shape.threads; id++) sum += all[id * CLOCKS + slot]!;
        return [name, sum] as const;
      });
      return Object.fromEntries(sums) as Record<keyof typeof CLOCK, number>;
    },
    close,
  };
}

/** Lets a worker end by itself; after ten seconds it is made to. */
function leave(worker: Worker): Promise<unknown> {
  // A thread that is gone has no id any more.
  if (worker.threadId === -1) return Promise.resolve();
  return new Promise((done) => {
    const late = setTimeout(() => done(worker.terminate()), 10_000);
    worker.once('exit', () => {
      clearTimeout(late);
      done(undefined);
    });
    worker.postMessage('exit' satisfies WorkerOrder);
  });
}

/** Random directions for the decoder, the encoder its copy. */
function initialise(weights: TrainerWeights, F: number, width: number, random: Random): void {
  const { W_enc_FD, W_dec_FD, stride } = weights;
  for (let f = 0; f < F; f++) {
    let square = 0;
    for (let d = 0; d < width; d++) {
      const value = random.normal();
      W_dec_FD[f * stride + d] = value;
      square += value * value;
    }
    const scale = 1 / Math.sqrt(square);
    for (let d = 0; d < width; d++) W_dec_FD[f * stride + d]! *= scale;
  }
  W_enc_FD.set(W_dec_FD);
}
