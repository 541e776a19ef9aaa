/** @file `untangle dictionaries`: what one is, learning those of several sites, and exchange with the formats of other libraries. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import type { DictionaryDescription } from '../../dictionaries/formats/describe.ts';
import type { Opened, OpenOptions } from '../../dictionaries/formats/open.ts';
import { formatNames } from '../../dictionaries/formats/registry.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { type TaskView, taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, integer } from '../options.ts';
import { addDictionariesTrain } from './dictionaries-train.ts';

const address =
  'a folder or file of any format, or owner/name[@revision][:path] on the Hugging Face hub; a folder of ours as well';

interface SourceOptions extends GlobalOptions {
  readonly format: 'auto' | (typeof formatNames)[number];
  readonly site?: string;
  readonly outputSite?: string;
  readonly scale?: number;
  readonly targetLayer?: number;
  readonly refresh?: boolean;
}

export function addDictionaries(program: Command, io: Io): void {
  const group = program
    .command('dictionaries')
    .summary('dictionaries of features: show, train, import, export')
    .description('Dictionaries (sparse autoencoders, transcoders) of this and of other libraries.')
    .addHelpText(
      'after',
      '\nExamples:\n  untangle dictionaries show google/gemma-scope-2b-pt-res:layer_20/width_16k/average_l0_71\n' +
        '  untangle dictionaries import ./sae --out my-dictionary --model smollm2-135m\n' +
        '  untangle dictionaries export my-dictionary --format saelens --out ./for-saelens\n' +
        '\nWhat each format holds: docs/dictionaries.md, Formats.',
    );
  const sourced = (command: Command): Command =>
    addGlobalOptions(command)
      .addOption(
        new Option('--format <name>', 'format of the files')
          .choices(['auto', ...formatNames])
          .default('auto'),
      )
      .addOption(new Option('--site <site>', 'where it reads, in place of what the files say'))
      .addOption(new Option('--output-site <site>', 'where a transcoder writes'))
      .addOption(
        new Option('--scale <number>', 'factor that activations were multiplied by in training').argParser(
          factor,
        ),
      )
      .addOption(
        new Option('--target-layer <number>', 'layer that a cross-layer transcoder writes to').argParser(
          integer,
        ),
      )
      .addOption(new Option('--refresh', 'ask the hub for the newest commit'));
  sourced(
    group
      .command('show')
      .summary('what a dictionary is: kind, site, sizes, active features')
      .description('Describes a dictionary. One of the hub is fetched.')
      .argument('<source>', address)
      .action((source: string, options: SourceOptions) => show(source, options, io)),
  ).addHelpText(
    'after',
    '\nExamples:\n  untangle dictionaries show ./trainer_0\n  untangle dictionaries show owner/name:layers.10 --json',
  );
  sourced(
    group
      .command('import')
      .summary('bring a dictionary of another library into our form')
      .description(
        'Reads a dictionary of another library and writes it as one of ours: normalisation and centring are folded in.',
      )
      .argument('<source>', address)
      .requiredOption('--out <folder>', 'folder to write')
      .addOption(
        new Option('--model <model>', 'the model whose activations it reads: sites and widths are checked'),
      )
      .action((source: string, options: ImportOptions) => importOne(source, options, io)),
  ).addHelpText(
    'after',
    '\nExamples:\n  untangle dictionaries import ./sae --out my-dictionary\n' +
      '  untangle dictionaries import EleutherAI/sae-llama-3-8b-32x:layers.10 --out layer10',
  );
  addDictionariesTrain(group, io);
  const exported = addGlobalOptions(
    group
      .command('export')
      .summary('write a dictionary for another library')
      .description('Writes dictionaries as files that another library loads; several go into one folder.')
      .argument('<source...>', address)
      .addOption(new Option('--format <name>', 'format to write').choices(formatNames).makeOptionMandatory())
      .requiredOption('--out <folder>', 'folder to write')
      .addOption(new Option('--model-name <name>', "the model's name as the other library knows it"))
      .addOption(
        new Option(
          '--safetensors',
          'dictionary_learning: the state dict as ae.safetensors in place of ae.pt, which alone the library loads',
        ),
      )
      .action((sources: string[], options: ExportOptions) => exportAll(sources, options, io)),
  ).addHelpText(
    'after',
    '\nExamples:\n  untangle dictionaries export my-dictionary --format saelens --out ./for-saelens --model-name gpt2-small\n' +
      '  untangle dictionaries export t0 t1 t2 --format circuit-tracer --out ./transcoders',
  );
  // The other forms have no place for it.
  belong(
    exported,
    ['--model-name'],
    '--format saelens, dictionary_learning or circuit-tracer',
    ({ format }: ExportOptions) => ['saelens', 'dictionary_learning', 'circuit-tracer'].includes(format),
  );
  belong(
    exported,
    ['--safetensors'],
    '--format dictionary_learning',
    ({ format }: ExportOptions) => format === 'dictionary_learning',
  );
}

interface ImportOptions extends SourceOptions {
  readonly out: string;
  readonly model?: string;
}

interface ExportOptions extends GlobalOptions {
  readonly format: (typeof formatNames)[number];
  readonly out: string;
  readonly modelName?: string;
  readonly safetensors?: boolean;
}

function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a positive number.');
  return value;
}

const openOptions = (o: SourceOptions): OpenOptions => ({
  ...(o.format === 'auto' ? {} : { format: o.format }),
  ...(o.site === undefined ? {} : { site: o.site }),
  ...(o.outputSite === undefined ? {} : { output: o.outputSite }),
  ...(o.scale === undefined ? {} : { scale: o.scale }),
  ...(o.targetLayer === undefined ? {} : { target: o.targetLayer }),
  ...(o.refresh ? { refresh: true } : {}),
});

/**
 * Opens a dictionary by what was said of it.
 * @throws UsageError `usage.options` where some of that says nothing of this one; as openDictionary()
 */
