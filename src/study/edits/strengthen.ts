/** @file Strengthening by name: a study's dictionaries, a task, others that should stay, plain text. */
import type { WorkContext } from '../../core/progress.ts';
import { writeEdit } from '../../edits/edit-file.ts';
import { type StrengthenResult, strengthen, strengthening } from '../../edits/strengthen.ts';
import { type EnergyRequest, openSetting } from '../energy/setting.ts';
import { openTasks, plainWindows } from './setting.ts';

export interface StrengthenRequest extends EnergyRequest {
  readonly task: string;
  readonly others: readonly string[];
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

/** @throws as openSetting() and strengthen() */
export async function strengthenTask(
  request: StrengthenRequest,
  context: WorkContext,
): Promise<StrengthenResult> {
  const { features, gains, method, draws, seed, threads, windows } = request;
  const { model, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const names = [request.task, ...request.others.filter((name) => name !== request.task)];
  const [task, ...others] = await openTasks(model, names, request);
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
  return result;
}
