/** @file Which behaviours of a language model stand beside the bias study: built-in tasks, as far as its tokenizer can say them. */
import { type TextTokenizer, tasksThatFit } from '../../data/tasks.ts';

/** Scored as other behaviours. */
const OTHERS = ['agreement-across-rc', 'agreement', 'indirect-object', 'capitals'] as const;

/** Tasks that gender decides: scored, but not counted among the others. */
export const GENDERED = ['pronoun'] as const;

/** The tasks with `pairs` held-out pairs each, and those that this tokenizer cannot say. */
export const otherTasks = (tokenizer: TextTokenizer, pairs: number, seed: number) =>
  tasksThatFit(tokenizer, [...OTHERS, ...GENDERED], { train: 1, heldOut: pairs, seed });
