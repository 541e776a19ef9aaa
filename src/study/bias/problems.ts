/** @file The problems of a study on text: pooled rows with what measures an edit in the network above the cut. */
import { networkOf } from '../../circuits/cuts.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import type { WorkContext } from '../../core/progress.ts';
import { logitEffects } from '../../dictionaries/logit-effects.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { BiasProblem } from '../../edits/bias/problem.ts';
import { openTaskCollateral } from '../../edits/bias/task-collateral.ts';
import { openTextCollateral, type TextCollateral } from '../../edits/bias/text-collateral.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import { type Fisher, openFisher } from '../../edits/paths/fisher.ts';
import type { Model } from '../../models/types.ts';
import { openSession } from '../../runtime/session.ts';
import { textWindows } from '../steps/text.ts';
import { GENDERED, otherTasks } from './other-tasks.ts';
import type { DictionaryRows } from './rows.ts';
import type { BiasTextOptions } from './types.ts';

/** What problems are opened on. */
export interface ProblemInput {
  readonly options: BiasTextOptions;
  readonly model: Model;
  readonly textFolder: string;
  readonly threads: number;
}

/** Tokens of one window of plain text. */
const WINDOW = 64;
/** Texts of the metric, and tokens of one: tangents of all strengths at once take memory. */
const METRIC = { texts: 4, tokens: 24 } as const;

/** What holds sessions. */
export interface Opened {
  release(): Promise<void>;
}

/**
 * The problem of every dictionary: rows, plain text, metric; other tasks and names of features with the first alone.
 * What is opened is put into `opened`, also where it fails.
 * @throws CircuitError
 */
export async function openProblems(
  { options, model, textFolder, threads }: ProblemInput,
  all: readonly DictionaryRows[],
  opened: Opened[],
  context: WorkContext,
): Promise<{ readonly problems: BiasProblem[]; readonly otherTasks: NonNullable<BiasResult['otherTasks']> }> {
  const network = networkOf(model);
  const run = runOptions(threads, context);
  const windows = await plainWindows(textFolder, options.textWindows);
  const { dictionary: first } = all[0]!;
  const labels = await labelsOf(model, first, threads, context);
  const made = otherTasks(model.tokenizer, options.taskPairs, options.seed);
  const tasks = await openTaskCollateral(
    network,
    first,
    { tasks: made.tasks, targets: GENDERED },
    threads,
    run,
  );
  opened.push(tasks);
  const problems: BiasProblem[] = [];
  for (const [d, rows] of all.entries()) {
    const collateral = await openTextCollateral(network, rows.dictionary, windows, threads, run);
    opened.push(collateral);
    problems.push({
      ...problemOf(rows, collateral),
      ...(d === 0 && labels ? { label: (feature) => labels[feature] } : {}),
      ...(d === 0 ? { otherTasks: (edit) => tasks.measure(edit) } : {}),
      fisher: fisherOf(model, rows, threads, opened, run),
    });
  }
  return { problems, otherTasks: { draws: tasks.draws, left: [...made.left, ...tasks.left] } };
}

/** The metric on retain texts; opened when it is first asked for. */
function fisherOf(
  model: Model,
  rows: DictionaryRows,
  threads: number,
  opened: Opened[],
  run: RunOptions,
): NonNullable<BiasProblem['fisher']> {
  let fisher: Promise<Fisher> | undefined;
  const open = async (): Promise<Fisher> => {
    const { dictionary } = rows;
    const windows = metricWindows(model, rows);
    const found = await openFisher({ network: networkOf(model), dictionary, windows, threads }, run);
    opened.push(found);
    return found;
  };
  return async (features, alpha) => {
    fisher ??= open();
    return (await fisher).at(features, alpha);
  };
}

const runOptions = (threads: number, { signal }: WorkContext): RunOptions => ({
  open: (graph) => openSession(graph, { threads }),
  tokensPerRun: TOKENS_PER_RUN,
  threads,
  ...(signal ? { signal } : {}),
});

function problemOf(
  { dictionary, sets, deleted, concepts, fields }: DictionaryRows,
  collateral: TextCollateral,
): BiasProblem {
  return {
    name: `${fields[0]}-${fields[1]}`,
    outcome: { name: 'field', values: fields },
    protected: { name: 'gender', values: ['male', 'female'] },
    width: dictionary.width,
    features: dictionary.features,
    W_dec_FD: dictionary.W_dec_FD,
    ...sets,
    withoutTokens: deleted,
    concepts,
    collateral: (edit) => collateral.measure(edit),
  };
}

/** Windows of held-out plain text. */
async function plainWindows(folder: string, count: number): Promise<Int32Array[]> {
  const { heldOut } = await textWindows(folder);
  return heldOut
    .filter((window) => window.tokens.length >= WINDOW)
    .slice(0, count)
    .map((window) => window.tokens.subarray(0, WINDOW));
}

/** The beginnings of retain texts of both fields in turn, all of one length: what the metric keeps the predictions of. */
function metricWindows({ tokenizer }: Model, { retainTexts }: DictionaryRows): Int32Array[] {
  const encoded = retainTexts.map((texts) =>
    texts
      .map((text) => [...(tokenizer.bos === undefined ? [] : [tokenizer.bos]), ...tokenizer.encode(text)])
      .filter((ids) => ids.length > 2),
  );
  const chosen = encoded.flatMap((texts) =>
    [...texts].sort((a, b) => b.length - a.length).slice(0, METRIC.texts / 2),
  );
  const length = Math.min(METRIC.tokens, ...chosen.map((ids) => ids.length));
  return chosen.map((ids) => Int32Array.from(ids.slice(0, length)));
}

/** The tokens that each feature promotes most, as its name. */
async function labelsOf(
  { graph, tokenizer }: Model,
  dictionary: Dictionary,
  threads: number,
  { signal }: WorkContext,
): Promise<string[] | undefined> {
  const effects = await logitEffects(graph, dictionary, {
    top: 4,
    threads,
    ...(signal ? { signal } : {}),
  });
  return effects?.map(({ promoted }) =>
    promoted.map(({ token }) => tokenizer.decode([token]).trim() || '␣').join(', '),
  );
}
