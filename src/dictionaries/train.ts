/** @file Training a TopK dictionary on rows in memory: passes, progress, held-out curve, stop and resume. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DictionaryError, throwIfAborted } from '../core/errors.ts';
import { contentHash } from '../core/hash.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { type FullConfig, fullConfig, type TopKConfig } from './config.ts';
import { decode, encoder } from './encoder.ts';
import { fractionOfVarianceExplained } from './fve.ts';
import { fold, type Normalisation, normalisation } from './normalise.ts';
import { openTrainer, type StepReport, type Trainer } from './trainer.ts';
import type { Dictionary } from './types.ts';

/** Activations to train on. */
export interface ActivationRows {
  /** [N, D]. On a SharedArrayBuffer it is used as it lies; anything else is copied once. */
  readonly x_ND: Float32Array;
  readonly width: number;
  /** Held-out rows [M, D] for the curve; without them the curve is empty. A few thousand are enough. */
  readonly heldOut_MD?: Float32Array;
}

export interface TrainContext extends WorkContext {
  readonly threads: number;
  /** Where checkpoints go; without it a stopped run starts again. */
  readonly folder?: string;
  /** Seconds between checkpoints; 15 by default. */
  readonly checkpointSeconds?: number;
}

export interface TrainLog {
  /** Rows a second of training, checkpoints and curve not counted. */
  readonly tokensPerSecond: number;
  readonly tokensSeen: number;
  readonly steps: number;
  /** Mean ‖z − ẑ‖²/D of the last step's batch: 1 − FVE of the batch, nearly. */
  readonly finalLoss: number;
  /** Dead features after the last step, by the training's own window. */
  readonly dead: number;
  readonly curve: readonly { readonly tokens: number; readonly fve: number }[];
}

export interface TrainOutcome {
  readonly dictionary: Dictionary;
  readonly log: TrainLog;
}

/** Points of the held-out curve. */
const CURVE_POINTS = 10;
/** Rests of the trainer, for stops and checkpoints. */
const RESTS = 60;

/**
 * Trains a TopK dictionary (Gao et al. 2024): rows centred on their mean and divided by their RMS, random unit
 * decoder rows, encoder = decoderᵀ, Adam with clipped gradients, decoder rows kept at norm 1, auxiliary loss for dead
 * features. The same data, config and seed give the same weights to the bit, for any number of threads, also when the
 * run was stopped and resumed.
 * @throws DictionaryError `dictionary.config`, `dictionary.no-rows`, `dictionary.not-finite`, `dictionary.constant`,
 * `dictionary.diverged`; InterruptedError after a stop (a checkpoint is in the folder then).
 */
export async function trainTopK(
  source: ActivationRows,
  config: TopKConfig,
  context: TrainContext,
): Promise<TrainOutcome> {
  const { width } = source;
  const rows = Math.floor(source.x_ND.length / Math.max(1, width));
  const full = fullConfig(config, rows, width);
  throwIfAborted(context.signal);
  const normal = normalisation(source.x_ND, width, full.site);
  const trainer = await openTrainer({
    shape: { width, features: full.features, k: full.k, batch: full.batch, threads: context.threads },
    config: {
      schedule: { rate: full.learningRate, warmUp: Math.min(full.warmUp, full.steps), decay: full.decay },
      ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      clip: full.clip,
      auxiliary: full.auxiliary,
      deadAfter: full.deadAfter,
      steps: full.steps,
      scale: normal.scale,
      screened: full.encoder === 'screened',
    },
    source: shared(source.x_ND),
    order: batchOrder(full, rows),
    centre: normal.centre,
    random: random(full.seed).fork('weights'),
  });
  try {
    const run: Run = { source, full, context, normal, trainer };
    const log = await track(
      context.progress,
      {
        task: `train/${full.site}`,
        label: `Learn ${full.features} features at ${full.site}`,
        total: full.steps * full.batch,
        unit: 'tokens',
      },
      (advance) => work(run, advance),
    );
    return { dictionary: foldNow(run), log };
  } finally {
    await trainer.close();
  }
}

interface Run {
  readonly source: ActivationRows;
  readonly full: FullConfig;
  readonly context: TrainContext;
  readonly normal: Normalisation;
  readonly trainer: Trainer;
}

const foldNow = ({ full, normal, source, trainer }: Run): Dictionary => {
  const { site, modelHash, sinkNorm, features, k } = full;
  return fold(trainer.weights, normal, { site, modelHash, sinkNorm, features, k, width: source.width });
};

