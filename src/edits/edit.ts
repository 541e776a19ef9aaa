/** @file Switching features off and counting what moved: bias, another task, plain text; random and mean edits beside it. */
import { dictionariesByDepth, type Network, networkOf } from '../circuits/cuts.ts';
import { loadEffects } from '../circuits/effects-file.ts';
import { pairsOf } from '../circuits/examples.ts';
import { tokenStates } from '../circuits/forward.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../circuits/run-options.ts';
import { CircuitError } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import type { GenderOccupation, Task } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Graph } from '../graph/types.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { strongestFeatures } from './choose.ts';
import { type Condition, conditions } from './conditions.ts';
import { editableAt, editFeeds } from './edit-graph.ts';
import { editedSites } from './edited-sites.ts';
import { openPromptRun, type TextFigures, textFigures } from './measure.ts';
import { type EditPrompts, occupationPrompts } from './occupations.ts';
import { assembleResult, type ConditionFigures } from './report.ts';
import type { EditedFeature, EditResult } from './types.ts';

export interface EditOptions {
  /** How many features are edited. */
  readonly features: number;
  readonly strengths: readonly number[];
  /** Random edits per strength; their figures are averaged example by example. */
  readonly randomDraws: number;
  /** Windows of plain text, and the tokens taken of each. */
  readonly textWindows: number;
  readonly textLength: number;
  /** Prompts per occupation in the table of occupations. */
  readonly promptsPerOccupation: number;
  readonly tokensPerRun: number;
}

export const EDIT_DEFAULTS: EditOptions = {
  features: 6,
  strengths: [0.5, 1, 2],
  randomDraws: 3,
  textWindows: 16,
  textLength: 64,
  promptsPerOccupation: 4,
  tokensPerRun: TOKENS_PER_RUN,
};

export interface EditInput {
  readonly model: Model;
  /** The task whose features are switched off; `occupations` where it has them (genderTask). */
  readonly task: Task & { readonly occupations?: readonly GenderOccupation[] };
  /** A task that should stay as it was. */
  readonly other?: Task;
  readonly dictionaries: readonly Dictionary[];
  /** Folder of the task's circuit step: its `effects.safetensors` is read. */
  readonly effectsFolder: string;
  /** Plain text: for the means of mean ablation, and for what is scored. */
  readonly text: {
    readonly train: readonly { readonly tokens: Int32Array }[];
    readonly heldOut: readonly { readonly tokens: Int32Array }[];
  };
  readonly threads: number;
  readonly seed: number;
  readonly options?: Partial<EditOptions>;
}

/**
 * Edits the strongest features of a task's circuit (chosen on train examples only) and measures on held-out ones.
 * @throws CircuitError `circuit.nothing-to-edit`, `circuit.no-text`, and what the circuit's functions throw
 */
export async function measureEdit(input: EditInput, context: WorkContext): Promise<EditResult> {
  const { model, task, other, threads } = input;
  const options = { ...EDIT_DEFAULTS, ...input.options };
  const network = networkOf(model);
  const effects = await loadEffects(input.effectsFolder);
  const features = strongestFeatures(
    effects.places.map((c) => c.effects),
    options.features,
  );
  const dictionaries = editedDictionaries(model, network, input, features);
  const run: RunOptions = {
    open: (graph) => openSession(graph, { threads }),
    tokensPerRun: options.tokensPerRun,
    ...(context.signal ? { signal: context.signal } : {}),
  };
  const label = { task: 'edit', label: `Edit: ${task.title}`, unit: 'runs' };
  return track(context.progress, label, async (advance) => {
    let done = 0;
    const counted: RunOptions = { ...run, advance: () => advance(++done) };
    const stream = random(input.seed).fork(`edit/${task.name}`);
    const seen = {
      pairs: pairsOf(task.name, task.train),
      windows: plainWindows(input.text.train, options),
    };
    const sites = await editedSites(network, dictionaries, features, seen, threads, run);
    const all = conditions(sites, options.strengths, options.randomDraws, stream);
    const editable = dictionaries.reduce<Graph>(editableAt, network.graph);
    const start = dictionaries[0]!.site;
    const windows = plainWindows(input.text.heldOut, options);
    const edits = all.map((c) => editFeeds(c.edits));
    const text = await textFigures(network, editable, start, windows, edits, counted);
    const prompts = {
      pairs: pairsOf(task.name, task.heldOut),
      other: other && pairsOf(other.name, other.heldOut),
      occupations: occupationPrompts(task, options.promptsPerOccupation),
    };
    const figures = await promptFigures(network, editable, start, all, prompts, text, counted);
    return assembleResult({ task, features, figures, prompts, windows, random: stream });
  });
}

