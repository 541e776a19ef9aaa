/** @file `untangle circuit export` and `import`: circuits for other programs, and from them. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import {
  type ExportFormat,
  exportFormats,
  exportGraph,
  importGraph,
  portable,
} from '../../study/circuits/exchange.ts';
import { loadCircuit } from '../../study/circuits/stored.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { addGlobalOptions, type GlobalOptions, positive } from '../options.ts';
import { plotOption } from '../plot.ts';
import { drawCircuit } from './circuit-pictures.ts';
import { printGraph } from './circuit-print.ts';

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

/** Adds `export`. */
export function addExport(circuit: Command, io: Io): void {
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
  belong(
    command,
    ['--features', '--source-set', '--features-url'],
    '--format neuronpedia or circuit-tracer',
    ({ format }: ExportOptions) => format === 'neuronpedia' || format === 'circuit-tracer',
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

interface ImportOptions extends GlobalOptions {
  readonly top: number;
  readonly plot?: string;
  readonly format?: ExportFormat;
  readonly out?: string;
}

/** Adds `import`. */
export function addImport(circuit: Command, io: Io): void {
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
      await drawCircuit(graph, plot, io);
      if (format !== undefined) await exportGraph(graph, format, out ?? `${graph.name}${extensions[format]}`);
      if (json) return printJson(io, { ...graph, notes });
      printGraph(graph, io, top);
    })
    .addHelpText('after', '\nExample:\n  untangle circuit import gemma-capital.json --plot capital.svg');
  belong(command, ['--out'], '--format', ({ format }: ImportOptions) => format !== undefined);
  addGlobalOptions(command);
}
