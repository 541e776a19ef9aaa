/** @file A Step is one unit of long work: typed inputs and result, a hash from what it depends on, resumable. */
import type { WorkContext } from './progress.ts';

/** Where a step writes. Its folder becomes visible under its final name only when the step has ended well. */
export interface StepContext extends WorkContext {
  /** Folder for this step's files; partial state that helps a later resume may stay in it. */
  readonly folder: string;
  readonly threads: number;
}

/** Rough needs of a step, for `study plan`. */
export interface StepCost {
  readonly seconds: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
}

/**
 * `config` is everything the result depends on besides the results of `needs`; it is hashed with `version`
 * and the hashes of `needs`. The result must be JSON; large data lie as files in the step's folder.
 */
export interface Step<Result = unknown> {
  /** Unique within a study, e.g. `train/blocks.11.hook_resid_post`. */
  readonly name: string;
  /** Raised whenever the code changes what the result would be. */
  readonly version: number;
  readonly config: unknown;
  readonly needs: readonly Step[];
  readonly cost: StepCost;
  run(inputs: StepInputs, context: StepContext): Promise<Result>;
}

/** Finished results and folders of the steps a step needs. */
export interface StepInputs {
  result<R>(step: Step<R>): R;
  folder(step: Step): string;
}
