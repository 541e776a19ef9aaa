/** @file `untangle circuit …`: find, show, compare, export, import and cluster, beside the study's own stage. */
import { extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { CLUSTER_DEFAULTS, type ClusterMethod, clusterMethods } from '../../circuits/clusters/cluster.ts';
import { UsageError } from '../../core/errors.ts';
import { clusterText } from '../../study/circuits/cluster.ts';
import {
  type ExportFormat,
  exportFormats,
  exportGraph,
  importGraph,
  portable,
} from '../../study/circuits/exchange.ts';
import { findOrKeep } from '../../study/circuits/find.ts';
import { loadCircuit } from '../../study/circuits/stored.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, positive } from '../options.ts';
import { drawCircuit, drawComparison } from './circuit-pictures.ts';
import { printCircuit, printClusters, printComparison, printGraph } from './circuit-print.ts';

/** A number above 0. */
const above = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError('usage.invalid-value', `"${text}" is no number above 0`, {});
  return value;
};

const plotOption = () => new Option('--plot <file>', 'draw a picture to this file, .svg or .png');
const modelOption = () => new Option('--model <model>', 'as for `untangle run`').default('smollm2-135m');
const dictionariesOption = () =>
  new Option(
    '--dictionaries <source...>',
    'folders or files of dictionaries, a folder of such folders, or names on the Hugging Face hub',
  ).makeOptionMandatory();

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
  if (plot !== undefined) await drawCircuit(portable(stored), plot, io);
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
      if (plot !== undefined) await drawCircuit(portable(stored), plot, io);
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
      if (options.plot !== undefined) await drawComparison(comparison, options.plot, io);
      if (options.json) return printJson(io, comparison);
      printComparison(comparison, io, options.top);
    })
    .addHelpText(
      'after',
      '\nExample:\n  untangle circuit compare circuits/before circuits/after --plot moved.svg',
    );
  addGlobalOptions(command);
}

interface ExportOptions extends GlobalOptions {
  readonly format: ExportFormat;
  readonly out?: string;
  readonly features: readonly string[];
  readonly sourceSet?: string;
  readonly featuresUrl?: string;
}

const extensions: Record<ExportFormat, string> = {
  neuronpedia: '.json',
  'circuit-tracer': '',
  graphml: '.graphml',
  dot: '.dot',
};

