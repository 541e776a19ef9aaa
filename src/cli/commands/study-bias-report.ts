/** @file A bias study in plain words: the table, the curves' volumes, the ways over strengths, the verdicts. */
import { endPointVerdicts } from '../../edits/bias/end-point.ts';
import type { BiasPath, BiasResult, BiasRow, Verdict } from '../../edits/bias/types.ts';
import { columnsOf, fixed, percent } from '../../study/bias/columns.ts';
import { besideRandom, besideRandomWords, taskTables } from '../../study/bias/task-columns.ts';
import { table } from '../table.ts';

/** Columns that the command leaves to tables of their own. */
const apartFrom = ['natural', 'swapped', 'hypervolume'];

/** Headings that a terminal has no room for. */
const shortNames: Readonly<Record<string, string>> = {
  perplexity: 'ppl',
  'other tasks / random': 'other tasks',
};

/** The result in plain words: the table, the curves' volumes, the verdicts. */
export function report(result: BiasResult): string {
  const { outcome, protected: attribute, rows, nulls, counts } = result;
  const test = counts.filter((count) => count.set === 'balanced');
  const total = (pick: 'natural' | 'swapped') => test.reduce((sum, count) => sum + count[pick], 0);
  const columns = columnsOf(result, 1).filter(({ name }) => !apartFrom.includes(name));
  const lines = [
    `\n  A probe for ${outcome.name} (${outcome.values.join(' or ')}) at ${result.site} of ${result.model.name}, trained where ` +
      `${outcome.name} tells ${attribute.name}; shares in per cent, on ${total('natural')} natural and ${total('swapped')} swapped rows.\n\n`,
    table(
      columns.map(({ name }) => shortNames[name] ?? name),
      rows.map((row) => columns.map(({ cell }) => cell(row))),
    ),
    `\n  * may look at balanced data: a bound. 50 is ideal for ${attribute.name} and for leakage. Shuffled labels: ` +
      `${outcome.name} ${percent(nulls.fieldAccuracy)}, leakage ${percent(nulls.leakage.linear)} (linear).\n`,
    ...otherTasks(result),
    ...(rows.some((row) => row.hypervolume) ? ['\n', volumes(rows)] : []),
    ...(total('natural') > 0 && total('swapped') > 0 ? ['\n', apart(rows)] : []),
    ...(result.paths.length > 0 ? ['\n', ways(result)] : []),
    ...(result.verdicts.length > 0 ? ['\n', verdicts(result.verdicts)] : []),
    ...result.left.map(({ method, why }) => `\n  left out: ${method}: ${why}\n`),
  ];
  if (result.published.length > 0) {
    lines.push(
      `\n  Published, ${result.published[0]!.source}:\n`,
      table(
        ['method', 'field', 'gender', 'worst group'],
        result.published.map((row) => [
          row.method,
          ...[row.fieldAccuracy, row.genderAccuracy, row.worstGroup].map((value) => (100 * value).toFixed(1)),
        ]),
      ),
    );
  }
  return lines.join('');
}

/** Other behaviours of the network under each edit, task by task, and which tasks were not scored. */
function otherTasks(result: BiasResult): string[] {
  const { rows, otherTasks: about } = result;
  if (!about) return [];
  const tables = taskTables(result);
  const tasks = rows.find((row) => row.otherTasks)?.otherTasks?.tasks ?? [];
  const compared = besideRandom(rows);
  return [
    ...tables.map(
      ({ title, columns }) =>
        `\n  ${title}\n\n${table(
          columns.map(({ name }) => name),
          rows.filter((row) => row.otherTasks).map((row) => columns.map(({ cell }) => cell(row))),
        )}`,
    ),
    ...(tasks.length > 0
      ? [
          `  ${tasks[0]!.examples} held-out pairs of each task, first dictionary, edits at every position that it reads; ` +
            `${about.draws} draws of random features.\n`,
        ]
      : []),
    ...(compared ? [`  ${besideRandomWords(compared)}\n`] : []),
    ...about.left.map(({ task, why }) => `  other tasks, not scored: ${task}: ${why}\n`),
  ];
}

const volumes = (rows: readonly BiasRow[]): string =>
  table(
    ['hypervolume of the curve (leakage, worst group, KL)', 'of 1', 'low', 'high'],
    rows.flatMap(({ title, hypervolume }) =>
      hypervolume
        ? [
            [
              title,
              ...[hypervolume.value, hypervolume.low, hypervolume.high].map((value) => value.toFixed(3)),
            ],
          ]
        : [],
    ),
  );

const apart = (rows: readonly BiasRow[]): string =>
  table(
    ['natural and swapped rows apart', 'field, natural', 'swapped', 'worst group, natural', 'swapped'],
    rows.map(({ title, natural, swapped }) => [
      title,
      percent(natural.fieldAccuracy),
      percent(swapped.fieldAccuracy),
      percent(natural.worstGroup),
      percent(swapped.worstGroup),
    ]),
  );

/** T, V and H_c of least action at each step, how far H_c varies along every way, and what the metric is. */
function ways({ paths, rows }: BiasResult): string {
  const least = paths.find((path) => path.method === 'least-action');
  const spread = ({ H_c_K }: BiasPath) => Math.max(...H_c_K) - Math.min(...H_c_K);
  const digits = (value: number) => value.toPrecision(3);
  const note = rows.find((row) => row.method === 'least-action')?.note;
  return [
    ...(least
      ? [
          table(
            ['least action, s', 'T', 'V', 'H_c = T − V'],
            least.times_K.map((s, k) => [
              s.toFixed(2),
              ...[least.T_K[k]!, least.V_K[k]!, least.H_c_K[k]!].map((value) => value.toFixed(5)),
            ]),
          ),
          '\n',
        ]
      : []),
    table(
      ['ways', 'H_c varies by', 'N × KL paid', 'end momentum of free strengths'],
      paths.map((path) => [path.title, ...[spread(path), path.steppedKl, path.freeEndMomentum].map(digits)]),
    ),
    ...(note ? [`\n  ${note}\n`] : []),
  ].join('');
}

/** Verdicts under their claims; then what the comparisons of the end point say together. */
const verdicts = (all: readonly Verdict[]): string => {
  const single = all.map(({ difference: { value, low, high }, margin, units, ...verdict }) => ({
    ...verdict,
    said: ` ${fixed(value, 3)} (${fixed(low, 3)} to ${fixed(high, 3)}), margin ${margin}; ${units}`,
  }));
  const together = endPointVerdicts(all).map((verdict) => ({ ...verdict, said: '' }));
  return [...single, ...together]
    .map(({ claim, quantity, outcome, said }, i, lines) => {
      const heading = lines[i - 1]?.claim === claim ? '' : `  ${claim}\n`;
      return `${heading}    ${outcome}: ${quantity}${said}\n`;
    })
    .join('');
};
