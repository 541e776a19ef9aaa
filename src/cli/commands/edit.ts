/** @file `untangle edit …`: show, apply and export here, make and evaluate beside; the study's own stage stays. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, modelOption, positive, real } from '../options.ts';
import { table } from '../table.ts';
import { addEvaluate, addStrengthen } from './edit-evaluate.ts';
import { addMake } from './edit-make.ts';

/** Adds the subcommands to `untangle edit`, which by itself runs a study as far as its edit. */
export function addEdit(program: Command, io: Io): void {
  const edit = program.commands.find((command) => command.name() === 'edit');
  if (!edit) throw new Error('the stages come before the subcommands of edit');
  edit.usage('[options] [FILE | make | show | apply | export | evaluate | strengthen]');
  addMake(edit, io);
  addShow(edit, io);
  addApply(edit, io);
  addExport(edit, io);
  addEvaluate(edit, io);
  addStrengthen(edit, io);
}

interface ShowOptions extends GlobalOptions {
  readonly model?: string;
}

function addShow(edit: Command, io: Io): void {
  const command = edit
    .command('show')
    .summary('what an edit changes, and with a model whether it fits and folds')
    .description('Lists the changes of an edit in their order.')
    .argument('<edit>', 'an edit file (docs/edits.md)')
    .addOption(
      new Option('--model <model>', 'try it on this model: sites, sizes, and what folds into weights'),
    )
    .action((path: string, options: ShowOptions) => show(path, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle edit show steer.json\n  untangle edit show steer.json --model smollm2-135m --json',
    );
  addGlobalOptions(command);
}

async function show(path: string, { model: name, json, quiet, threads }: ShowOptions, io: Io): Promise<void> {
  const { readEdit, readEditFile } = await import('../../edits/edit-file.ts');
  const file = await readEditFile(path);
  const where = (change: Record<string, unknown>) =>
    [
      String(change.site ?? change.dictionary),
      ...(change.head === undefined ? [] : [`head ${change.head}`]),
      ...(Array.isArray(change.neurons) ? [`${change.neurons.length} coordinates`] : []),
      ...(Array.isArray(change.features) ? [`features ${change.features.join(' ')}`] : []),
    ].join(', ');
  const strength = (change: Record<string, unknown>) => String(change.strength ?? 1);
  if (name === undefined) {
    if (json) return printJson(io, file);
    const made = 'model' in file && file.model ? `Made for ${file.model.name} (${file.model.hash})\n\n` : '';
    const rows = file.changes.map((change) => [change.kind, where(change), strength(change)]);
    return io.out(made + table(['kind', 'where', 'strength'], rows));
  }
  const { openEditSetting } = await import('../../study/edits/setting.ts');
  const { applyEdit } = await import('../../edits/apply.ts');
  const { whyNotFoldable } = await import('../../edits/export/fold.ts');
  const { summaryOf } = await import('../../edits/collateral/measure.ts');
  const view = taskView(io, quiet === true);
  const context = { progress: view.progress, signal: io.signal };
  const { model } = await openEditSetting({ model: name, seed: 0, threads }, context).finally(() =>
    view.close(),
  );
  const edit = await readEdit(path, model);
  applyEdit(edit, model);
  const changes = edit.changes.map((change) => {
    const why = whyNotFoldable(model, change);
    return { ...summaryOf(change), folds: why === undefined, ...(why === undefined ? {} : { why }) };
  });
  if (json) return printJson(io, { model: { name: model.name, hash: model.hash }, changes });
  const rows = changes.map((one) => [one.kind, one.site, String(one.strength), one.folds ? 'yes' : 'no']);
  io.out(`It fits ${model.name}\n\n${table(['kind', 'site', 'strength', 'folds'], rows)}`);
  for (const { why } of changes) if (why) io.out(`\n${io.style.faint(why)}\n`);
}

interface ApplyOptions extends GlobalOptions {
  readonly model: string;
  readonly prompt: string;
  readonly factor: number;
  readonly top: number;
}

function addApply(edit: Command, io: Io): void {
  const command = edit
    .command('apply')
    .summary('what the model says next with and without an edit')
    .description(
      'Runs a prompt twice, as it is and under the edit. `untangle run --edit` goes on from there: text, chats, activations.',
    )
    .argument('<edit>', 'an edit file')
    .addOption(modelOption())
    .addOption(new Option('--prompt <text>', 'the text to go on from').makeOptionMandatory())
    .addOption(new Option('--factor <number>', 'all strengths times this').default(1).argParser(real))
    .addOption(new Option('--top <number>', 'how many next tokens').default(5).argParser(positive))
    .action((path: string, options: ApplyOptions) => apply(path, options, io))
    .addHelpText('after', '\nExample:\n  untangle edit apply steer.json --prompt "The nurse said that"');
  addGlobalOptions(command);
}

async function apply(path: string, options: ApplyOptions, io: Io): Promise<void> {
  const { prompt: input, threads, top, factor, json, quiet } = options;
  const [{ openEditSetting }, { openEdit }, { runModel }] = await Promise.all([
    import('../../study/edits/setting.ts'),
    import('../../edits/edit-file.ts'),
    import('../../models/run.ts'),
  ]);
  const view = taskView(io, quiet === true);
  const context = { progress: view.progress, signal: io.signal };
  const { model } = await openEditSetting({ model: options.model, seed: 0, threads }, context).finally(() =>
    view.close(),
  );
  const opened = await openEdit(path, model);
  const common = { input, top, threads, signal: io.signal };
  const before = await runModel(model, common);
  const rewriting = { apply: opened.apply, feeds: opened.feedsAt(factor) };
  const after = await runModel(model, { ...common, rewriting });
  if (json) {
    const told = { name: model.name, source: model.source, note: model.note };
    return printJson(io, {
      ...{ model: told, prompt: input, edit: path, factor },
      ...{ before: before.predictions, after: after.predictions },
    });
  }
  const cells = (one: (typeof before.predictions)[number] | undefined) =>
    one ? [JSON.stringify(one.text), Math.exp(one.logProbability).toFixed(4)] : ['', ''];
  const rows = before.predictions.map((one, i) => [...cells(one), ...cells(after.predictions[i])]);
  io.out(table(['as it is', 'probability', 'edited', 'probability'], rows));
}

interface ExportOptions extends GlobalOptions {
  readonly model: string;
  readonly out: string;
  readonly fold?: boolean;
  readonly external?: boolean;
}

function addExport(edit: Command, io: Io): void {
  const command = edit
    .command('export')
    .summary('write the edited model: as ONNX that any onnxruntime runs, or folded into the weights')
    .description(
      'Writes the edited model. Without --fold the edit is part of the graph, with inputs and outputs of the model: one .onnx file ' +
        '(weights beside it from 2 GB on). With --fold it goes into the weights, where that is exact: an .onnx file that opens as a ' +
        'model again, or a folder with config.json and model.safetensors.',
    )
    .argument('<edit>', 'an edit file')
    .addOption(modelOption())
    .addOption(
      new Option(
        '--out <path>',
        'FILE.onnx; with --fold also a folder for safetensors',
      ).makeOptionMandatory(),
    )
    .addOption(new Option('--fold', 'put the edit into the weights'))
    .addOption(new Option('--external', 'weights in a file beside the .onnx file, however small'))
    .action((path: string, options: ExportOptions) => exportEdit(path, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle edit export less-gender.json --out edited.onnx\n' +
        '  untangle edit export without-head.json --fold --out edited-model',
    );
  belong(command, ['--external'], 'an edit in the graph, without --fold', ({ fold }: ExportOptions) => !fold);
  addGlobalOptions(command);
}

async function exportEdit(path: string, options: ExportOptions, io: Io): Promise<void> {
  const { out, fold, external, threads, json, quiet } = options;
  const onnx = extname(out).toLowerCase() === '.onnx';
  if (!onnx && !fold) {
    throw new UsageError('usage.options', `"${out}" does not end with .onnx`, {
      hint: 'an edit in the graph is written as FILE.onnx; a folder of weights needs --fold',
    });
  }
  const { openEditSetting } = await import('../../study/edits/setting.ts');
  const { exportTo } = await import('../../edits/export/write.ts');
  const { readEdit } = await import('../../edits/edit-file.ts');
  const view = taskView(io, quiet === true);
  const context = { progress: view.progress, signal: io.signal };
  try {
    const { model } = await openEditSetting({ model: options.model, seed: 0, threads }, context);
    const edit = await readEdit(path, model);
    const request = { out, fold: fold === true, external: external === true };
    const written = await exportTo(model, edit, request, context);
    view.close();
    if (json) return printJson(io, { edit: path, ...written });
    io.out(`${written.files.join('\n')}\n${(written.bytes / 1e6).toFixed(1)} MB written\n`);
  } finally {
    view.close();
  }
}
