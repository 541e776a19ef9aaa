/** @file Prompts that name one occupation each, to lay the model's log-odds beside the real share of women. */
import type { Pairs } from '../circuits/examples.ts';
import type { GenderOccupation, Task } from '../data/tasks.ts';

export interface OccupationPrompts {
  /** Prompts as the clean side of pairs (the patched side is not used), answers she and he. */
  readonly pairs: Pairs;
  /** The occupation of each prompt. */
  readonly of: readonly GenderOccupation[];
}

/** The held-out prompts on which an edit is measured. */
export interface EditPrompts {
  /** Pairs of the edited behaviour. */
  readonly pairs: Pairs;
  /** Pairs of another behaviour, which should not move. */
  readonly other: Pairs | undefined;
  readonly occupations: OccupationPrompts | undefined;
}

/** The first `perOccupation` prompts of every occupation that fits the task's length; nothing for other tasks. */
export function occupationPrompts(
  task: Task & { readonly occupations?: readonly GenderOccupation[] },
  perOccupation: number,
): OccupationPrompts | undefined {
  const [example] = task.heldOut;
  if (!task.occupations || !example) return undefined;
  const positions = example.clean.length;
  const prompts = task.occupations
    .filter((o) => o.split !== 'left-out')
    .flatMap((occupation) =>
      occupation.prompts
        .filter((prompt) => prompt.length === positions)
        .slice(0, perOccupation)
        .map((prompt) => ({ occupation, prompt })),
    );
  const ids = Int32Array.from(prompts.flatMap((p) => [...p.prompt]));
  return {
    pairs: {
      examples: prompts.length,
      positions,
      clean_BT: ids,
      patch_BT: ids,
      answer_B: Int32Array.from(prompts, () => example.answer),
      wrong_B: Int32Array.from(prompts, () => example.wrong),
    },
    of: prompts.map((p) => p.occupation),
  };
}