function addExport(circuit: Command, io: Io): void {
  const command = circuit
    .command('export')
    .summary('write a circuit for Neuronpedia, circuit-tracer, Gephi, Graphviz')
    .description(
      'Writes a circuit: attribution-graph JSON for Neuronpedia, a folder for `circuit-tracer start-server`, GraphML, or DOT. ' +
        'A graph of another program is converted.',
    )
    .argument(
      '<circuit>',
      'a folder of `untangle circuit find`, a circuit.json, attribution-graph JSON, or GraphML',
    )
    .addOption(new Option('--format <format>', 'the form').choices([...exportFormats]).default('neuronpedia'))
    .addOption(new Option('--out <path>', 'the file, or the folder for circuit-tracer'))
    .addOption(
      new Option(
        '--features <site=folder...>',
        'feature databases (a study’s features step) whose features get a file each',
      ).default([]),
    )
    .addOption(new Option('--source-set <name>', 'the features’ source set on Neuronpedia'))
    .addOption(new Option('--features-url <url>', 'where the feature files will be'))
    .action(async (path: string, options: ExportOptions) => {
      const { format, sourceSet, featuresUrl, json } = options;
      const graph = await anyGraph(path);
      const features = new Map(options.features.map(siteAndFolder));
      const out = options.out ?? `${graph.name}${extensions[format]}`;
      const files = await exportGraph(graph, format, out, {
        features,
        ...(sourceSet === undefined ? {} : { sourceSet }),
        ...(featuresUrl === undefined ? {} : { featuresUrl }),
      });
      if (json) return printJson(io, { format, files });
      for (const file of files) io.out(`${file}\n`);
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle circuit export circuits/agreement --format neuronpedia --out graph.json\n' +
        '  untangle circuit export circuits/agreement --format circuit-tracer --out graphs --features blocks.11.hook_resid_post=features\n' +
        '  untangle circuit export graph.json --format dot --out graph.dot',
    );
  addGlobalOptions(command);
}

/** A circuit of ours, or else a graph of another program. */
async function anyGraph(path: string) {
  if (extname(path) === '.graphml') return (await importGraph(path)).graph;
  try {
    return portable(await loadCircuit(path));
  } catch (error) {
    if ((error as { code?: string }).code !== 'circuit.not-a-circuit') throw error;
    return (await importGraph(path)).graph;
  }
}

function siteAndFolder(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError('usage.invalid-value', `"${text}" is not SITE=FOLDER`, {
    hint: 'for example --features blocks.11.hook_resid_post=.untangle/cache/…',
  });
}

interface ImportOptions extends ShowOptions {
  readonly format?: ExportFormat;
  readonly out?: string;
}

function addImport(circuit: Command, io: Io): void {
  const command = circuit
    .command('import')
    .summary('read a graph of Neuronpedia, circuit-tracer, or GraphML')
    .description('Reads a graph of another program, shows it, draws it, or writes it in another form.')
    .argument('<file>', 'attribution-graph JSON or GraphML')
    .addOption(new Option('--top <number>', 'how many nodes').default(20).argParser(positive))
    .addOption(new Option('--format <format>', 'write it again in this form').choices([...exportFormats]))
    .addOption(new Option('--out <path>', 'where to'))
    .addOption(plotOption())
    .action(async (path: string, { top, plot, json, format, out }: ImportOptions) => {
      const { graph, notes } = await importGraph(path);
      for (const note of notes) io.err(`${note}\n`);
      if (plot !== undefined) await drawCircuit(graph, plot, io);
      if (format !== undefined) await exportGraph(graph, format, out ?? `${graph.name}${extensions[format]}`);
      if (json) return printJson(io, { ...graph, notes });
      printGraph(graph, io, top);
    })
    .addHelpText('after', '\nExample:\n  untangle circuit import gemma-capital.json --plot capital.svg');
  addGlobalOptions(command);
}

interface ClusterOptions extends GlobalOptions {
  readonly model: string;
  readonly dictionaries: readonly string[];
  readonly text: string;
  readonly count: number;
  readonly length: number;
  readonly below: number;
  readonly clusters: number;
  readonly method: ClusterMethod;
  readonly resamples: number;
  readonly out?: string;
}

function addCluster(circuit: Command, io: Io): void {
  const command = circuit
    .command('cluster')
    .summary('behaviours without a hypothesis: cluster places in text by feature effects')
    .description(
      'Takes places in text where the model is sure of the next token, clusters them by the effects of features, and says of each ' +
        'cluster what its examples have in common, how stable it is, and which features carry it.',
    )
    .addOption(modelOption())
    .addOption(dictionariesOption())
    .addOption(
      new Option('--text <text>', 'a text of docs/data.md, or a file or folder').default('wikipedia-leads'),
    )
    .addOption(new Option('--count <number>', 'how many places').default(400).argParser(positive))
    .addOption(new Option('--length <number>', 'tokens of context').default(32).argParser(positive))
    .addOption(
      new Option('--below <nats>', 'only next tokens that cost the model less').default(0.3).argParser(above),
    )
    .addOption(new Option('--clusters <number>', 'how many clusters').default(20).argParser(positive))
    .addOption(
      new Option('--method <name>', 'what is compared, and how')
        .choices([...clusterMethods])
        .default(CLUSTER_DEFAULTS.method),
    )
    .addOption(
      new Option('--resamples <number>', 'subsets that are clustered again for stability')
        .default(CLUSTER_DEFAULTS.resamples)
        .argParser(positive),
    )
    .addOption(new Option('--out <file>', 'write everything to this JSON file'))
    .action(async (options: ClusterOptions) => {
      const { clusters: k, seed = 0, out, json } = options;
      const view = taskView(io, options.quiet === true);
      const found = await clusterText(
        { ...options, k, seed },
        { progress: view.progress, signal: io.signal },
      ).finally(() => view.close());
      if (out !== undefined) await (await import('../../files/atomic.ts')).writeJson(out, found);
      if (json) return printJson(io, found);
      printClusters(found, io);
    })
    .addHelpText(
      'after',
      '\nExample:\n  untangle circuit cluster --dictionaries my-dictionaries --count 600 --clusters 30 --out clusters.json',
    );
  addGlobalOptions(command);
}
