/** @file `untangle circuit …`: find, show and compare here, export, import and cluster beside; the study's own stage stays. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { portable } from '../../study/circuits/exchange.ts';
import { findOrKeep } from '../../study/circuits/find.ts';
import { loadCircuit } from '../../study/circuits/stored.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, modelOption, positive } from '../options.ts';
import { plotOption } from '../plot.ts';
import { addCluster, dictionariesOption } from './circuit-cluster.ts';
import { addExport, addImport } from './circuit-exchange.ts';
import { drawCircuit, drawComparison } from './circuit-pictures.ts';
import { printCircuit, printComparison } from './circuit-print.ts';

/** Adds the subcommands to `untangle circuit`, which by itself runs a study as far as its circuits. */
export function addCircuit(program: Command, io: Io): void {
  const circuit = program.commands.find((command) => command.name() === 'circuit');
  if (!circuit) throw new Error('the stages come before the subcommands of circuit');
  circuit.usage('[options] [FILE | find | show | compare | export | import | cluster]');
  addFind(circuit, io);
  addShow(circuit, io);
  addCompare(circuit, io);
  addExport(circuit, io);
  addImport(circuit, io);
  addCluster(circuit, io);
}

interface FindOptions extends GlobalOptions {
  readonly model: string;
  readonly task: string;
  readonly dictionaries: readonly string[];
  readonly method: string;
  readonly baseline: 'counterfactual' | 'zero' | 'mean';
  readonly aggregation: 'none' | 'sum';
  readonly select: 'threshold' | 'flow';
  readonly maxNodes: number;
  readonly train: number;
  readonly heldOut: number;
  readonly tokensPerRun?: number;
  readonly neurons: boolean;
  readonly out?: string;
  readonly plot?: string;
}

function addFind(circuit: Command, io: Io): void {
  const command = circuit
    .command('find')
    .summary('find the circuit of a task in the features of dictionaries')
    .description(
      'Finds a circuit on train examples and scores it on held-out ones. All effects are saved beside it. A finished ' +
        'circuit is not found again unless what it depends on has changed.',
    )
    .addOption(modelOption())
    .addOption(
      new Option('--task <task>', 'a built-in task (docs/data.md) or a task file').default('agreement'),
    )
    .addOption(dictionariesOption())
    .addOption(
      new Option(
        '--method <name>',
        'attribution-patching, relp, exact, adaptive-0.01, or a rule: left-10, midpoint-10, gauss-5, …',
      ).default('midpoint-10'),
    )
    .addOption(
      new Option('--baseline <name>', 'what nodes are compared with')
        .choices(['counterfactual', 'zero', 'mean'])
        .default('counterfactual'),
    )
    .addOption(
      new Option('--aggregation <name>', 'nodes position by position, or summed')
        .choices(['none', 'sum'])
        .default('none'),
    )
    .addOption(
      new Option('--select <name>', 'the largest effects, or the paths that carry most')
        .choices(['threshold', 'flow'])
        .default('threshold'),
    )
    .addOption(
      new Option('--max-nodes <number>', 'largest circuit that is listed').default(200).argParser(positive),
    )
    .addOption(new Option('--train <number>', 'examples to find it on').default(48).argParser(positive))
    .addOption(new Option('--held-out <number>', 'examples to score it on').default(48).argParser(positive))
    .addOption(
      new Option('--tokens-per-run <number>', 'examples × positions in one run: bounds memory').argParser(
        positive,
      ),
    )
    .addOption(new Option('--no-neurons', 'leave the circuit of neurons beside it out'))
    .addOption(new Option('--out <folder>', 'where it goes (default: circuits/TASK in the workspace)'))
    .addOption(plotOption())
    .action((options: FindOptions) => find(options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle circuit find --task agreement-across-rc --dictionaries my-dictionaries\n' +
        '  untangle circuit find --task my-task.yaml --dictionaries d11 d17 --method relp --plot circuit.svg --json',
    );
  addGlobalOptions(command);
}

async function find(options: FindOptions, io: Io): Promise<void> {
  const { model, task, dictionaries, train, heldOut, threads, workspace, seed = 0, plot } = options;
  const { method, baseline, aggregation, select, maxNodes, neurons, tokensPerRun } = options;
  const name = task.replaceAll(/[^A-Za-z0-9-]+/g, '-');
  const folder = options.out ?? join(workspace, 'circuits', name);
  const view = taskView(io, options.quiet === true);
  const { stored, kept } = await findOrKeep(
    {
      ...{ model, task, dictionaries, train, heldOut, seed, threads, folder },
      options: {
        ...{ rule: method, baseline, aggregation, select, maxNodes, neurons },
        ...(tokensPerRun === undefined ? {} : { tokensPerRun }),
      },
    },
    { progress: view.progress, signal: io.signal },
  ).finally(() => view.close());
  await drawCircuit(portable(stored), plot, io);
  if (options.json) return printJson(io, { folder, kept, ...stored });
  printCircuit(stored, io, 10);
  io.out(`\n${kept ? 'It was there already' : 'Written'}: ${folder}\n`);
}

interface ShowOptions extends GlobalOptions {
  readonly top: number;
  readonly plot?: string;
}

function addShow(circuit: Command, io: Io): void {
  const command = circuit
    .command('show')
    .summary('what a circuit is: how faithful, which nodes')
    .description('Describes a circuit that was found.')
    .argument('<circuit>', 'a folder of `untangle circuit find`, or a circuit.json')
    .addOption(new Option('--top <number>', 'how many nodes').default(20).argParser(positive))
    .addOption(plotOption())
    .action(async (path: string, { top, plot, json }: ShowOptions) => {
      const stored = await loadCircuit(path);
      await drawCircuit(portable(stored), plot, io);
      if (json) return printJson(io, stored);
      printCircuit(stored, io, top);
    })
    .addHelpText(
      'after',
      '\nExample:\n  untangle circuit show .untangle/circuits/agreement --plot circuit.svg',
    );
  addGlobalOptions(command);
}

function addCompare(circuit: Command, io: Io): void {
  const command = circuit
    .command('compare')
    .summary('two circuits: shared nodes, moved effects')
    .description(
      'Compares the circuits of two tasks, of two models, or of one task before and after an edit.',
    )
    .argument('<a>', 'a circuit')
    .argument('<b>', 'another one')
    .addOption(new Option('--top <number>', 'how many nodes that moved').default(15).argParser(positive))
    .addOption(plotOption())
    .action(async (a: string, b: string, options: ShowOptions) => {
      const [one, other] = [await loadCircuit(a), await loadCircuit(b)];
      const [{ alignmentOf, compareCircuits, comparedCircuit }, { random }, { effectsBeside }] =
        await Promise.all([
          import('../../circuits/compare.ts'),
          import('../../core/random.ts'),
          import('../../circuits/effects-file.ts'),
        ]);
      const align = alignmentOf(one.circuit, other.circuit);
      const comparison = compareCircuits(
        comparedCircuit(one.circuit, align, await effectsBeside(a)),
        comparedCircuit(other.circuit, align, await effectsBeside(b)),
        { align, random: random(options.seed ?? 0).fork('compare') },
      );
      await drawComparison(comparison, options.plot, io);
      if (options.json) return printJson(io, comparison);
      printComparison(comparison, io, options.top);
    })
    .addHelpText(
      'after',
      '\nExample:\n  untangle circuit compare circuits/before circuits/after --plot moved.svg',
    );
  addGlobalOptions(command);
}
