/** @file A training that goes on in turns: from rest to rest, with a held-out curve, checkpoints, and an end. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DictionaryError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { removeTemporaries } from '../files/atomic.ts';
import { checkpointKey, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import type { DictionaryConfig } from './config-schema.ts';
import { decode, encoder } from './encoder.ts';
import { type Engine, openEngine } from './engine.ts';
import { fractionOfVarianceExplained } from './fve.ts';
import type { TrainingPlan } from './plan.ts';
import { planTraining } from './plan-training.ts';
import { type ActivationRows, batchOrder, checkRows, rowCount, sharedRows } from './rows.ts';
import { sparsity } from './sparsity.ts';
import type { StepReport } from './trainer.ts';
import type { CurvePoint, Dictionary } from './types.ts';

export interface TrainContext extends WorkContext {
  readonly threads: number;
  /** Where checkpoints go; without it a stopped run starts again. */
  readonly folder?: string;
  /** Seconds between checkpoints; 15 by default. */
  readonly checkpointSeconds?: number;
  /** Saves what was learned; the checkpoint is removed after it, so that a full disk costs no training. */
  readonly keep?: (outcome: TrainOutcome) => Promise<void>;
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
  /** Whether it ended before its last step, because the held-out FVE rose no more. */
  readonly stoppedEarly: boolean;
  readonly curve: readonly CurvePoint[];
}

export interface TrainOutcome {
  readonly dictionary: Dictionary;
  readonly log: TrainLog;
}

/** A training under way. */
export interface TrainingRun {
  readonly plan: TrainingPlan;
  /** All steps are done, or the curve rose no more. */
  readonly finished: boolean;
  /** What `advance` counts to. */
  readonly tokens: number;
  /**
   * Goes on to the next rest: a sixtieth of the run, or the end of the step at hand after a stop.
   * @throws DictionaryError `dictionary.diverged`; InterruptedError after a stop (a checkpoint is in the folder then)
   */
  advance(tell: (done: number, figures: Record<string, number>) => void): Promise<void>;
  /** Writes a checkpoint, where there is a folder for it. */
  save(): Promise<void>;
  /** The dictionary and the log of a finished run, once they are kept; then removes its checkpoint. */
  outcome(): Promise<TrainOutcome>;
  close(): Promise<void>;
}

/** Points of the held-out curve. */
const CURVE_POINTS = 10;
/** Rests of the trainer, for stops and checkpoints. */
const RESTS = 60;
/** Rests from one point of the curve to the next: a turn of a run that shares the machine with others. */
export const TURN = RESTS / CURVE_POINTS;

/**
 * The plan of `config` for `source`, both looked at.
 * @throws DictionaryError `dictionary.config`, `dictionary.no-rows`, `dictionary.width`, `dictionary.not-finite` (held-out rows)
 */
export function planFor(source: ActivationRows, config: DictionaryConfig): TrainingPlan {
  const { width, outputWidth, sites } = source;
  const plan = planTraining(config, {
    ...{ rows: rowCount(source), width },
    ...(outputWidth === undefined ? {} : { outputWidth }),
    ...(sites === undefined ? {} : { blocks: sites.map((part) => part.width) }),
  });
  checkRows(source, plan);
  return plan;
}

/**
 * Opens a training of `config` on `source`, where a checkpoint of the same training goes on.
 * @throws DictionaryError as planFor(), `dictionary.not-finite`, `dictionary.constant`
 */
export async function openRun(
  source: ActivationRows,
  config: DictionaryConfig,
  context: TrainContext,
): Promise<TrainingRun> {
  const plan = planFor(source, config);
  throwIfAborted(context.signal);
  const { folder } = context;
  const file = folder === undefined ? undefined : join(folder, 'checkpoint.safetensors');
  const key = checkpointKey(plan, source);
  if (folder !== undefined) await removeTemporaries(folder);
  const resumed = file === undefined ? undefined : await loadCheckpoint(file, key);
  const trainer = await openEngine({
    plan,
    source: sharedRows(source),
    order: batchOrder(plan, rowCount(source)),
    threads: context.threads,
  });
  try {
    if (resumed) trainer.restore(resumed.state);
  } catch (error) {
    await trainer.close();
    throw error;
  }
  return trainingRun({ source, plan, context, trainer, file, key }, resumed);
}

interface Parts {
  readonly source: ActivationRows;
  readonly plan: TrainingPlan;
  readonly context: TrainContext;
  readonly trainer: Engine;
  readonly file: string | undefined;
  readonly key: string;
}