/** Dictionaries with a feature to edit, by depth. */
function editedDictionaries(
  model: Model,
  network: Network,
  { dictionaries, task }: EditInput,
  features: readonly EditedFeature[],
): readonly Dictionary[] {
  const touched = new Set(features.map((f) => f.site));
  const edited = dictionariesByDepth(model, network, dictionaries).filter((d) => touched.has(d.site));
  if (features.length === 0 || edited.length < touched.size) {
    throw new CircuitError('circuit.nothing-to-edit', `no feature of "${task.name}" can be edited`, {
      where: task.name,
      hint: 'find its circuit first, with the same dictionaries',
    });
  }
  return edited;
}

/** The first tokens of the first windows. @throws CircuitError `circuit.no-text` */
function plainWindows(
  windows: readonly { readonly tokens: Int32Array }[],
  { textWindows, textLength }: EditOptions,
): Int32Array[] {
  const long = windows.filter((w) => w.tokens.length >= textLength).slice(0, textWindows);
  if (long.length === 0) {
    throw new CircuitError('circuit.no-text', `no window of plain text has ${textLength} tokens`, {
      hint: 'give the study more text, or longer windows',
    });
  }
  return long.map((w) => w.tokens.subarray(0, textLength));
}

/** Metrics of all held-out prompts under every condition. */
async function promptFigures(
  network: Network,
  editable: Graph,
  start: string,
  all: readonly Condition[],
  { pairs, other, occupations }: EditPrompts,
  text: readonly TextFigures[],
  run: RunOptions,
): Promise<ConditionFigures[]> {
  const quiet: RunOptions = { ...run, advance: undefined };
  const all_BT = [
    { ids_BT: pairs.clean_BT, positions: pairs.positions },
    { ids_BT: pairs.patch_BT, positions: pairs.positions },
    ...(other ? [{ ids_BT: other.clean_BT, positions: other.positions }] : []),
    ...(occupations ? [{ ids_BT: occupations.pairs.clean_BT, positions: occupations.pairs.positions }] : []),
  ];
  const starts = (await tokenStates(network, all_BT, [start], quiet)).map((states) => states[start]!);
  const [clean, patch] = starts as [Float32Array, Float32Array];
  const others = other && { pairs: other, clean: starts[2]! };
  const jobs = occupations && { pairs: occupations.pairs, clean: starts.at(-1)! };
  const session = await openPromptRun(network, editable, start, run);
  try {
    const figures: ConditionFigures[] = [];
    for (const [c, condition] of all.entries()) {
      figures.push({
        condition,
        text: text[c]!,
        clean_B: await session.metric(pairs, clean, editFeeds(condition.edits)),
        patch_B: await session.metric(pairs, patch, editFeeds(condition.edits)),
        other_B: others
          ? await session.metric(others.pairs, others.clean, editFeeds(condition.edits))
          : new Float64Array(),
        // One draw is enough to place occupations; it saves most of the prompts.
        occupations_B:
          jobs && condition.draw === 0
            ? await session.metric(jobs.pairs, jobs.clean, editFeeds(condition.edits))
            : new Float64Array(),
      });
      run.advance?.(1);
    }
    return figures;
  } finally {
    await session.release();
  }
}
