/** @file Writes the tables of docs/bias.md from bench/results/bias.json and bias-cps.json, so that no number is typed by hand. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { endPointVerdicts } from '../src/edits/bias/end-point.ts';
import type { BiasResult, BiasRow } from '../src/edits/bias/types.ts';
import { columnsOf, fixed, percent } from '../src/study/bias/columns.ts';
import { besideRandom, besideRandomWords, taskTables } from '../src/study/bias/task-columns.ts';

interface Saved {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number };
  readonly steps: readonly { readonly name: string; readonly seconds: number }[];
  readonly chosen: readonly { readonly feature: number; readonly label?: string }[];
  readonly result: Pick<
    BiasResult,
    'verdicts' | 'nulls' | 'counts' | 'outcome' | 'protected' | 'model' | 'site' | 'seeds' | 'otherTasks'
  > & { readonly rows: readonly Omit<BiasRow, 'curve' | 'runs'>[] };
}

const page = 'docs/bias.md';

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The page with the tables of the committed results; a block whose result is not there stays as it is. */
export const withTables = (text: string): string => ['bias', 'bias-cps'].reduce(withTable, text);

function withTable(text: string, name: string): string {
  const file = `bench/results/${name}.json`;
  if (!existsSync(file)) return text;
  const [begin, end] = [`<!-- ${name}: npm run bias-table -->`, `<!-- /${name} -->`];
  const { date, machine, steps, chosen, result } = JSON.parse(readFileSync(file, 'utf8')) as Saved;
  const { rows, verdicts, nulls, counts, outcome } = result;
  const of = (set: string, key: 'natural' | 'swapped') =>
    counts.filter((count) => count.set === set).reduce((sum, count) => sum + count[key], 0);
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const columns = columnsOf(result, 0);
  const blocks = [
    `${result.model.name} at \`${result.site}\`, ${outcome.values.join(' against ')}: trained on ${of('train', 'natural')} natural and ` +
      `${of('train', 'swapped')} swapped rows, tested on ${of('balanced', 'natural')} and ${of('balanced', 'swapped')}; ` +
      `${result.seeds.probes} probe seeds, ${result.seeds.dictionaries} dictionaries. ${seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`} on ` +
      `${machine.cores} cores (${machine.cpu}; ${date}). Shares in per cent; in brackets 95 % intervals. Shuffled labels: ${outcome.name} ` +
      `${percent(nulls.fieldAccuracy)}, leakage ${percent(nulls.leakage.linear)} (linear).`,
    table(
      columns.map(({ name }) => name),
      rows.map((row) => columns.map(({ cell }) => cell(row))),
    ),
    '\\* may look at balanced data: a bound, no competitor.',
    ...otherTasks(result),
    `The rule took: ${chosen.map(({ feature, label }) => (label ? `${feature} (${label})` : feature)).join('; ')}.`,
    table(
      ['claim', 'compared', 'difference', 'margin', 'verdict'],
      [
        ...verdicts.map(({ claim, quantity, difference: { value, low, high }, margin, outcome: said }) => [
          claim,
          quantity,
          `${fixed(value, 3)} (${fixed(low, 3)} to ${fixed(high, 3)})`,
          String(margin),
          `**${said}**`,
        ]),
        ...endPointVerdicts(verdicts).map(({ claim, quantity, outcome: said }) => [
          claim,
          quantity,
          '',
          '',
          `**${said}**`,
        ]),
      ],
    ),
  ];
  return `${text.slice(0, text.indexOf(begin))}${begin}\n${blocks.join('\n\n')}\n${text.slice(text.indexOf(end))}`;
}

/** Other tasks under every edit: two tables, and which edits do more than random ones. */
function otherTasks(result: Saved['result']): string[] {
  const rows = result.rows.filter((row) => row.otherTasks);
  const [first] = rows;
  const compared = besideRandom(rows);
  if (!first || !compared) return [];
  return [
    ...taskTables(result).flatMap(({ title, columns }) => [
      `**${title}** (${first.otherTasks!.tasks[0]!.examples} held-out pairs each, ${result.otherTasks?.draws} draws, first dictionary)`,
      table(
        columns.map(({ name }) => name),
        rows.map((row) => columns.map(({ cell }) => cell(row))),
      ),
    ]),
    besideRandomWords(compared),
    ...(result.otherTasks?.left ?? []).map(({ task, why }) => `Not scored: ${task}, ${why}.`),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(page, withTables(readFileSync(page, 'utf8')));
