/** @file The real model for tests: opened once per file; a failure where CI demands it, else a reason to skip. */
import { silent } from '../../src/core/progress.ts';
import { openTokenModel as openModel } from '../../src/models/open.ts';
import type { Model } from '../../src/models/types.ts';

const outcome: Promise<Model | Error> = openModel('smollm2-135m', { progress: silent }).catch(
  (error: unknown) => error as Error,
);

/** SmolLM2-135M. @throws whatever openModel threw */
export async function realModel(): Promise<Model> {
  const model = await outcome;
  if (model instanceof Error) throw model;
  return model;
}

/**
 * Whether tests of the real model are to run: `describe.runIf(await hasRealModel())`. With CI set always, so
 * that they fail when the model cannot be had; elsewhere they are skipped, and the reason is printed.
 */
export async function hasRealModel(): Promise<boolean> {
  const model = await outcome;
  if (!(model instanceof Error) || process.env.CI) return true;
  console.warn(`tests of the real model are skipped: ${model.message}`);
  return false;
}
