/** @file Whether a model shows a behaviour at all: accuracy and logit difference on a task's prompts, and where it fails. */
import { random } from '../core/random.ts';
import type { Estimate } from '../core/statistics.ts';
import type { Example, Task } from '../data/tasks.ts';
import type { Model } from '../models/types.ts';
import { networkOf } from './cuts.ts';
import { pairsOf } from './examples.ts';
import { forwardPairs } from './forward.ts';
import type { RunOptions } from './run-options.ts';
import { meanEstimate } from './scores.ts';

/** Examples that share a label, e.g. `number: plural`. */
export interface BehaviourGroup {
  readonly label: string;
  readonly value: string;
  readonly examples: number;
  readonly accuracy: number;
}

export interface Behaviour {
  readonly task: string;
  readonly title: string;
  readonly examples: number;
  /** Share of clean prompts with m = logit(answer) − logit(wrong) > 0. */
  readonly accuracy: Estimate;
  /** Mean m of the clean and of the patch prompts (with the clean one's answers). */
  readonly clean: Estimate;
  readonly patch: Estimate;
  /** Groups with the lowest accuracy, worst first: at most three, each below the whole and with `SMALLEST` examples. */
  readonly weakest: readonly BehaviourGroup[];
  /** The clean prompt with the lowest m. */
  readonly worst: { readonly prompt: string; readonly m: number };
}

const SMALLEST = 5;

/**
 * Runs both sides of all examples, training and held-out.
 * @throws CircuitError as `pairsOf`
 */
export async function measureBehaviour(
  model: Model,
  task: Task,
  options: RunOptions,
  seed: number,
): Promise<Behaviour> {
  const examples = [...task.train, ...task.heldOut];
  const { clean, patch } = await forwardPairs(networkOf(model), pairsOf(task.name, examples), [], options);
  const chance = random(seed).fork(`behaviour/${task.name}`);
  const right = Float64Array.from(clean.metric_B, (m) => (m > 0 ? 1 : 0));
  const accuracy = meanEstimate(right, chance);
  const lowest = clean.metric_B.indexOf(Math.min(...clean.metric_B));
  return {
    task: task.name,
    title: task.title,
    examples: examples.length,
    accuracy,
    clean: meanEstimate(clean.metric_B, chance),
    patch: meanEstimate(patch.metric_B, chance),
    weakest: groupsOf(examples, right)
      .filter((group) => group.accuracy < accuracy.value)
      .slice(0, 3),
    worst: { prompt: examples[lowest]!.cleanText, m: clean.metric_B[lowest]! },
  };
}

/** Accuracy of every label's every value that enough examples share, worst first. */
function groupsOf(examples: readonly Example[], right: ArrayLike<number>): BehaviourGroup[] {
  const groups = new Map<string, { label: string; value: string; examples: number; right: number }>();
  for (const [b, example] of examples.entries()) {
    for (const [label, value] of Object.entries(example.labels)) {
      const key = JSON.stringify([label, value]);
      const group = groups.get(key) ?? { label, value, examples: 0, right: 0 };
      groups.set(key, { ...group, examples: group.examples + 1, right: group.right + right[b]! });
    }
  }
  return [...groups.values()]
    .filter((group) => group.examples >= SMALLEST && group.examples < examples.length)
    .map(({ label, value, examples: count, right: sum }) => ({
      label,
      value,
      examples: count,
      accuracy: sum / count,
    }))
    .sort((a, b) => a.accuracy - b.accuracy || b.examples - a.examples);
}
