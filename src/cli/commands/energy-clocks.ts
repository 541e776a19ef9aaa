/** @file `untangle energy sequence`: T, V, E and drift of features over the tokens of real texts. */
import { type Command, Option } from 'commander';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number, percent } from '../../pictures/scale.ts';
import { driftPicture, tracePhasePicture, traceSeriesPicture } from '../../study/energy/draw.ts';
import { sequenceReport } from '../../study/energy/sequence-report.ts';
import type { SequenceReport } from '../../study/energy/types.ts';
import type { Io } from '../io.ts';
import { integer, numbersOf, positive } from '../options.ts';
import { table } from '../table.ts';
import { addTextOptions, show, type TextOptions, textRequestOf } from './energy-options.ts';

interface SequenceOptions extends TextOptions {
  readonly site?: string;
  readonly feature: readonly number[];
  readonly top: number;
  readonly exact: boolean;
  readonly picture: 'phase' | 'series' | 'article' | 'drift';
}

const size = { width: 900, height: 520 };

export function addSequence(energy: Command, io: Io): void {
  const command = energy
    .command('sequence')
    .summary('every feature over tokens: T of its movement, V of its use, energy and drift')
    .description(
      'q is a feature’s activation, p = mass × its change to the next token, T = p²/2m, V = L − L(do feature = 0) to first order: ' +
        'below 0 for a feature that helps. Beside each drift stands the drift with V permuted in time.',
    )
    .addOption(new Option('--site <site>', 'whose dictionary (the middle one)'))
    .addOption(
      new Option('--feature <number...>', 'features whose motion is kept, before those that count most')
        .default([])
        .argParser(numbersOf(integer)),
    )
    .addOption(new Option('--top <number>', 'features listed').default(12).argParser(positive))
    .addOption(new Option('--no-exact', 'do not compare first-order V with runs'))
    .addOption(
      new Option(
        '--picture <name>',
        'what --plot draws of the first feature: phase portrait, T + V over tokens (series), T − U over tokens (article); or the drift of all',
      )
        .choices(['phase', 'series', 'article', 'drift'])
        .default('phase'),
    )
    .action((options: SequenceOptions) =>
      show(
        options,
        io,
        (context) =>
          sequenceReport(
            textRequestOf(options),
            {
              ...(options.site === undefined ? {} : { site: options.site }),
              features: options.feature,
              shown: 8,
              rows: Math.max(40, options.top),
              texts: 6,
              exact: options.exact,
            },
            context,
          ),
        { draw: (report) => draw(report, options), print: (report) => print(report, options.top, io) },
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy sequence --site blocks.11 --windows 32\n' +
        '  untangle energy sequence --feature 512 --picture article --plot feature.svg',
    );
  addTextOptions(command, 16, 64);
}

function draw(report: SequenceReport, { picture, top }: SequenceOptions): string {
  const [first] = report.features;
  if (picture === 'drift' || !first) return driftPicture(report.clock, top, 800);
  if (picture === 'phase') return tracePhasePicture(first, report.clock.site, size);
  const kind = picture === 'series' ? 'textbook' : 'article';
  const text = busiest(first);
  return (
    traceSeriesPicture(first, text, report.texts[text] ?? [], kind, size) ??
    driftPicture(report.clock, top, 800)
  );
}

/** The text in which a feature is most active. */
const busiest = ({ traces }: SequenceReport['features'][number]): number =>
  traces.reduce(
    (best, { text, q }) => {
      const most = Math.max(0, ...q);
      return most > best.most ? { text, most } : best;
    },
    { text: 0, most: -1 },
  ).text;

/** Absent where there is no feature to take a share of. */
const share = (value: number | undefined): string => (value === undefined ? '–' : percent(value, 1));

function print(report: SequenceReport, top: number, io: Io): void {
  const { clock, model, text } = report;
  const [main] = clock.tables;
  io.out(
    `Features at ${cutLabel(clock.site)} of ${model} over ${clock.texts} texts of ${report.length} tokens (${text}), ${clock.steps} steps\n\n`,
  );
  io.out(
    table(
      ['feature', 'active', 'mass', '⟨T⟩', '⟨V⟩', '⟨U⟩ = −⟨V⟩', 'T + V', 'T − U', 'drift', 'V permuted', 'p'],
      (main?.features ?? [])
        .slice(0, top)
        .map((row) => [
          ...[String(row.feature), String(row.active), number(row.mass), number(row.kinetic)],
          ...[number(row.potential), number(row.performance), number(row.energy), number(row.article)],
          ...[fixed(row.drift, 3), fixed(row.nullDrift, 3), fixed(row.belowNull, 2)],
        ]),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['mass', 'median drift', 'V permuted', 'below their null', 'of those that help', 'of those that harm'],
      clock.tables.map((one) => [
        ...[one.rule, fixed(one.medianDrift, 3), fixed(one.medianNullDrift, 3), share(one.belowNull)],
        ...[share(one.belowNullLowering), share(one.belowNullRaising)],
      ]),
    ),
  );
  if (clock.exact) {
    const { points, correlation, error, sameSign } = clock.exact;
    io.out(
      `\nV to first order against ${points.length} runs: correlation ${fixed(correlation, 2)}, Σ|difference| / Σ|exact| ${fixed(error, 2)}, same sign ${percent(sameSign)}\n`,
    );
  }
  io.out(
    '\nEnergies in nats. T − U with U = −V, the article’s form, is the same number as T + V. drift: std of the energy over time / ' +
      '(mean |T| + mean |V|). below their null: share of features whose drift is among the lowest twentieth of V permuted in time; 5 % by chance. T and V are both large where a feature is active: they cancel where V < 0 (helps) and add up where V > 0.\n',
  );
}
