/** @file Other behaviours of the network under an edit of rows: held-out pairs of tasks, the edit at every position that the dictionary reads. */
import type { Network } from '../../circuits/cuts.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type Random, random } from '../../core/random.ts';
import { mean } from '../../core/statistics.ts';
import type { Task } from '../../data/tasks.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import {
  type Behaviour,
  behaviourIn,
  rightOf,
  type TaskPrompts,
  taskPrompts,
} from '../collateral/behaviours.ts';
import { openPromptRun, type PromptRun } from '../measure.ts';
import { editPositions, type ReadStates, readStates } from './positions.ts';
import type { OtherTasks, PooledEdit } from './problem.ts';
import { removal } from './rows/types.ts';
import { type MeasuredTask, summaryOfTasks } from './task-summary.ts';

/** Which tasks count, and what stands beside them. */
export interface TaskRule {
  /** Least share of clean prompts that the untouched network answers right: what it cannot do cannot be harmed. */
  readonly able: number;
  /** Random edits behind each noise level, and the features of each. */
  readonly draws: number;
  readonly features: number;
}

export const TASK_RULE: TaskRule = { able: 0.7, draws: 2, features: 16 };

/** Measures edits one after another. */
export interface TaskCollateralRun {
  /** Tasks that are not scored, and why. */
  readonly left: readonly { readonly task: string; readonly why: string }[];
  readonly draws: number;
  /** Undefined where no task is left that the edit is not about. */
  measure(edit: PooledEdit): Promise<OtherTasks | undefined>;
  release(): Promise<void>;
}

/** A task's pairs: both sides as the dictionary reads them, and what the untouched network answers. */
interface Scored extends Pick<TaskPrompts, 'task' | 'pairs'> {
  readonly sides: readonly [ReadStates, ReadStates];
  /** Features that are active somewhere in the prompts. */
  readonly active: readonly number[];
  readonly before: Behaviour;
}

/**
 * Reads the prompts once and keeps their states; an edit then costs the network above the cut. Random edits scale features
 * that are active in the prompts and not the edit's own, so that the mean ‖Δx‖ over the positions of the task's prompts is the same.
 * @param targets names of tasks that the edits are about: scored, but not counted as others
 * @throws CircuitError as pairsOf()
 */
export async function openTaskCollateral(
  network: Network,
  dictionary: Dictionary,
  { tasks, targets }: { readonly tasks: readonly Task[]; readonly targets: readonly string[] },
  threads: number,
  run: RunOptions,
  rule: TaskRule = TASK_RULE,
): Promise<TaskCollateralRun> {
  const session = await openPromptRun(network, network.graph, dictionary.site, run);
  const all: Scored[] = [];
  const left: { task: string; why: string }[] = [];
  try {
    for (const prompts of await taskPrompts(network, tasks, 'heldOut', dictionary.site, run)) {
      const before = await behaviourIn(session, prompts, {});
      const right = mean(rightOf(before));
      if (right < rule.able) left.push({ task: prompts.task.name, why: tooHard(right, rule.able) });
      else all.push({ ...(await readPrompts(dictionary, prompts, threads)), before });
    }
  } catch (error) {
    await session.release();
    throw error;
  }
  const stream = random(0).fork('other-tasks');
  return {
    left,
    draws: rule.draws,
    async measure(edit) {
      const measured: MeasuredTask[] = [];
      for (const scored of all)
        measured.push(await underEdit(session, dictionary, scored, edit, rule, stream));
      return summaryOfTasks(measured, new Set(targets), stream);
    },
    release: () => session.release(),
  };
}

const tooHard = (right: number, able: number): string =>
  `the untouched network answers ${Math.round(100 * right)} % of its prompts right, less than ${Math.round(100 * able)} %`;

async function readPrompts(
  dictionary: Dictionary,
  { task, pairs, clean, patch }: TaskPrompts,
  threads: number,
): Promise<Omit<Scored, 'before'>> {
  const shape = { examples: pairs.examples, positions: pairs.positions, width: dictionary.width };
  // Runs that start at a site begin with its states.
  const states = [clean as Float32Array, patch as Float32Array];
  const [one, other] = await readStates(dictionary, states, shape, threads);
  const active = new Set<number>();
  for (const { rows } of [one!, other!]) {
    rows.features_NF.forEach((value, at) => {
      if (value !== 0) active.add(at % dictionary.features);
    });
  }
  return { task, pairs, sides: [one!, other!], active: [...active].sort((a, b) => a - b) };
}

async function underEdit(
  session: PromptRun,
  dictionary: Dictionary,
  scored: Scored,
  edit: PooledEdit,
  rule: TaskRule,
  stream: Random,
): Promise<MeasuredTask> {
  const { task, pairs, before } = scored;
  const own = bothSides(dictionary, scored, edit);
  // Where nothing moves nothing needs to run.
  if (own.move === 0) return { task, pairs, before, after: before, random: Array(rule.draws).fill(before) };
  const after = await behaviourIn(session, { pairs, ...own }, {});
  const drawn: Behaviour[] = [];
  for (let draw = 0; draw < rule.draws; draw++) {
    const chance = stream.fork(`${task.name}/${draw}`);
    const turned = bothSides(dictionary, scored, randomEdit(dictionary, scored, edit, rule.features, chance));
    drawn.push(await behaviourIn(session, { pairs, ...turned }, {}));
  }
  return { task, pairs, before, after, random: drawn };
}

/** Both sides' states under the edit, and the mean ‖Δx‖ over the positions read in them. */
export function bothSides(dictionary: Dictionary, { sides }: Pick<Scored, 'sides'>, edit: PooledEdit) {
  const clean = editPositions(dictionary, sides[0], edit);
  const patch = editPositions(dictionary, sides[1], edit);
  const [n, m] = [sides[0].read.length, sides[1].read.length];
  const move = n + m === 0 ? 0 : (n * clean.move + m * patch.move) / (n + m);
  return { clean: clean.x_BTD, patch: patch.x_BTD, move };
}

/** Features that are active in the prompts and not the edit's own, scaled so that the prompts move as far as by the edit. */
export function randomEdit(
  dictionary: Dictionary,
  prompts: Pick<Scored, 'sides' | 'active'>,
  edit: PooledEdit,
  count: number,
  stream: Random,
): PooledEdit {
  const own = new Set(edit.kind === 'strengths' ? edit.features : []);
  const features = stream.shuffle(prompts.active.filter((feature) => !own.has(feature))).slice(0, count);
  const [wanted, whole] = [edit, removal(features)].map((one) => bothSides(dictionary, prompts, one).move);
  // Beyond 1 a feature is turned round: the size is what is matched.
  const alpha = new Float64Array(features.length).fill(whole! > 0 ? 1 - wanted! / whole! : 1);
  return { kind: 'strengths', features, alpha };
}