async function openTold(source: string, options: SourceOptions, context: WorkContext): Promise<Opened> {
  const { openDictionary } = await import('../../dictionaries/formats/open.ts');
  const opened = await openDictionary(source, openOptions(options), context);
  const idle = (flag: string, why: string) =>
    new UsageError('usage.options', `${flag} says nothing of ${source}: ${why}`, {
      where: source,
      hint: `leave ${flag} out`,
    });
  if (options.outputSite !== undefined && !opened.dictionary.output)
    throw idle('--output-site', 'it predicts what it reads');
  if (options.targetLayer !== undefined && opened.provenance.format !== 'circuit-tracer')
    throw idle('--target-layer', 'it is no cross-layer transcoder of circuit-tracer');
  if (options.refresh && existsSync(source)) throw idle('--refresh', 'it lies on this machine');
  return opened;
}

/** Runs `use` with a view of progress that is closed whatever happens. */
async function viewed<T>(io: Io, { quiet }: GlobalOptions, use: (view: TaskView) => Promise<T>): Promise<T> {
  const view = taskView(io, quiet === true);
  return use(view).finally(() => view.close());
}

async function show(source: string, options: SourceOptions, io: Io): Promise<void> {
  const { describeDictionary } = await import('../../dictionaries/formats/describe.ts');
  const shown = await viewed(io, options, async ({ progress }) =>
    describeDictionary(await openTold(source, options, { progress, signal: io.signal })),
  );
  print(shown, options, io);
}

async function importOne(source: string, options: ImportOptions, io: Io): Promise<void> {
  const { forModel } = await import('../../dictionaries/formats/open.ts');
  const { describeDictionary } = await import('../../dictionaries/formats/describe.ts');
  const { saveImported } = await import('../../dictionaries/formats/provenance.ts');
  const shown = await viewed(io, options, async ({ progress }) => {
    const context = { progress, signal: io.signal };
    const { dictionary, provenance } = await openTold(source, options, context);
    const own =
      options.model === undefined
        ? dictionary
        : forModel(dictionary, await modelNamed(options.model, context));
    await saveImported(options.out, own, provenance);
    return describeDictionary({ dictionary: own, provenance });
  });
  print(shown, options, io);
  if (!options.json) io.out(`\nWritten to ${options.out}\n`);
}

async function modelNamed(
  name: string,
  context: Parameters<typeof import('../../models/open.ts').openModel>[1],
) {
  const { openModel } = await import('../../models/open.ts');
  return openModel(name, context);
}

async function exportAll(sources: readonly string[], options: ExportOptions, io: Io): Promise<void> {
  const { openDictionary } = await import('../../dictionaries/formats/open.ts');
  const { formats } = await import('../../dictionaries/formats/registry.ts');
  const written = await viewed(io, options, async ({ progress }) => {
    const all: { source: string; site: string; folder: string }[] = [];
    for (const source of sources) {
      const { dictionary, provenance } = await openDictionary(source, {}, { progress, signal: io.signal });
      const { site } = dictionary;
      // Layers of one set of transcoders belong into one folder.
      const isAlone = sources.length === 1 || options.format === 'circuit-tracer';
      const folder = isAlone ? options.out : join(options.out, site);
      const before = all.find((other) => other.site === site);
      if (before)
        throw new UsageError('usage.options', `${before.source} and ${source} both sit at ${site}`, {
          where: source,
          hint: 'their files have the same name: export them into folders of their own, one command each',
        });
      const model = options.modelName ?? provenance.model;
      const { sparsity_F } = provenance;
      await formats[options.format].write(folder, dictionary, {
        ...(model === undefined ? {} : { model }),
        ...(sparsity_F ? { sparsity_F } : {}),
        ...(options.safetensors ? { safetensors: true } : {}),
      });
      all.push({ source, site, folder });
    }
    return all;
  });
  if (options.json) {
    printJson(io, { format: options.format, written });
    return;
  }
  for (const { source, site, folder } of written)
    io.out(`${source} (${site}) as ${options.format}: ${folder}\n`);
}

function print(shown: DictionaryDescription, { json }: GlobalOptions, io: Io): void {
  if (json) {
    printJson(io, shown);
    return;
  }
  const pair = ([low, high]: readonly [number, number]) =>
    high - low < 1e-5 * Math.abs(high)
      ? low.toPrecision(4)
      : `${low.toPrecision(4)} to ${high.toPrecision(4)}`;
  const { notes, output, sites, thresholds, decoderNorms, l0, never, ...rest } = shown;
  const lines = Object.entries({
    ...rest,
    modelHash: rest.modelHash === '' ? 'not known (--model says it)' : rest.modelHash,
    ...(output ? { output: `${output.site} (${output.width})` } : {}),
    ...(sites ? { sites: sites.map(({ site }) => site).join(', ') } : {}),
    ...(thresholds ? { thresholds: pair(thresholds) } : {}),
    'decoder norms': pair(decoderNorms),
    ...(l0 === undefined ? {} : { L0: l0.toFixed(1), 'never active': String(never) }),
  });
  const width = Math.max(...lines.map(([key]) => key.length));
  for (const [key, value] of lines) io.out(`  ${io.style.faint(key.padEnd(width))}  ${String(value)}\n`);
  for (const note of notes) io.out(`  ${io.style.faint('note'.padEnd(width))}  ${note}\n`);
}
