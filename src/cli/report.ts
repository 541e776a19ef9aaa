/** @file A study's summary for people: the sentence, then one table for each part, numbers with their interval. */
import { describeResult } from '../study/describe.ts';
import type { StudySummary } from '../study/summary.ts';
import type { Io } from './io.ts';
import { duration } from './progress.ts';
import { table } from './table.ts';

/** Results that were not measured are null: JSON knows no NaN. */
const fixed = (value: number | null, digits: number): string => value?.toFixed(digits) ?? '–';
const spread = (
  value: number | null,
  [low, high]: readonly [number | null, number | null],
  digits = 2,
): string =>
  value === null ? '–' : `${fixed(value, digits)} (${fixed(low, digits)} to ${fixed(high, digits)})`;

/** The report as text. */
export function report(summary: StudySummary, { style }: Pick<Io, 'style'>): string {
  const parts: string[] = [`\n${style.strong(summary.sentence)}\n`];
  const section = (title: string, body: string) => parts.push(`\n${style.strong(title)}\n${body}`);
  const { model, logits, energy } = summary;
  if (model && logits) {
    const million = Math.round(model.parameters / 1e6);
    section(
      'Model',
      `  ${model.name}, ${million} M parameters, from ${model.source}\n${model.note ? `  ${model.note}\n` : ''}` +
        `  ${logits.ioiCorrect} of ${logits.of} indirect-object prompts right, P(" Mary") = ${fixed(logits.pMary, 3)}\n`,
    );
  }
  if (summary.dictionaries.length > 0) {
    section(
      'Dictionaries',
      table(
        ['site', 'kind', 'features', 'L0', 'FVE', 'CE recovered', 'dead %', 'tokens/s'],
        summary.dictionaries.map((d) => [
          d.site,
          d.architecture,
          String(d.features),
          fixed(d.l0, 1),
          fixed(d.fve, 3),
          fixed(d.ceRecovered, 3),
          fixed(100 * d.dead, 1),
          String(Math.round(d.tokensPerSecond)),
        ]),
      ),
    );
  }
  for (const { site, rows } of summary.sweeps) {
    section(
      `Compared at ${site}`,
      table(
        ['dictionary', 'features', 'L0', 'FVE', 'CE recovered', 'dead %'],
        rows.map((row) => [
          row.chosen ? `${row.name} (chosen)` : row.name,
          String(row.features),
          fixed(row.l0, 1),
          fixed(row.fve, 3),
          fixed(row.ceRecovered, 3),
          fixed(100 * row.dead, 1),
        ]),
      ),
    );
  }
  if (summary.circuits.length > 0) {
    section(
      'Circuits (held-out examples, 95 % intervals)',
      table(
        ['task', 'nodes', 'faithfulness', 'random, equal size', 'completeness'],
        summary.circuits.map((c) => [
          c.task,
          String(c.nodes),
          spread(c.faithfulness, c.interval),
          spread(c.random, c.randomInterval),
          fixed(c.completeness, 2),
        ]),
      ),
    );
  }
  if (energy) {
    section(
      'Energy',
      table(
        ['task', 'costate spread', 'median leak %'],
        energy.tasks.map((e) => [e.task, e.costateSpread.toExponential(1), fixed(100 * e.leak, 1)]),
      ),
    );
  }
  if (summary.concepts.length > 0) {
    section(
      'Concepts of your own',
      table(
        ['module', 'task', 'says'],
        summary.concepts.map((c) => [c.module, c.task, describeResult(`concept/${c.module}/${c.task}`, c)]),
      ),
    );
  }
  if (summary.edit.length > 0) {
    section(
      'Edit (95 % intervals)',
      table(
        ['method', 'strength', 'bias before', 'after', 'agreement before', 'after', 'KL on plain text'],
        summary.edit.map((row) => [
          row.method,
          String(row.strength),
          fixed(row.biasBefore, 2),
          spread(row.biasAfter, row.biasAfterInterval),
          fixed(row.agreementBefore, 3),
          spread(row.agreementAfter, row.agreementAfterInterval, 3),
          spread(row.kl, row.klInterval, 4),
        ]),
      ),
    );
  }
  parts.push(
    `\n${style.faint(`${duration(summary.seconds.total)}, ${Math.round(summary.memory.peakBytes / 1e6)} MB of memory at most`)}\n`,
  );
  return parts.join('');
}
