/** @file A tiny random Llama with pairs of prompts and random dictionaries: everything a circuit needs, in milliseconds. */
import { type Network, networkOf } from '../../../src/circuits/cuts.ts';
import { type Pairs, pairsOf } from '../../../src/circuits/examples.ts';
import type { RunOptions } from '../../../src/circuits/run-options.ts';
import { random } from '../../../src/core/random.ts';
import type { Example, Task } from '../../../src/data/tasks.ts';
import type { Dictionary } from '../../../src/dictionaries/types.ts';
import { tinyLlama } from '../../../src/models/tiny.ts';
import type { Model } from '../../../src/models/types.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { randomDictionary } from './dictionaries.ts';

export interface TinySetting {
  readonly model: Model;
  readonly network: Network;
  readonly task: Task;
  readonly pairs: Pairs;
  readonly dictionaries: readonly Dictionary[];
}

export const run: RunOptions = { open: (graph) => openSession(graph, { threads: 1 }), tokensPerRun: 24 };

/** Pairs of 4 tokens that differ at position 1 (and, in every third example, 2). */
export function tinySetting(seed = 5, layers = 3): TinySetting {
  const model = tinyLlama(seed, { layers });
  const network = networkOf(model);
  const stream = random(seed).fork('tiny');
  const example = (i: number): Example => {
    const clean = [7, ...Array.from({ length: 3 }, () => stream.integer(256))];
    const patch = [...clean];
    patch[1] = (clean[1]! + 1 + stream.integer(200)) % 256;
    if (i % 3 === 0) patch[2] = (clean[2]! + 1 + stream.integer(200)) % 256;
    const answer = stream.integer(256);
    const wrong = (answer + 1 + stream.integer(200)) % 256;
    return { clean, patch, answer, wrong, cleanText: '', patchText: '', labels: {} };
  };
  const examples = (count: number) => Array.from({ length: count }, (_, i) => example(i));
  const task: Task = {
    name: 'tiny',
    title: 'A random behaviour',
    question: 'What does a random network do?',
    metric: 'logit-difference',
    positions: ['first', 'second', 'third', 'last'],
    train: examples(7),
    heldOut: examples(5),
  };
  const dictionaries = [1, 2].map((block) =>
    randomDictionary(
      random(seed + block),
      { site: `blocks.${block}.hook_resid_post`, width: 16, features: 40, k: 6 },
      model.hash,
    ),
  );
  return { model, network, task, pairs: pairsOf('tiny', task.train), dictionaries };
}

/** Largest |a − b|. */
export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
};
