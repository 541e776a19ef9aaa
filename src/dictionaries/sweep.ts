/** @file Several dictionaries from one stream of activations at once: kinds, numbers of features, k, seeds. */
import { join } from 'node:path';
import { DictionaryError } from '../core/errors.ts';
import type { DictionaryConfig } from './config-schema.ts';
import { keepTraining, keptTraining, trainingKey } from './kept.ts';
import { type ActivationRows, sharedRows } from './rows.ts';
import { openRun, type TrainContext, type TrainingRun, type TrainOutcome, TURN } from './run.ts';
import { taskOf } from './train.ts';

/** One dictionary of a sweep. */
export interface SweepEntry {
  /** Unique in the sweep and a name for a folder, e.g. `k=16`. */
  readonly name: string;
  readonly config: DictionaryConfig;
}

export interface SweepContext extends Omit<TrainContext, 'keep'> {
  /** Dictionaries in memory at once; 4 unless given. The others wait for their turn. */
  readonly atOnce?: number;
}

/**
 * Trains every entry on the same rows, which lie in memory once. `atOnce` of them advance in turns, a tenth of a run
 * at a time, so that they can be compared while they learn: in shorter turns each would find another's weights in the
 * processor's caches. Each is what `trainDictionary` gives for its config, to the bit. With a folder, each has its own
 * below it with its dictionary and its checkpoint: finished ones are not trained again, stopped ones go on.
 * @throws DictionaryError before any is trained: `dictionary.config` for two entries of one name or less than one at once, and
 * as planFor(); else as trainDictionary
 */
export async function trainSweep(
  source: ActivationRows,
  entries: readonly SweepEntry[],
  context: SweepContext,
): Promise<TrainOutcome[]> {
  const twice = entries.find(({ name }, i) => entries.findIndex((other) => other.name === name) < i);
  if (twice)
    throw new DictionaryError('dictionary.config', `two dictionaries of a sweep are called ${twice.name}`, {
      where: twice.config.site,
      hint: 'list each value once',
    });
  const { atOnce = 4 } = context;
  if (!(atOnce >= 1))
    throw new DictionaryError('dictionary.config', `atOnce is ${atOnce}`, {
      where: 'trainSweep',
      hint: 'give the number of dictionaries that are in memory at once, 1 or more',
    });
  const rows = sharedRows(source);
  const keys = new Map(entries.map((entry) => [entry, trainingKey(source, entry.config)]));
  const outcomes = new Map<SweepEntry, TrainOutcome>();
  const waiting: SweepEntry[] = [];
  for (const entry of entries) {
    const own = ownFolder(context, entry);
    const kept = own === undefined ? undefined : await keptTraining(own, keys.get(entry)!);
    if (kept) outcomes.set(entry, kept);
    else waiting.push(entry);
  }
  const open = new Map<SweepEntry, Turn>();
  try {
    while (waiting.length > 0 || open.size > 0) {
      while (open.size < atOnce && waiting.length > 0) {
        const entry = waiting.shift()!;
        open.set(entry, await takeUp(rows, entry, keys.get(entry)!, context));
      }
      for (const [entry, { run, tell, begun }] of open) {
        for (let i = 0; i < TURN && !run.finished; i++) await run.advance(tell);
        if (!run.finished) continue;
        outcomes.set(entry, await run.outcome());
        open.delete(entry);
        await run.close();
        context.progress({ type: 'end', task: taskName(entry), seconds: (performance.now() - begun) / 1000 });
      }
    }
    return entries.map((entry) => outcomes.get(entry)!);
  } finally {
    // After a stop each of the others keeps what it has learned, too.
    for (const { run } of open.values()) {
      if (context.signal?.aborted && !run.finished) await run.save();
      await run.close();
    }
  }
}

interface Turn {
  readonly run: TrainingRun;
  readonly tell: (done: number, figures: Record<string, number>) => void;
  readonly begun: number;
}

const ownFolder = ({ folder }: SweepContext, { name }: SweepEntry): string | undefined =>
  folder === undefined ? undefined : join(folder, name);

const taskName = ({ name, config }: SweepEntry): string => `train/${config.site} ${name}`;

async function takeUp(
  rows: ActivationRows,
  entry: SweepEntry,
  key: string,
  context: SweepContext,
): Promise<Turn> {
  const { progress } = context;
  const folder = ownFolder(context, entry);
  const run = await openRun(rows, entry.config, {
    ...context,
    ...(folder === undefined ? {} : { folder, keep: (outcome) => keepTraining(folder, key, outcome) }),
  });
  const task = taskName(entry);
  const { config, name } = entry;
  progress({ type: 'start', ...taskOf(config, run.tokens, `${config.site} ${name}`) });
  return {
    run,
    begun: performance.now(),
    tell: (done, figures) => progress({ type: 'advance', task, done, total: run.tokens, figures }),
  };
}