function trainingRun(parts: Parts, resumed: Awaited<ReturnType<typeof loadCheckpoint>>): TrainingRun {
  const { plan, context, trainer, file, key } = parts;
  const { batch, steps } = plan;
  const curve: CurvePoint[] = [...(resumed?.curve ?? [])];
  let seconds = resumed?.seconds ?? 0;
  let last: StepReport | undefined = resumed?.last;
  let told = 0;
  let saved = performance.now();
  let early = risesNoMore(curve, plan.patience);
  const finished = () => early || trainer.steps >= steps;
  const save = async () => {
    if (file !== undefined) {
      await saveCheckpoint(file, key, { state: trainer.state, curve, seconds, ...(last ? { last } : {}) });
    }
    saved = performance.now();
  };
  return {
    plan,
    tokens: steps * batch,
    get finished() {
      return finished();
    },
    save,
    async advance(tell) {
      const { signal } = context;
      const stop = () => trainer.stop();
      signal?.addEventListener('abort', stop);
      const begun = performance.now();
      const before = seconds;
      try {
        if (!signal?.aborted) {
          await trainer.run(nextRest(trainer.steps, steps), (report) => {
            last = report;
            const now = performance.now();
            if (!Number.isFinite(report.loss)) return trainer.stop();
            if (now - told < 100 && report.step < steps) return;
            told = now;
            tell(report.step * batch, {
              fve: 1 - report.loss / plan.outputWidth,
              l0: report.l0,
              dead: report.dead,
              tokensPerSecond: (report.step * batch) / (before + (now - begun) / 1000),
            });
          });
        }
      } finally {
        signal?.removeEventListener('abort', stop);
      }
      seconds += (performance.now() - begun) / 1000;
      if (last && !Number.isFinite(last.loss)) throw diverged(plan, last.step);
      if (isCurvePoint(trainer.steps, steps)) {
        await measure(parts, last, curve);
        early = risesNoMore(curve, plan.patience);
      }
      if (finished()) return;
      if (signal?.aborted || performance.now() - saved > 1000 * (context.checkpointSeconds ?? 15))
        await save();
      throwIfAborted(signal);
    },
    async outcome() {
      const tokens = trainer.steps * batch;
      const outcome: TrainOutcome = {
        dictionary: trainer.dictionary(),
        log: {
          tokensPerSecond: tokens / seconds,
          tokensSeen: tokens,
          steps: trainer.steps,
          finalLoss: (last?.loss ?? Number.NaN) / plan.outputWidth,
          dead: last?.dead ?? 0,
          stoppedEarly: trainer.steps < steps,
          curve,
        },
      };
      await context.keep?.(outcome);
      if (file !== undefined) await rm(file, { force: true });
      return outcome;
    },
    close: () => trainer.close(),
  };
}

const rest = (i: number, steps: number) => Math.round((i * steps) / RESTS);
const nextRest = (done: number, steps: number): number => {
  for (let i = 1; i < RESTS; i++) if (rest(i, steps) > done) return rest(i, steps);
  return steps;
};
/** Every TURN-th rest. */
const isCurvePoint = (done: number, steps: number): boolean => {
  for (let i = 1; i <= CURVE_POINTS; i++) if (rest(i * TURN, steps) === done) return true;
  return false;
};

/** Whether the last `patience` points are no better than the best before them. */
export function risesNoMore(curve: readonly CurvePoint[], patience: number | undefined): boolean {
  if (patience === undefined || curve.length <= patience) return false;
  const best = (points: readonly CurvePoint[]) => Math.max(...points.map(({ fve }) => fve));
  return best(curve.slice(-patience)) <= best(curve.slice(0, -patience));
}

/** Adds what the weights as they are now score on held-out rows. */
async function measure(
  { source, plan, trainer }: Parts,
  last: StepReport | undefined,
  curve: CurvePoint[],
): Promise<void> {
  const { heldOut_MD: x, heldOutOutput_ME: y = x } = source;
  const tokens = trainer.steps * plan.batch;
  if (x === undefined || y === undefined || x.length === 0 || curve.at(-1)?.tokens === tokens) return;
  const dictionary = trainer.dictionary();
  const opened = await encoder(dictionary);
  try {
    const code = await opened.encode(x);
    const fve = fractionOfVarianceExplained(y, decode(dictionary, code, x), plan.outputWidth);
    // Held-out rows that are all the same have no variance to explain.
    if (!Number.isFinite(fve)) return;
    curve.push({
      ...{ tokens, fve },
      l0: sparsity(code, dictionary.features).l0,
      loss: (last?.loss ?? Number.NaN) / plan.outputWidth,
    });
  } finally {
    await opened.release();
  }
}

const diverged = ({ site, rate }: TrainingPlan, step: number) =>
  new DictionaryError('dictionary.diverged', `the loss became NaN or infinite at step ${step}`, {
    where: site,
    hint: `lower the learning rate (it was ${rate.value})`,
  });
