/** @file A task that tells nothing: the metric is the same on both sides, or there is only one example. */
import { CircuitError } from '../core/errors.ts';
import type { Example } from '../data/tasks.ts';

/** Differences below this share of the metric's own size are rounding. */
const ROUNDING = 1e-6;

/**
 * Checks that every pair changes the metric, since effects are shares of that change.
 * @param clean_B m of each clean prompt, and patch_B of each patch prompt, with the clean one's answers
 * @throws CircuitError `circuit.one-example`; `circuit.constant-metric` naming the first example with Δm = 0
 */
export function requireContrast(
  task: string,
  examples: readonly Example[],
  clean_B: ArrayLike<number>,
  patch_B: ArrayLike<number>,
): void {
  requireSeveral(task, examples);
  const flat = examples.findIndex((_, b) => {
    const [clean, patch] = [clean_B[b]!, patch_B[b]!];
    return !(Math.abs(clean - patch) > ROUNDING * Math.max(1, Math.abs(clean), Math.abs(patch)));
  });
  if (flat < 0) return;
  const { cleanText, patchText } = examples[flat]!;
  throw new CircuitError(
    'circuit.constant-metric',
    `example ${flat + 1} of "${task}" has the metric ${clean_B[flat]!.toPrecision(4)} on both sides (Δm = 0): "${cleanText}" against "${patchText}"`,
    {
      where: `${task}, example ${flat + 1}`,
      hint: 'what differs between its prompts must change the answer: reword it or leave it out',
    },
  );
}

/** @throws CircuitError `circuit.one-example` when a task has a single example: nothing can be averaged or resampled */
function requireSeveral(task: string, examples: readonly Example[]): void {
  if (examples.length !== 1) return;
  throw new CircuitError(
    'circuit.one-example',
    `the task "${task}" has one example: "${examples[0]!.cleanText}"`,
    {
      where: `${task}, example 1`,
      hint: 'means, intervals and circuits need at least two; some dozens are usual',
    },
  );
}
