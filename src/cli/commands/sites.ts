/** @file `untangle sites MODEL`: every value of a network that can be read, and what its graph says of it. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { type AnyModel, describeInput, type FreeSite, isFree } from '../../models/free.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { table } from '../table.ts';

interface SitesOptions extends GlobalOptions {
  readonly landmarks?: boolean;
}

export function addSites(program: Command, io: Io): void {
  const command = program
    .command('sites')
    .summary('the sites of a model')
    .description(
      'Lists the values of a network that can be read, with their shapes; for ONNX files also its inputs.',
    )
    .argument('<model>', 'what `untangle run` takes, or any .onnx file')
    .addOption(
      new Option(
        '--landmarks',
        'only states of the residual stream, what blocks add to it, and cuts (ONNX files)',
      ),
    )
    .action((model: string, options: SitesOptions) => sites(model, options, io));
  addGlobalOptions(command);
}

async function sites(name: string, options: SitesOptions, io: Io): Promise<void> {
  const { openModel } = await import('../../models/open.ts');
  const view = taskView(io, options.quiet === true);
  const model: AnyModel = await openModel(name, { progress: view.progress, signal: io.signal }).finally(() =>
    view.close(),
  );
  const all: readonly FreeSite[] = model.sites;
  const shown = options.landmarks ? all.filter((site) => site.landmark !== undefined) : all;
  if (options.landmarks && !isFree(model))
    throw new UsageError('usage.options', '--landmarks is for ONNX files', {
      hint: `${model.name} is a language model: its sites carry their meaning in their names`,
    });
  const inputs = isFree(model) ? model.inputs : [];
  if (options.json) {
    const { source, note, parameters } = model;
    const kind = isFree(model) ? { kind: model.kind, inputs, outputs: model.graph.outputs } : {};
    printJson(io, { model: { name: model.name, source, note, parameters }, ...kind, sites: shown });
    return;
  }
  if (inputs.length > 0) io.out(`inputs: ${inputs.map(describeInput).join(', ')}\n\n`);
  const rows = shown.map((site) => [site.name, size(site), site.landmark ?? '']);
  io.out(table(['site', 'shape', 'found'], rows));
}

const size = ({ shape }: FreeSite): string =>
  shape.map((dim) => (typeof dim === 'string' && dim.startsWith('?') ? '?' : dim)).join(' × ');
