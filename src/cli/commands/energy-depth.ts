/** @file `untangle energy budget`, `flow`, `blocks` and `brackets`: the depth clock of a task. */
import { type Command, Option } from 'commander';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number, percent } from '../../pictures/scale.ts';
import {
  type BlocksReport,
  type BracketsReport,
  type BudgetReport,
  blocksReport,
  bracketsReport,
  budgetReport,
  type FlowReport,
  flowReport,
} from '../../study/energy/depth.ts';
import {
  blocksPicture,
  canonicityPicture,
  cutsPicture,
  flowPicture,
  leaksPicture,
  nodeNames,
} from '../../study/energy/draw.ts';
import type { Io } from '../io.ts';
import { positive } from '../options.ts';
import { table } from '../table.ts';
import { addTaskOptions, show, type TaskOptions, taskRequestOf } from './energy-options.ts';

const size = { width: 960, height: 480 };
const about = ({ title, model, examples }: { title: string; model: string; examples: number }): string =>
  `${title}, ${model}, ${examples} pairs of prompts\n\n`;

interface BudgetOptions extends TaskOptions {
  readonly rules: readonly string[];
  readonly every: number;
  readonly picture: 'budget' | 'leaks';
}

export function addBudget(energy: Command, io: Io): void {
  const command = energy
    .command('budget')
    .summary('what carries the effect at each cut, and what each quadrature rule loses')
    .description(
      'At every complete cut the parts must add up to the whole effect Δm. Prints what features and error nodes carry where ' +
        'there is a dictionary, what each rule loses, and the costate invariant, which tests the calculation.',
    )
    .addOption(
      new Option('--rules <rule...>', 'quadratures, attribution-patching, or adaptive-TOLERANCE').default([
        ...['midpoint-10', 'left-10', 'attribution-patching'],
      ]),
    )
    .addOption(
      new Option('--every <number>', 'each n-th cut only, beside those of dictionaries')
        .default(1)
        .argParser(positive),
    )
    .addOption(
      new Option('--picture <name>', 'what --plot draws').choices(['budget', 'leaks']).default('budget'),
    )
    .action((options: BudgetOptions) =>
      show(options, io, (context) => budgetReport(taskRequestOf(options), options, context), {
        draw: ({ cuts }) =>
          options.picture === 'leaks'
            ? leaksPicture(cuts, size)
            : cutsPicture(cuts, options.rules[0] ?? '', size),
        print: (report) => printBudget(report, io),
      }),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy budget --task agreement --every 4\n' +
        '  untangle energy budget --task gender --rules midpoint-10 adaptive-0.01 --picture leaks --plot leaks.svg',
    );
  addTaskOptions(command, 16);
}

function printBudget(report: BudgetReport, io: Io): void {
  const { cuts, rules, costate } = report;
  const names = rules.map((rule) => rule.rule);
  const first = (cut: BudgetReport['cuts'][number]) => cut.rules[0];
  io.out(about(report));
  io.out(
    table(
      ['cut', 'state', 'whole effect', 'features', 'errors', ...names.map((name) => `leak, ${name}`)],
      cuts.map((cut) => {
        const { features, errors } = first(cut) ?? {};
        const share = (part: number | undefined) => (part === undefined ? '' : percent(part / cut.deltaM));
        return [
          ...[String(cut.cut), cutLabel(cut.site), fixed(cut.deltaM, 3), share(features), share(errors)],
          ...names.map((name) => leakOf(cut, name)),
        ];
      }),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['rule', 'median leak', 'worst', 'at cut', 'worst in the deeper half', 'gradients'],
      rules.map((rule) => [
        ...[rule.rule, percent(rule.median, 2), percent(rule.worst.leak, 2), String(rule.worst.cut)],
        rule.worstDeeper ? percent(rule.worstDeeper.leak, 2) : '',
        number(rule.points, 3),
      ]),
    ),
  );
  io.out(
    `\nleak: Σ|Σe − Δm| / Σ|Δm| over the pairs. Costate invariant: spread ${number(costate.spread)} (bar 1e-5), ` +
      `for a random direction ${number(costate.randomSpread)}; it tests the calculation and discovers nothing.\n`,
  );
}

const leakOf = (cut: BudgetReport['cuts'][number], rule: string): string => {
  const found = cut.rules.find((one) => one.rule === rule);
  return found ? percent(found.leak, 2) : '';
};

interface FlowOptions extends TaskOptions {
  readonly rule: string;
  readonly perCut: number;
  readonly top: number;
}

export function addFlow(energy: Command, io: Io): void {
  const command = energy
    .command('flow')
    .summary('energy on its way from the words through features to the answer')
    .description(
      'Path work: the embeddings go in one straight line from the clean to the patched prompt and the whole network follows, so ' +
        'that what flows into a feature is what flows out of it. --plot draws it as a Sankey picture.',
    )
    .addOption(
      new Option('--rule <rule>', 'quadrature; it needs as many points as the embedding does').default(
        'midpoint-10',
      ),
    )
    .addOption(
      new Option('--per-cut <number>', 'features shown by themselves at each cut')
        .default(6)
        .argParser(positive),
    )
    .addOption(new Option('--top <number>', 'paths listed').default(10).argParser(positive))
    .action((options: FlowOptions) =>
      show(
        options,
        io,
        (context) => flowReport(taskRequestOf(options), { ...options, paths: options.top }, context),
        {
          draw: ({ flow, labels, title }) => flowPicture(flow, labels, title, { width: 1100, height: 620 }),
          print: (report) => printFlow(report, io),
        },
      ),
    )
    .addHelpText('after', '\nExample:\n  untangle energy flow --task gender --examples 2 --plot flow.svg');
  addTaskOptions(command, 4);
}

