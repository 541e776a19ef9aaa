/** @file What the commands of energy share: which model, which dictionaries, which task, and the work under a live line. */
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import type { WorkContext } from '../../core/progress.ts';
import type { Estimate } from '../../core/statistics.ts';
import { fixed } from '../../pictures/scale.ts';
import type { DepthRequest } from '../../study/energy/depth.ts';
import type { EnergyRequest, TextRequest } from '../../study/energy/setting.ts';
import { energyFile, type SavedKind } from '../../study/saved.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, positive } from '../options.ts';
import { type Plot, plot, plotOption } from '../plot.ts';

export interface EnergyOptions extends Plot {
  readonly model?: string;
  readonly dictionaries: readonly string[];
  readonly study?: string;
  readonly tokensPerRun?: number;
}

export interface TaskOptions extends EnergyOptions {
  readonly task: string;
  readonly examples: number;
}

/** Options of every command of energy, the global ones and `--plot` among them. */
export function addEnergyOptions(command: Command): Command {
  command
    .addOption(new Option('--model <model>', "as for `untangle run` (the study's, else smollm2-135m)"))
    .addOption(
      new Option(
        '--dictionaries <source...>',
        'folders or files of dictionaries, a folder of such folders, or names on the Hugging Face hub (those that a study has learned in the workspace)',
      ).default([], 'the study’s'),
    )
    .addOption(
      new Option('--study <file>', "whose dictionaries in the workspace are taken (the demo's study)"),
    )
    .addOption(
      new Option('--tokens-per-run <number>', 'examples × positions in one run: bounds memory').argParser(
        positive,
      ),
    )
    .addOption(plotOption());
  belong(
    command,
    ['--study'],
    'a command without --model or without --dictionaries',
    ({ model, dictionaries }: EnergyOptions) => model === undefined || dictionaries.length === 0,
  );
  return addGlobalOptions(command);
}

const addTask = (command: Command, examples: number): Command =>
  command
    .addOption(
      new Option('--task <task>', 'a built-in task (docs/data.md) or a task file').default('agreement'),
    )
    .addOption(
      new Option('--examples <number>', 'pairs of prompts to measure on')
        .default(examples)
        .argParser(positive),
    );

/** The same with a task. */
export const addTaskOptions = (command: Command, examples: number): Command =>
  addEnergyOptions(addTask(command, examples));

export const requestOf = ({
  model,
  dictionaries,
  study,
  workspace,
  threads,
  tokensPerRun,
  seed = 0,
}: EnergyOptions): EnergyRequest => ({
  ...{ dictionaries, workspace, threads, seed },
  ...(model === undefined ? {} : { model }),
  ...(study === undefined ? {} : { study }),
  ...(tokensPerRun === undefined ? {} : { tokensPerRun }),
});

export const taskRequestOf = (options: TaskOptions): DepthRequest => ({
  ...requestOf(options),
  task: options.task,
  examples: options.examples,
});

/** Does the work under a live line, draws it, and prints it as JSON or as the command writes it. */
export async function show<Report>(
  options: Plot,
  io: Io,
  work: (context: WorkContext) => Promise<Report>,
  { draw, print }: { readonly draw: (report: Report) => string; readonly print: (report: Report) => void },
): Promise<void> {
  const view = taskView(io, options.quiet === true);
  const report = await work({ progress: view.progress, signal: io.signal }).finally(() => view.close());
  await plot(options.plot, () => draw(report), io);
  if (options.json) printJson(io, report);
  else print(report);
}

/** Does the work and keeps its result where the Studio finds it; that it can be written there is seen before. */
export async function keep<Report>(
  kind: SavedKind,
  { workspace, quiet }: Plot,
  io: Io,
  work: () => Promise<Report>,
): Promise<Report> {
  const { makeWritable, writeJson } = await import('../../files/atomic.ts');
  const file = energyFile(workspace, kind);
  await makeWritable(dirname(file));
  const report = await work();
  await writeJson(file, report);
  if (!quiet) io.err(`${file} written: the Studio’s Energy page shows it\n`);
  return report;
}

export interface TextOptions extends EnergyOptions {
  readonly text: string;
  readonly windows: number;
  readonly length: number;
}

/** The same with plain text. */
export function addTextOptions(command: Command, windows: number, length: number): Command {
  command
    .addOption(
      new Option('--text <text>', 'a text of docs/data.md, or a file or folder').default('wikipedia-leads'),
    )
    .addOption(new Option('--windows <number>', 'how many texts').default(windows).argParser(positive))
    .addOption(
      new Option('--length <number>', 'predicted tokens of each').default(length).argParser(positive),
    );
  return addEnergyOptions(command);
}

export const textRequestOf = (options: TextOptions): EnergyRequest & TextRequest => {
  const { text, windows, length } = options;
  return { ...requestOf(options), text, windows, length };
};

/** Task and text together. */
export function addTaskAndText(
  command: Command,
  {
    examples,
    windows,
    length,
  }: { readonly examples: number; readonly windows: number; readonly length: number },
): Command {
  addTask(command, examples);
  return addTextOptions(command, windows, length);
}

/** An estimate with its interval, where it has one; nothing where there is none. */
export function spread(estimate: Estimate | undefined, digits = 2): string {
  if (!estimate) return '';
  const { value, low, high } = estimate;
  return Number.isFinite(low)
    ? `${fixed(value, digits)} (${fixed(low, digits)} to ${fixed(high, digits)})`
    : fixed(value, digits);
}
