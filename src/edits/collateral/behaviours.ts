/** @file Held-out prompts of tasks under an edited network, from the first edited cut on. */
import type { Network } from '../../circuits/cuts.ts';
import { type Pairs, pairsOf } from '../../circuits/examples.ts';
import { tokenStates } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Task } from '../../data/tasks.ts';
import type { Graph } from '../../graph/types.ts';
import { type Feeds, openPromptRun, type PromptRun, type Source } from '../measure.ts';

/** The deepest complete cut before all of `sites`: what runs may begin with; undefined when there is none. */
export function startOf({ graph, cuts }: Network, sites: readonly string[]): string | undefined {
  const place = new Map(graph.nodes.flatMap((node, i) => node.outputs.map((name) => [name, i] as const)));
  const first = Math.min(...sites.map((site) => place.get(site) ?? -1));
  return cuts.filter((cut) => (place.get(cut) ?? Number.POSITIVE_INFINITY) <= first).at(-1);
}

/** The pairs of a task, and what runs over each side begin with. */
export interface TaskPrompts {
  readonly task: Task;
  readonly pairs: Pairs;
  readonly clean: Source;
  readonly patch: Source;
}

/** @param part which examples @throws CircuitError as pairsOf() */
export async function taskPrompts(
  network: Network,
  tasks: readonly Task[],
  part: 'train' | 'heldOut',
  start: string | undefined,
  run: RunOptions,
): Promise<TaskPrompts[]> {
  const all = tasks.map((task) => ({ task, pairs: pairsOf(task.name, task[part]) }));
  if (start === undefined) return all.map((one) => ({ ...one, clean: 'clean', patch: 'patch' }));
  const sides = all.flatMap(({ pairs: { clean_BT, patch_BT, positions } }) => [
    { ids_BT: clean_BT, positions },
    { ids_BT: patch_BT, positions },
  ]);
  const quiet: RunOptions = { ...run, advance: undefined };
  const states = await tokenStates(network, sides, [start], quiet);
  return all.map((one, i) => ({
    ...one,
    clean: states[2 * i]![start]!,
    patch: states[2 * i + 1]![start]!,
  }));
}

/** The metric of both sides of a task's pairs, both scored with the clean side's answers. */
export interface Behaviour {
  readonly clean_B: Float64Array;
  readonly patch_B: Float64Array;
}

/** m(clean) − m(patch), pair by pair. */
export const effectOf = ({ clean_B, patch_B }: Behaviour): number[] =>
  Array.from(clean_B, (m, b) => m - patch_B[b]!);

/** 1 where the clean prompt is answered right. */
export const rightOf = ({ clean_B }: Behaviour): number[] => Array.from(clean_B, (m) => (m > 0 ? 1 : 0));

/** Runs `use` with a function that measures behaviours in `graph`, a session of which is open meanwhile. */
export async function withBehaviours<T>(
  network: Network,
  graph: Graph,
  start: string | undefined,
  run: RunOptions,
  use: (measure: (prompts: TaskPrompts, feeds: Feeds) => Promise<Behaviour>) => Promise<T>,
): Promise<T> {
  const session = await openPromptRun(network, graph, start, run);
  try {
    return await use(async (prompts, feeds) => {
      const behaviour = await behaviourIn(session, prompts, feeds);
      run.advance?.(1);
      return behaviour;
    });
  } finally {
    await session.release();
  }
}

/** The metric of both sides of a task's pairs in an open session. */
export const behaviourIn = async (
  session: PromptRun,
  { pairs, clean, patch }: Pick<TaskPrompts, 'pairs' | 'clean' | 'patch'>,
  feeds: Feeds,
): Promise<Behaviour> => ({
  clean_B: await session.metric(pairs, clean, feeds),
  patch_B: await session.metric(pairs, patch, feeds),
});