function printFlow(report: FlowReport, io: Io): void {
  const { flow, labels } = report;
  const names = nodeNames(flow, labels);
  io.out(about(report));
  io.out(
    table(
      ['cut', 'carries', 'strongest features', 'other features', 'errors', 'leak'],
      flow.cuts
        .filter((cut) => cut.nodes.some((node) => node.kind === 'feature'))
        .map((cut) => {
          const sum = (kind: string) =>
            cut.nodes.reduce((total, node) => total + (node.kind === kind ? node.energy : 0), 0);
          return [
            ...[cutLabel(cut.site), fixed(cut.energy, 3)],
            ...[sum('feature'), sum('other'), sum('errors')].map((part) => percent(part / flow.deltaM, 1)),
            // What a block's part does not carry goes past it: that is no leak.
            cut.complete ? percent((flow.deltaM - cut.energy) / flow.deltaM, 1) : '',
          ];
        }),
    ),
  );
  for (const [title, paths] of [
    ['Paths that carry most', flow.carrying],
    ['Most efficient paths (product of the fractions passed on; above 1 where works cancel)', flow.efficient],
  ] as const) {
    io.out(`\n${title}\n`);
    io.out(
      table(
        ['carried', 'of Δm', 'value', 'path'],
        paths.map(({ nodes, value, carried }) => [
          fixed(carried, 3),
          percent(carried / flow.deltaM, 1),
          number(value),
          nodes.map((id) => names.get(id) ?? id).join(' → '),
        ]),
      ),
    );
  }
  io.out(
    `\nΔm ${fixed(flow.deltaM, 3)}, ${flow.rule}: leak ${percent(flow.leak, 1)}, the same at every cut up to ${number(flow.leakSpread)}; ` +
      `inflow and outflow differ by at most ${number(flow.imbalance)} of the largest flow. A signed flow can be taken apart in many ways; this is the proportional rule.\n`,
  );
}

interface BlocksOptions extends TaskOptions {
  readonly top: number;
}

export function addBlocks(energy: Command, io: Io): void {
  const command = energy
    .command('blocks')
    .summary('energy of each residual block, its drift over depth, and the features that share in it')
    .description(
      'h = costate · (what the block writes), on the clean prompts. It would be constant over depth if every block were the same ' +
        'map; the drift says how far it is from that, and marks nothing as important.',
    )
    .addOption(new Option('--top <number>', 'features of each block').default(5).argParser(positive))
    .action((options: BlocksOptions) =>
      show(options, io, (context) => blocksReport(taskRequestOf(options), options, context), {
        draw: ({ energies }) => blocksPicture(energies, size),
        print: (report) => printBlocks(report, io),
      }),
    )
    .addHelpText('after', '\nExample:\n  untangle energy blocks --task agreement --plot blocks.svg');
  addTaskOptions(command, 16);
}

function printBlocks(report: BlocksReport, io: Io): void {
  io.out(about(report));
  io.out(
    table(
      ['block', 'h', 'without cancelling', 'features carry', 'errors', 'strongest features'],
      report.energies.blocks.map(({ block, energy, size: all }) => {
        const shared = report.shares.find((one) => one.block === block);
        return [
          ...[String(block), fixed(energy, 3), fixed(all, 3)],
          ...(shared
            ? [
                fixed(shared.features, 3),
                fixed(shared.errors, 3),
                shared.top.map((one) => `f${one.feature} ${fixed(one.energy, 2)}`).join(', '),
              ]
            : ['', '', '']),
        ];
      }),
    ),
  );
  io.out(`\ndrift ${fixed(report.energies.drift, 2)}: standard deviation of h over blocks / mean |h|\n`);
}

export function addBrackets(energy: Command, io: Io): void {
  const command = energy
    .command('brackets')
    .summary('how far the features of a dictionary are from independent coordinates')
    .description(
      'The canonicity defect: M_ij = {f_i, p_j}, how much feature i moves when the state goes along direction j. It is the identity ' +
        'for independent coordinates; an overcomplete dictionary cannot reach it.',
    )
    .action((options: TaskOptions) =>
      show(options, io, (context) => bracketsReport(taskRequestOf(options), context), {
        draw: ({ dictionaries }) => canonicityPicture(dictionaries, 800),
        print: (report) => printBrackets(report, io),
      }),
    )
    .addHelpText(
      'after',
      '\nExample:\n  untangle energy brackets --dictionaries my-dictionaries --task agreement',
    );
  addTaskOptions(command, 16);
}

function printBrackets(report: BracketsReport, io: Io): void {
  io.out(about(report));
  io.out(
    table(
      [
        'dictionary',
        'together: features',
        'defect',
        'M_ii',
        '|M_ij|',
        'anywhere: features',
        'defect',
        'least possible',
      ],
      report.dictionaries.map(({ site, together, anywhere }) => [
        ...[site, number(together.active, 3), fixed(together.defect.median, 2), fixed(together.diagonal, 2)],
        ...[fixed(together.offDiagonal, 3), String(anywhere.features), fixed(anywhere.defect, 2)],
        fixed(anywhere.floor, 2),
      ]),
    ),
  );
  io.out(
    '\ndefect: ‖M − 1‖ / √n, 0 for independent coordinates. together: the features active at one position (median); ' +
      'anywhere: all that are active in the prompts; no set of more features than the state is wide can be below the least possible.\n',
  );
}
