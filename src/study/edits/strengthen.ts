/** @file Strengthening by name: a study's dictionaries, a task, others that should stay, plain text. */
import type { WorkContext } from '../../core/progress.ts';
import type { LeftTask } from '../../data/tasks.ts';
import { writeEdit } from '../../edits/edit-file.ts';
import { type StrengthenResult, strengthen, strengthening } from '../../edits/strengthen.ts';
import { type EnergyRequest, openSetting } from '../energy/setting.ts';
import { openTasksBeside, plainWindows } from './setting.ts';

export interface StrengthenRequest extends EnergyRequest {
  readonly task: string;
  /** What should stay as it is; when left out, `OTHERS` as far as the tokenizer can say them. */
  readonly others?: readonly string[];
  readonly examples: number;
  readonly features: number;
  readonly gains: readonly number[];
  readonly method: string;
  readonly draws: number;
  readonly text: string;
  readonly windows: number;
  readonly length: number;
  /** Writes the edit of the chosen gain to this file. */
  readonly out?: string;
}

/** Scored beside the task unless others are named. */
export const OTHERS = ['agreement', 'gender', 'indirect-object', 'greater-than'] as const;

export interface StrengthenReport extends StrengthenResult {
  /** Usual other tasks that this tokenizer cannot say. */
  readonly left: readonly LeftTask[];
}

/** @throws as openSetting() and strengthen() */
export async function strengthenTask(
  request: StrengthenRequest,
  context: WorkContext,
): Promise<StrengthenReport> {
  const { features, gains, method, draws, seed, threads, windows } = request;
  const { model, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const opened = await openTasksBeside(model, [request.task], request.others, OTHERS, request);
  const [task, ...others] = opened.tasks;
  // Half of the windows size the random edits, the other half is scored.
  const all = await plainWindows(model, { ...request, windows: 2 * windows }, context);
  const half = Math.ceil(all.length / 2);
  const text = { train: all.slice(0, half), heldOut: all.slice(half) };
  const result = await strengthen(
    { model, task: task!, others, dictionaries, features, gains, method, draws, text, seed, run, threads },
    context,
  );
  if (request.out !== undefined) {
    const { name, hash } = model;
    await writeEdit(request.out, { model: { name, hash }, changes: strengthening(result, dictionaries) });
  }
  return { ...result, left: opened.left };
}
