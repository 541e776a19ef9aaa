/** @file Pairs of prompts as arrays: checks that they line up position by position, and feeds for runs over them. */
import { CircuitError } from '../core/errors.ts';
import { emptyArray, i64, type Tensor, tensor } from '../core/tensor.ts';
import type { Example } from '../data/tasks.ts';

/** B pairs of T tokens each. */
export interface Pairs {
  readonly examples: number;
  readonly positions: number;
  readonly clean_BT: Int32Array;
  readonly patch_BT: Int32Array;
  readonly answer_B: Int32Array;
  readonly wrong_B: Int32Array;
  /**
   * Instead of tokens and answers: all inputs of both sides, [B, …] each, of a network that is no language model and
   * brings its own `metric`.
   */
  readonly inputs?: { readonly clean: Tensors; readonly patch: Tensors };
}

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * @throws CircuitError `circuit.no-examples`; `circuit.unequal-length` naming the example; `circuit.same-answer`.
 */
export function pairsOf(task: string, examples: readonly Example[]): Pairs {
  const first = examples[0];
  if (!first) {
    throw new CircuitError('circuit.no-examples', `the task "${task}" has no examples`, {
      where: task,
      hint: 'give it at least one pair of prompts',
    });
  }
  const positions = first.clean.length;
  examples.forEach((example, index) => {
    const where = `${task}, example ${index}`;
    if (example.clean.length !== positions || example.patch.length !== positions) {
      throw new CircuitError(
        'circuit.unequal-length',
        `example ${index} of "${task}" has ${example.clean.length} and ${example.patch.length} tokens where the first has ${positions}: "${example.cleanText}" against "${example.patchText}"`,
        {
          where,
          hint: 'a circuit is found position by position: every prompt needs the same number of tokens',
        },
      );
    }
    if (example.answer === example.wrong) {
      throw new CircuitError(
        'circuit.same-answer',
        `example ${index} of "${task}" has the same token as right and as wrong answer: its metric is always 0`,
        { where, hint: 'choose two different one-token answers' },
      );
    }
  });
  return {
    examples: examples.length,
    positions,
    clean_BT: Int32Array.from(examples.flatMap((e) => e.clean)),
    patch_BT: Int32Array.from(examples.flatMap((e) => e.patch)),
    answer_B: Int32Array.from(examples, (e) => e.answer),
    wrong_B: Int32Array.from(examples, (e) => e.wrong),
  };
}

/** Rows `from` … `to` of token ids, as the model's input. */
export const tokenFeed = (ids_BT: Int32Array, positions: number, from: number, to: number): Tensor<'int64'> =>
  i64([to - from, positions], ids_BT.subarray(from * positions, to * positions));

/** Everything that a network with a metric reads for some of the examples on one side: prompts, and the answers asked about. */
export const exampleFeeds = (
  pairs: Pairs,
  side: 'clean' | 'patch',
  rows: readonly number[],
): Record<string, Tensor> => ({ ...promptFeeds(pairs, side, rows), ...answerFeeds(pairs, rows) });

/** The prompts of one side of the given examples, as inputs of the network (an example may come more than once). */
export function promptFeeds(
  pairs: Pairs,
  side: 'clean' | 'patch',
  rows: readonly number[],
): Record<string, Tensor> {
  const { positions, inputs } = pairs;
  if (inputs) {
    return Object.fromEntries(Object.entries(inputs[side]).map(([name, all]) => [name, rowsOf(all, rows)]));
  }
  const ids = side === 'clean' ? pairs.clean_BT : pairs.patch_BT;
  const some = rows.flatMap((b) => Array.from(ids.subarray(b * positions, (b + 1) * positions)));
  return { tokens: i64([rows.length, positions], some) };
}

/** Rows of the first axis. */
function rowsOf({ dtype, shape, data }: Tensor, rows: readonly number[]): Tensor {
  const size = data.length / shape[0]!;
  const some = emptyArray(dtype, rows.length * size);
  rows.forEach((b, j) => {
    for (let i = 0; i < size; i++) some[j * size + i] = data[b * size + i]!;
  });
  return tensor(dtype, [rows.length, ...shape.slice(1)], some);
}

/** `answer` and `wrong` of the given examples (an example may come more than once). */
export function answerFeeds(pairs: Pairs, rows: readonly number[]): Record<string, Tensor> {
  if (pairs.inputs) return {};
  return {
    answer: i64(
      [rows.length],
      rows.map((b) => pairs.answer_B[b]!),
    ),
    wrong: i64(
      [rows.length],
      rows.map((b) => pairs.wrong_B[b]!),
    ),
  };
}

/** Some of the examples. */
export function pickPairs(pairs: Pairs, rows: readonly number[]): Pairs {
  const { positions } = pairs;
  const ids = (all: Int32Array) =>
    Int32Array.from(rows.flatMap((b) => [...all.subarray(b * positions, (b + 1) * positions)]));
  const some = (all: Tensors) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, rowsOf(value, rows)]));
  return {
    examples: rows.length,
    positions,
    clean_BT: ids(pairs.clean_BT),
    patch_BT: ids(pairs.patch_BT),
    answer_B: Int32Array.from(rows, (b) => pairs.answer_B[b]!),
    wrong_B: Int32Array.from(rows, (b) => pairs.wrong_B[b]!),
    ...(pairs.inputs ? { inputs: { clean: some(pairs.inputs.clean), patch: some(pairs.inputs.patch) } } : {}),
  };
}

/** Cuts 0 … count−1 into runs of at most `most` items (at least one). */
export function chunks(count: number, most: number): { from: number; to: number }[] {
  const size = Math.max(1, Math.floor(most));
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(count, (i + 1) * size),
  }));
}

/** Whole numbers 0 … count−1. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
