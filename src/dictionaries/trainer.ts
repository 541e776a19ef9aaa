/** @file The fused engine: the shared state of a dictionary in training, and the threads that advance it. */
import type { Worker } from 'node:worker_threads';
import { DictionaryError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { spawnWorker } from '../runtime/worker.ts';
import { crew } from './barrier.ts';
import { foldTrained } from './fold-trained.ts';
import type { FrequentRule } from './frequent.ts';
import { planRows, screens, trainShape } from './fused.ts';
import { kernelMemory } from './kernels.ts';
import { CLOCK, CLOCKS, CONTROL, NUMBERS, trainLayout } from './layout.ts';
import type { Parameters } from './losses/objective.ts';
import type { TrainingPlan } from './plan.ts';
import type { ActivationRows } from './rows.ts';
import { scalingsOf } from './scaling.ts';
import { startParameters } from './starts.ts';
import { columnScales, parametersIn, prepareMemory } from './trainer-memory.ts';
import type { Dictionary } from './types.ts';
import type { WorkerData, WorkerMessage, WorkerOrder } from './worker.ts';

export interface StepReport {
  /** Steps finished. */
  readonly step: number;
  /** Mean ‖x̂ − x‖² of the step's batch, in the trainer's units (activations centred, divided by their RMS). */
  readonly loss: number;
  /** Mean number of active features a row. */
  readonly l0: number;
  readonly gradientNorm: number;
  readonly dead: number;
}

export interface Trainer {
  readonly steps: number;
  /** Runs until `goal` steps are finished; resolves with that number (less after `stop`). */
  run(goal: number, onStep?: (report: StepReport) => void): Promise<number>;
  /** Makes a run rest after the current step. */
  stop(): void;
  /** Everything that a later trainer of equal shape needs to go on to the bit. */
  readonly state: Uint8Array;
  restore(state: Uint8Array): void;
  /** The dictionary as it is now, folded: for raw activations. */
  dictionary(): Dictionary;
  /** Milliseconds by phase, summed over threads, since the start. */
  clocks(): Record<keyof typeof CLOCK, number>;
  close(): Promise<void>;
}

export interface TrainerOptions {
  /** One that `fusedReason` has nothing against. */
  readonly plan: TrainingPlan;
  /** On shared memory; several trainers may read the same. */
  readonly source: ActivationRows;
  /** Row of each batch slot, [steps · batch], on shared memory. */
  readonly order: Uint32Array;
  readonly threads: number;
  /** Another rule for products of frequent features, or none: for tests and measurements. */
  readonly frequent?: FrequentRule | 'none';
  /** Time phases on the processor instead of the wall: for benchmarks on a machine that others use. */
  readonly processorTime?: boolean;
}

/** The fused engine's trainer, whose parameters can be looked at. */
export interface FusedTrainer extends Trainer {
  /** Copies, in normalised units. */
  parameters(): Parameters;
}

/** A training thread allocates next to nothing in its loop: without this its young generation grows to tens of MB while it starts. */
const HEAP = { maxYoungGenerationSizeMb: 1 };

/** Opens the fused engine on a plan. The same plan and rows give the same weights to the bit for any number of threads. */
export async function openTrainer(options: TrainerOptions): Promise<FusedTrainer> {
  const { plan, source, order, threads, processorTime = false } = options;
  const shape = trainShape(plan, threads, options.frequent);
  const layout = trainLayout(shape, planRows(plan));
  const memory = kernelMemory(layout.bytes, true);
  const control = new Int32Array(memory.buffer, layout.control, 32);
  const scalings = scalingsOf(plan, source);
  const start = startParameters(plan, source, scalings, random(plan.seed).fork('weights'));
  const parameters = parametersIn(memory, layout, shape);
  for (const [name, { data }] of Object.entries(start)) parameters.write(name, data);
  prepareMemory(memory, layout, plan, shape, scalings.input.centre);
  if (screens(plan))
    columnScales(source, scalings.input, new Float32Array(memory.buffer, layout.columns, plan.width));
  const scale = scalings.input.scale[0]!;

  const workers: Worker[] = [];
  let onStep: ((report: StepReport) => void) | undefined;
  let failed: Error | undefined;
  let waiting:
    | { kind: 'ready' | 'rest'; left: number; done: () => void; fail: (error: Error) => void }
    | undefined;
  const wait = (kind: 'ready' | 'rest') =>
    new Promise<void>((done, fail) => {
      if (failed) fail(failed);
      else waiting = { kind, left: threads, done, fail };
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
  for (let id = 0; id < threads; id++) {
    const data: WorkerData = {
      ...{ id, shape, memory, plan, scale, source: source.x_ND, order, processorTime },
    };
    const worker = spawnWorker(new URL('./worker.ts', import.meta.url), data, HEAP);
    worker.on('message', receive);
    worker.on('error', fail);
    worker.on('exit', () =>
      fail(new DictionaryError('dictionary.worker-lost', 'a training thread ended early')),
    );
    workers.push(worker);
  }
  const close = async () => {
    // Those at work leave at their next meeting, so that none is ended inside onnxruntime.
    crew(control, threads).fail();
    for (const worker of workers) worker.removeAllListeners('exit');
    await Promise.all(workers.map(leave));
  };
  await ready.catch(async (error: unknown) => {
    await close();
    throw error;
  });

  return {
    get steps() {
      return Atomics.load(control, CONTROL.step);
    },
    async run(goal, report) {
      onStep = report;
      Atomics.store(control, CONTROL.goal, Math.min(goal, plan.steps));
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
    parameters: parameters.read,
    dictionary() {
      const threshold = new Float64Array(memory.buffer, layout.numbers, 32)[NUMBERS.threshold]!;
      return foldTrained(plan, parameters.read(), { scalings, ...(threshold >= 0 && { threshold }) });
    },
    clocks() {
      const all = new Float64Array(memory.buffer, layout.clocks, CLOCKS * threads);
      const sums = Object.entries(CLOCK).map(([name, slot]) => {
        let sum = 0;
        for (let id = 0; id < threads; id++) sum += all[id * CLOCKS + slot]!;
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
