/** @file Figures of docs/energy.md (importance, circuits by energy) and docs/edits.md (strengthening), written from the results of their benchmarks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Estimate } from '../src/core/statistics.ts';
import type { StrengthenResult } from '../src/edits/strengthen.ts';
import type { ImportanceRun } from '../src/energy/importance/types.ts';
import type { MaskCircuitResult } from '../src/energy/masks/types.ts';

const pageOf = (name: string) => fileURLToPath(new URL(`../docs/${name}.md`, import.meta.url));

const fixed = (value: number): string => value.toFixed(2).replace('-', '−');
const spread = (e: Estimate | undefined): string =>
  e ? `${fixed(e.value)} (${fixed(e.low)} to ${fixed(e.high)})` : '–';
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Puts `text` between the marks of `name`; a page without them stays as it is. */
function write(name: string, text: string, page = pageOf('energy')): void {
  const [start, end] = [`<!-- ${name}: written by its benchmark -->`, `<!-- /${name} -->`];
  const [before, rest] = readFileSync(page, 'utf8').split(start);
  const after = rest?.split(end)[1];
  if (after !== undefined) writeFileSync(page, `${before}${start}\n\n${text}\n\n${end}${after}`);
}

/** One table a site and metric: Spearman of the trained network, of the nulls, partial, beyond, precision, CMD. */
export function writeImportance(runs: readonly Omit<ImportanceRun, 'rows'>[]): void {
  const parts = runs
    .filter((run) => run.network === 'trained')
    .map((run) => {
      const nulls = runs.filter(
        (r) => r.network !== 'trained' && r.site === run.site && r.metric === run.metric,
      );
      const rows = run.scores.map((s) => [
        s.name,
        spread(s.spearman),
        ...nulls.map((r) => spread(r.scores.find((one) => one.name === s.name)?.spearman)),
        spread(s.partial),
        spread(s.beyondGradient),
        fixed(s.precision.value),
        s.cmd ? fixed(s.cmd.value) : '–',
      ]);
      return [
        `\`${run.site}\`, ${run.metric}: ${run.features} of ${run.eligible} features, ${run.examples} examples of ${run.positions} tokens.`,
        ...(run.training ? [trainingsTable([run, ...nulls])] : []),
        table(
          [
            'ranking',
            'Spearman',
            ...nulls.map((r) => `${r.network}`),
            'given activation and frequency',
            'beyond gradient × activation',
            `first ${run.k}`,
            'CMD',
          ],
          rows,
        ),
      ].join('\n\n');
    });
  write('importance', parts.join('\n\n'));
}

/** How recorded dictionaries were trained: ΔV, what features and what shared parameters made of it, what the split lost. */
function trainingsTable(runs: readonly Omit<ImportanceRun, 'rows'>[]): string {
  const head = [
    ...['dictionary of', 'V at the start', 'at the end', 'by features', 'not accounted for'],
    ...['variance explained', 'active'],
  ];
  return table(
    head,
    runs.flatMap(({ network, training }) => {
      if (!training) return [];
      const { potential, change, shared, completeness, fve, l0 } = training;
      return [
        [
          ...[
            network,
            fixed(potential[0]!),
            fixed(potential.at(-1)!),
            `${fixed(100 - (100 * shared) / change)} %`,
          ],
          ...[completeness.toExponential(1), fixed(fve), fixed(l0)],
        ],
      ];
    }),
  );
}

/** One table a loss: held-out faithfulness by size of every arm, then energy minus each other arm. */
export function writeMasks(results: readonly MaskCircuitResult[]): void {
  const parts = results.map(({ loss, task, arms, differences, examples, heldOutExamples, candidates }) => {
    const sizes = arms[0]!.points.map((p) => p.nodes);
    const others = [...new Set(differences.map((d) => d.against))];
    return [
      `\`${task}\`, V of ${loss === 'kl' ? 'KL to the clean output' : 'minus the metric'}: ${examples} train and ${heldOutExamples} held-out examples, ${candidates} candidates.`,
      table(
        ['arm', 'gradients', 'seconds', ...sizes.map((n) => `${n} nodes`)],
        arms.map((arm) => [
          arm.name,
          String(arm.gradients ?? '–'),
          arm.seconds.toFixed(0),
          ...arm.points.map((p) => spread(p.faithfulness)),
        ]),
      ),
      'Energy minus the others, held-out examples kept paired:',
      table(
        ['against', ...sizes.map((n) => `${n} nodes`)],
        others.map((against) => [
          against,
          ...sizes.map((n) =>
            spread(differences.find((d) => d.against === against && d.nodes === n)?.difference),
          ),
        ]),
      ),
    ].join('\n\n');
  });
  write('circuit by energy', parts.join('\n\n'));
}

/** Accuracy, margin, other tasks and KL of features turned up, beside random ones moved as far. */
export function writeStrengthening(results: readonly StrengthenResult[]): void {
  const percent = (e: Estimate) =>
    `${(100 * e.value).toFixed(1)} % (${(100 * e.low).toFixed(1)} to ${(100 * e.high).toFixed(1)})`;
  const parts = results.map(({ baseline, rows, chosen, title, features }) => {
    const head = [
      'edit',
      'accuracy',
      'margin',
      'margin beyond random, pair by pair',
      ...baseline.others.map((one) => `accuracy: ${one.task}`),
      'KL on plain text',
    ];
    const unedited = ['none', percent(baseline.accuracy), spread(baseline.margin), '–'];
    return [
      `${title}, ${features.length} features; on train pairs the gain ${chosen.gain} has the largest margin.`,
      table(head, [
        [...unedited, ...baseline.others.map((one) => percent(one.accuracy)), '0'],
        ...rows.map((row) => [
          `${row.method === 'features' ? 'features' : 'random'} + ${row.gain}`,
          percent(row.accuracy),
          spread(row.margin),
          spread(row.beyondRandom),
          ...row.others.map((one) => percent(one.accuracy)),
          row.kl.value.toFixed(3),
        ]),
      ]),
    ].join('\n\n');
  });
  write('strengthening', parts.join('\n\n'), pageOf('edits'));
}