async function work(
  run: Run,
  advance: (done: number, figures?: Record<string, number>) => void,
): Promise<TrainLog> {
  const { source, full, context, trainer } = run;
  const { batch, steps } = full;
  const file = context.folder === undefined ? undefined : join(context.folder, 'checkpoint.safetensors');
  const key = contentHash({
    ...full,
    rows: source.x_ND.length,
    scale: run.normal.scale,
    centre: [...run.normal.centre],
  });
  const resumed = file === undefined ? undefined : await loadCheckpoint(file, key);
  if (resumed) trainer.restore(resumed.state);
  const curve = [...(resumed?.curve ?? [])];
  let seconds = resumed?.seconds ?? 0;
  let last: StepReport | undefined;
  let told = 0;
  let saved = performance.now();
  const stop = () => trainer.stop();
  context.signal?.addEventListener('abort', stop);
  try {
    const save = async () => {
      if (file !== undefined) await saveCheckpoint(file, key, { state: trainer.state, curve, seconds });
      saved = performance.now();
    };
    while (trainer.steps < steps) {
      if (context.signal?.aborted) {
        await save();
        throwIfAborted(context.signal);
      }
      const begun = performance.now();
      const before = seconds;
      const goal = nextRest(trainer.steps, steps);
      await trainer.run(goal, (report) => {
        last = report;
        const now = performance.now();
        if (!Number.isFinite(report.loss)) return trainer.stop();
        if (now - told < 100 && report.step < steps) return;
        told = now;
        const rate = (report.step * batch) / (before + (now - begun) / 1000);
        advance(report.step * batch, {
          fve: 1 - report.loss / source.width,
          dead: report.dead,
          tokensPerSecond: rate,
        });
      });
      seconds += (performance.now() - begun) / 1000;
      if (last && !Number.isFinite(last.loss)) throw diverged(full, last.step);
      if (isCurvePoint(trainer.steps, steps)) await measure(run, curve);
      const due = performance.now() - saved > 1000 * (context.checkpointSeconds ?? 15);
      if (due && trainer.steps < steps) await save();
    }
  } finally {
    context.signal?.removeEventListener('abort', stop);
  }
  if (file !== undefined) await rm(file, { force: true });
  return {
    tokensPerSecond: (steps * batch) / seconds,
    tokensSeen: steps * batch,
    steps,
    finalLoss: (last?.loss ?? Number.NaN) / source.width,
    dead: last?.dead ?? 0,
    curve,
  };
}

const rest = (i: number, steps: number) => Math.round((i * steps) / RESTS);
const nextRest = (done: number, steps: number): number => {
  for (let i = 1; i < RESTS; i++) if (rest(i, steps) > done) return rest(i, steps);
  return steps;
};
/** Every (RESTS / CURVE_POINTS)-th rest. */
const isCurvePoint = (done: number, steps: number): boolean => {
  for (let i = 1; i <= CURVE_POINTS; i++) if (rest((i * RESTS) / CURVE_POINTS, steps) === done) return true;
  return false;
};

/** Adds the held-out FVE of the weights as they are now. */
async function measure(run: Run, curve: { tokens: number; fve: number }[]): Promise<void> {
  const { source, full, trainer } = run;
  const heldOut = source.heldOut_MD;
  const tokens = trainer.steps * full.batch;
  if (heldOut === undefined || heldOut.length === 0 || curve.some((point) => point.tokens === tokens)) return;
  const dictionary = foldNow(run);
  const opened = await encoder(dictionary);
  try {
    const code = await opened.encode(heldOut);
    curve.push({ tokens, fve: fractionOfVarianceExplained(heldOut, decode(dictionary, code), source.width) });
  } finally {
    await opened.release();
  }
}

/** Row of each slot of each batch: the rows in a new random order each pass, one pass after another. */
function batchOrder({ steps, batch, seed }: FullConfig, rows: number): Uint32Array {
  const slots = steps * batch;
  const order = new Uint32Array(new SharedArrayBuffer(4 * slots));
  const shuffle = random(seed).fork('order');
  for (let from = 0; from < slots; from += rows) {
    const pass = shuffle.permutation(rows);
    order.set(pass.subarray(0, Math.min(rows, slots - from)), from);
  }
  return order;
}

function shared(x: Float32Array): Float32Array {
  if (x.buffer instanceof SharedArrayBuffer) return x;
  const copy = new Float32Array(new SharedArrayBuffer(x.byteLength));
  copy.set(x);
  return copy;
}

const diverged = ({ site, learningRate }: FullConfig, step: number) =>
  new DictionaryError('dictionary.diverged', `the loss became NaN or infinite at step ${step}`, {
    where: site,
    hint: `lower the learning rate (it was ${learningRate})`,
  });
