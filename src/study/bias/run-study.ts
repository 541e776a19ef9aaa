/** @file The step `bias/study`: problems from pooled rows, the study, and what has to be said beside its figures. */
import { networkOf } from '../../circuits/cuts.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import { EditError } from '../../core/errors.ts';
import { sha256 } from '../../core/hash.ts';
import type { WorkContext } from '../../core/progress.ts';
import { logitEffects } from '../../dictionaries/logit-effects.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { BiasProblem } from '../../edits/bias/problem.ts';
import { biasStudy } from '../../edits/bias/study.ts';
import { openTaskCollateral } from '../../edits/bias/task-collateral.ts';
import { openTextCollateral, type TextCollateral } from '../../edits/bias/text-collateral.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import { type Fisher, openFisher } from '../../edits/paths/fisher.ts';
import type { Model } from '../../models/types.ts';
import { openSession } from '../../runtime/session.ts';
import { textWindows } from '../steps/text.ts';
import { GENDERED, otherTasks } from './other-tasks.ts';
import { published } from './published.ts';
import { type DictionaryRows, pooledRows } from './rows.ts';
import type { PoolResult } from './texts.ts';
import type { BiasTextOptions, Choice } from './types.ts';

export interface StudyInput {
  readonly options: BiasTextOptions;
  readonly model: Model;
  /** As it was asked for. */
  readonly modelName: string;
  readonly textFolder: string;
  readonly poolFolder: string;
  readonly pool: PoolResult;
  /** Of the dictionaries. */
  readonly folders: readonly string[];
  readonly threads: number;
}

/** Tokens of one window of plain text. */
const WINDOW = 64;
/** Texts of the metric, and tokens of one: tangents of all strengths at once take memory. */
const METRIC = { texts: 4, tokens: 24 } as const;

/** Runs the study on what the steps before have left. @throws EditError; CircuitError; InterruptedError */
export async function runBiasStudy(input: StudyInput, context: WorkContext): Promise<BiasResult> {
  const begun = performance.now();
  const { options, model, folders, poolFolder, threads, pool } = input;
  const all = await pooledRows({ options, model, folders, folder: poolFolder, threads }, context);
  if (options.choice) requireChoice(options.choice, options.site, model, all[0]!.dictionary);
  const opened: Opened[] = [];
  try {
    const { problems, otherTasks } = await openProblems(input, all, opened, context);
    const study = await biasStudy(
      problems,
      {
        probes: options.probes,
        resamples: options.resamples,
        seed: options.seed,
        ...(options.paths ? { paths: options.paths } : {}),
        ...(options.choice ? { choice: options.choice.features } : {}),
      },
      context,
    );
    const { outcome, protected: attribute, name } = problems[0]!;
    return {
      format: 'untangle-bias',
      version: 1,
      ...{ name, outcome, protected: attribute },
      model: { name: model.name, hash: model.hash },
      site: options.site,
      dictionaries: all.map(({ dictionary }, seed) => ({
        name: options.dictionaries[seed] ?? `seed ${seed}`,
        seed,
        features: dictionary.features,
        hash: dictionaryHash(dictionary),
      })),
      counts: pool.cells.map(({ side, field, gender, natural, swapped }) => ({
        set: side,
        outcome: field,
        protected: gender,
        ...{ natural, swapped },
      })),
      ...study,
      otherTasks,
      published,
      attribution: pool.attribution,
      seconds: (performance.now() - begun) / 1000,
      command: '',
    };
  } finally {
    for (const one of opened) await one.release();
  }
}

/** What holds sessions. */
interface Opened {
  release(): Promise<void>;
}

/** The problem of every dictionary: rows, plain text, metric; other tasks and names of features with the first alone. */
async function openProblems(
  { options, model, textFolder, threads }: StudyInput,
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

/** Names the dictionary that a choice's features are numbers of. */
export const dictionaryHash = ({ W_enc_FD: { buffer, byteOffset, byteLength } }: Dictionary): string =>
  sha256(new Uint8Array(buffer, byteOffset, byteLength)).slice(0, 16);

/**
 * Throws unless the choice is one of this model, site and dictionary.
 * @throws EditError `edit.other-model`, `edit.choice`
 */
export function requireChoice(
  choice: Choice,
  site: string,
  model: Pick<Model, 'name' | 'hash'>,
  dictionary: Dictionary,
): void {
  const hash = dictionaryHash(dictionary);
  if (choice.modelHash !== undefined && choice.modelHash !== model.hash) {
    throw new EditError('edit.other-model', `the choice was made on another model than ${model.name}`, {
      where: choice.modelHash,
      hint: `choose again in the Studio on ${model.name} (${model.hash})`,
    });
  }
  if (choice.site !== site || (choice.dictionary !== undefined && choice.dictionary !== hash)) {
    throw new EditError('edit.other-model', 'the choice was made on another dictionary', {
      where: choice.dictionary ?? choice.site,
      hint: `features are numbers of one dictionary: choose again at ${site} (${hash})`,
    });
  }
  const beyond = choice.features.find((feature) => feature >= dictionary.features);
  if (beyond === undefined) return;
  throw new EditError('edit.choice', `the dictionary has no feature ${beyond}`, {
    where: site,
    hint: `its features go from 0 to ${dictionary.features - 1}`,
  });
}
