/** @file `untangle edit make`: a change measured, fitted or written out, as an edit file. */
import { type Command, Option } from 'commander';
import { type MakeRequest, madeKinds } from '../../study/edits/make.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, modelOption, numbersOf, positive, real } from '../options.ts';
import { addPlainText, notNegative, type PlainTextOptions } from './edit-options.ts';

type Flags = 'append' | 'skipFirst' | 'everyPosition';

interface MakeOptions
  extends PlainTextOptions,
    Omit<MakeRequest, Flags | 'kind' | 'seed' | 'threads'>,
    Partial<Pick<MakeRequest, Flags>> {}

export function addMake(edit: Command, io: Io): void {
  const indices = numbersOf(notNegative);
  const command = edit
    .command('make')
    .summary('make an edit file, or add a change to one')
    .description(
      'Makes one change: its numbers come from the options, from plain text (mean, resample), or are fitted to the train prompts of a ' +
        'task (leace, inlp, mean-difference, subspace, neurons, features, bottleneck, steer --task). It is tried on the model before it is written.',
    )
    .argument('<kind>', madeKinds.join(', '))
    .addOption(modelOption())
    .addOption(new Option('--out <file>', 'the edit file (.json)').makeOptionMandatory())
    .addOption(new Option('--append', 'add the change to the edit that is there'))
    .addOption(
      new Option(
        '--site <site>',
        'where: a site (untangle sites), or residual-writes for all that is written into the stream',
      ),
    )
    .addOption(new Option('--head <number>', 'one head of the site').argParser(notNegative))
    .addOption(new Option('--neurons <number...>', 'some of its coordinates').argParser(indices))
    .addOption(new Option('--skip-first', 'leave position 0 as it is (erasers do so anyway)'))
    .addOption(
      new Option('--every-position', 'erasers: change position 0 as well, so that they fold into weights'),
    )
    .addOption(new Option('--dictionary <folder>', 'features of this dictionary'))
    .addOption(new Option('--features <number...>', 'which ones').argParser(indices))
    .addOption(new Option('--strength <number>', 'how far: 1 as the kind says, 0 not at all').argParser(real))
    .addOption(new Option('--by <number>', 'scale: the factor; steer: times the vector').argParser(real))
    .addOption(new Option('--to <number>', 'clamp: the value').argParser(real))
    .addOption(
      new Option('--unit <unit>', "steer: raw, or in units of the state's norm").choices(['raw', 'norm']),
    )
    .addOption(new Option('--vector <file:name>', 'steer, project: an array of an .npz or .safetensors file'))
    .addOption(new Option('--task <task>', 'a built-in task or a task file, to fit a concept to'))
    .addOption(
      new Option('--examples <number>', 'pairs of prompts to fit it to').default(128).argParser(positive),
    )
    .addOption(new Option('--keep <task...>', 'bottleneck: whose concepts stay, while that of --task goes'))
    .addOption(
      new Option(
        '--residual <share>',
        'bottleneck: how much stays of what the concepts do not say (0)',
      ).argParser(real),
    )
    .addOption(new Option('--rank <number>', 'subspace: how many directions (1)').argParser(positive))
    .addOption(new Option('--count <number>', 'features, neurons: how many (8)').argParser(positive));
  addPlainText(command, 16)
    .action((kind: string, options: MakeOptions) => make(kind, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle edit make zero --site blocks.5.attn.hook_z --head 3 --out no-head.json\n' +
        '  untangle edit make leace --task gender --site blocks.11.hook_resid_post --out no-gender.json\n' +
        '  untangle edit make features --task agreement --dictionary d11 --count 5 --out no-agreement.json\n' +
        '  untangle edit make steer --dictionary d11 --features 12 --by 8 --out steer.json\n' +
        '  untangle edit make mean --site blocks.11.mlp.hook_post --neurons 7 9 --out steer.json --append',
    );
  addRules(command);
  addGlobalOptions(command);
}

/** What each option of a change belongs to. */
function addRules(command: Command): void {
  const erasers = ['leace', 'inlp', 'mean-difference', 'subspace', 'bottleneck'];
  const fitted = [...erasers, 'neurons', 'features', 'steer'];
  const ofKinds = (options: readonly string[], ...kinds: string[]) =>
    belong(command, options, `the kind ${kinds.join(', ')}`, (_, [kind]) => kinds.includes(kind!));
  ofKinds(['--by'], 'scale', 'steer');
  ofKinds(['--to'], 'clamp');
  ofKinds(['--unit'], 'steer');
  ofKinds(['--vector'], 'steer', 'project');
  ofKinds(['--task', '--examples'], ...fitted);
  ofKinds(['--keep', '--residual'], 'bottleneck');
  ofKinds(['--rank'], 'subspace');
  ofKinds(['--count'], 'features', 'neurons');
  ofKinds(['--every-position'], ...erasers, 'steer');
  ofKinds(['--text', '--windows', '--length'], 'mean', 'resample');
  const onTask = ({ task }: MakeOptions) => task !== undefined;
  const onFeatures = ({ dictionary }: MakeOptions) => dictionary !== undefined;
  belong(command, ['--examples', '--every-position'], '--task', onTask);
  belong(
    command,
    ['--vector'],
    '--site, without --task',
    (options: MakeOptions) => !onTask(options) && !onFeatures(options),
  );
  // What is fitted says itself which coordinates, features and positions it changes.
  belong(
    command,
    ['--head', '--neurons', '--skip-first'],
    'a change of a site that is not fitted to a task',
    (options: MakeOptions) => !onTask(options) && !onFeatures(options),
  );
  belong(
    command,
    ['--features'],
    '--dictionary, without --task',
    (options: MakeOptions) => onFeatures(options) && !onTask(options),
  );
  belong(
    command,
    ['--site'],
    'a change that is not of the kind features',
    (_, [kind]) => kind !== 'features',
  );
}

async function make(kind: string, options: MakeOptions, io: Io): Promise<void> {
  const { makeEdit } = await import('../../study/edits/make.ts');
  const { summaryOf } = await import('../../edits/collateral/measure.ts');
  const { append = false, skipFirst = false, everyPosition = false, seed = 0, json, quiet, out } = options;
  const view = taskView(io, quiet === true);
  const context = { progress: view.progress, signal: io.signal };
  const request = { ...options, kind, append, skipFirst, everyPosition, seed };
  const edit = await makeEdit(request, context).finally(() => view.close());
  const changes = edit.changes.map(summaryOf);
  if (json) return printJson(io, { out, model: edit.model, changes });
  const last = changes.at(-1)!;
  io.out(
    `${out}: ${changes.length === 1 ? '1 change' : `${changes.length} changes`}, ${last.kind} at ${last.site}\n`,
  );
}
