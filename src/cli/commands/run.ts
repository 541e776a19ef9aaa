/** @file `untangle run`: what a model predicts, answers or writes, and activations at any site. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { toNumbers } from '../../core/tensor.ts';
import { writeNpz } from '../../files/npz.ts';
import type { Message } from '../../models/chat.ts';
import type { Rewriting } from '../../models/steps.ts';
import type { Model } from '../../models/types.ts';
import { openResources } from '../../study/resources.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, positive } from '../options.ts';
import { table } from '../table.ts';
import type { RunOptions } from './run-options.ts';
import { writeText } from './run-text.ts';

export function addRun(program: Command, io: Io): void {
  const command = program
    .command('run')
    .summary('what a model predicts after a prompt, answers or writes, and what happens inside')
    .description(
      'Runs a model: tokens, the likeliest next tokens, and the activations at the sites you name; or, with --chat or ' +
        '--generate, the text that it goes on with, as it comes.',
    )
    .argument(
      '<model>',
      'smollm2-135m, a GGUF file, a folder, owner/name[@revision][:file] on the Hugging Face hub, npm:name@1.2.3:file, any .onnx file',
    )
    .addOption(new Option('--prompt <text>', 'the text to go on from'))
    .addOption(new Option('--chat <text>', "what you say, written with the model's chat template"))
    .addOption(new Option('--chat-file <file>', 'earlier turns: JSON [{"role": "user", "content": "…"}, …]'))
    .addOption(new Option('--system <text>', 'system prompt of --chat and --chat-file'))
    .addOption(
      new Option('--generate <number>', 'write at most this many tokens (--chat: 256)').argParser(positive),
    )
    .addOption(
      new Option('--temperature <number>', '0 takes the likeliest token, 1 draws by the probabilities')
        .default(0)
        .argParser(notNegative),
    )
    .addOption(new Option('--top-k <number>', 'draw from this many likeliest tokens').argParser(positive))
    .addOption(
      new Option(
        '--top-p <number>',
        'draw from the likeliest tokens that hold this probability together',
      ).argParser(share),
    )
    .addOption(new Option('--edit <file>', 'run under an edit (docs/cli.md)'))
    .addOption(new Option('--no-cache', 'compute the whole text anew at each token'))
    .addOption(
      new Option(
        '--input <name=value...>',
        'tensors for an ONNX file of any kind: NAME=FILE.npy, NAME=random[:1,3,64,64], NAME=NUMBER[:1,8]',
      ).default([]),
    )
    .addOption(
      new Option('--low-memory', 'with --input: block by block, the weights of one block in use at a time'),
    )
    .addOption(
      new Option(
        '--read <site...>',
        'sites to return, named as TransformerLens names them; in ONNX files the names of values (untangle sites)',
      ).default([]),
    )
    .addOption(new Option('--top <number>', 'how many next tokens').default(5).argParser(positive))
    .addOption(new Option('--out <file>', 'write the sites to this .npz file'))
    .action((model: string, options: RunOptions) => run(model, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle run smollm2-135m --prompt "The capital of France is"\n' +
        '  untangle run smollm2-135m --prompt "Hello" --read blocks.11.hook_resid_post --out hello.npz --json\n' +
        '  untangle run smollm2-135m --chat "Who wrote Hamlet?" --system "Answer in one sentence."\n' +
        '  untangle run smollm2-135m --prompt "Once upon a time" --generate 60 --temperature 0.8 --top-p 0.95 --seed 1\n' +
        '  untangle run smollm2-135m --prompt "Once upon a time" --generate 60 --edit steer.json\n' +
        '  untangle run net.onnx --input image=random:1,3,224,224 --read layer3 --out net.npz',
    );
  const writes = ({ chat, chatFile, generate }: RunOptions) =>
    chat !== undefined || chatFile !== undefined || generate !== undefined;
  belong(
    command,
    ['--top'],
    '--prompt without --generate',
    (options: RunOptions) => options.input.length === 0 && !writes(options),
  );
  belong(
    command,
    ['--system', '--temperature', '--top-k', '--top-p', '--no-cache', '--edit'],
    'a language model, without --input',
    ({ input }: RunOptions) => input.length === 0,
  );
  addGlobalOptions(command);
}

/** A number from 0. */
function notNegative(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || text.trim() === '')
    throw new InvalidArgumentError('It must be 0 or more.');
  return value;
}

/** A number above 0 and up to 1. */
function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return value;
}

/** Which of the options that exclude each other were given. @throws UsageError */
function checkCombination(options: RunOptions): { conversation: boolean } {
  const conversation = options.chat !== undefined || options.chatFile !== undefined;
  const wrong = (message: string, hint: string) => new UsageError('usage.options', message, { hint });
  if (conversation && options.prompt !== undefined)
    throw wrong(
      '--prompt and --chat exclude each other',
      'a prompt is taken as it is, a chat is written with the template',
    );
  if (!conversation && options.prompt === undefined)
    throw wrong(
      'there is nothing to run',
      'give --prompt TEXT, --chat TEXT, --chat-file FILE, or for an ONNX file --input NAME=VALUE',
    );
  if (options.system !== undefined && !conversation)
    throw wrong('--system belongs to --chat', 'write it into the prompt, or use --chat');
  const writes = conversation || options.generate !== undefined;
  if (!writes && options.out !== undefined && options.read.length === 0)
    throw wrong('--out belongs to --read', 'name the sites that are written: --read SITE…');
  if (writes && (options.read.length > 0 || options.out !== undefined))
    throw wrong(
      '--read and --out belong to --prompt without --generate',
      'run the text that came with --prompt and --read',
    );
  if (!writes && (options.temperature !== 0 || !options.cache))
    throw wrong(
      '--temperature, --top-k, --top-p and --no-cache belong to --generate or --chat',
      'add --generate NUMBER to have text written',
    );
  if (options.lowMemory)
    throw wrong('--low-memory belongs to --input', 'it runs ONNX files of any kind block by block');
  const draws = options.topK !== undefined || options.topP !== undefined;
  if (draws && options.temperature === 0)
    throw wrong(
      '--top-k and --top-p belong to --temperature',
      'without it the likeliest token is taken; try --temperature 0.8',
    );
  return { conversation };
}

/** A network of any kind, on tensors. @throws UsageError when it is a language model, or text was given, too */
async function runOnTensors(name: string, options: RunOptions, io: Io): Promise<void> {
  const text = [options.prompt, options.chat, options.chatFile, options.generate].some(
    (o) => o !== undefined,
  );
  const [{ openModel }, { isFree }] = await Promise.all([
    import('../../models/open.ts'),
    import('../../models/free.ts'),
  ]);
  const view = taskView(io, options.quiet === true);
  const model = await openModel(name, { progress: view.progress, signal: io.signal }).finally(() =>
    view.close(),
  );
  if (text || !isFree(model)) {
    throw new UsageError('usage.options', '--input is for ONNX files; language models read text', {
      hint: !isFree(model)
        ? `${model.name} reads text: give --prompt TEXT and leave --input out`
        : 'leave --prompt, --chat and --generate out',
    });
  }
  await (await import('./run-tensors.ts')).runTensors(model, options, io);
}

async function run(name: string, options: RunOptions, io: Io): Promise<void> {
  if (options.input.length > 0) return runOnTensors(name, options, io);
  const { conversation } = checkCombination(options);
  const earlier = options.chatFile === undefined ? [] : await readTurns(options.chatFile);
  const view = taskView(io, options.quiet === true);
  const model = await openResources({ study: { model: name } })
    .model({ progress: view.progress, signal: io.signal })
    .finally(() => view.close());
  const rewriting =
    options.edit === undefined
      ? undefined
      : await (await import('../../edits/edit-file.ts')).openEdit(options.edit, model);
  const edited = rewriting ? { rewriting } : {};
  if (conversation) return writeText(model, { ...options, ...edited, messages: turns(options, earlier) }, io);
  if (options.generate !== undefined) return writeText(model, { ...options, ...edited }, io);
  return predict(model, { ...options, ...edited, prompt: options.prompt! }, io);
}

const readTurns = async (path: string): Promise<Message[]> =>
  (await import('../../models/chat.ts')).readMessages(path);

/** System prompt, earlier turns, what is said now. */
const turns = ({ system, chat }: RunOptions, earlier: readonly Message[]): Message[] => [
  ...(system === undefined ? [] : [{ role: 'system', content: system }]),
  ...earlier,
  ...(chat === undefined ? [] : [{ role: 'user', content: chat }]),
];

/** The likeliest next tokens, and sites. */
async function predict(
  model: Model,
  options: RunOptions & { readonly prompt: string; readonly rewriting?: Rewriting },
  io: Io,
): Promise<void> {
  const { threads, read, top, out, prompt: input, rewriting } = options;
  const { runModel } = await import('../../models/run.ts');
  const edit = rewriting ? { rewriting } : {};
  const result = await runModel(model, { input, read, top, threads, signal: io.signal, ...edit });
  if (out !== undefined) await writeNpz(out, result.sites);
  if (options.json) {
    const sites = Object.entries(result.sites).map(([site, tensor]) => {
      const { dtype, shape } = tensor;
      // With --out the numbers are in the file; without it they are here, row by row.
      const values = out === undefined ? { data: toNumbers(tensor) } : {};
      return [site, { dtype, shape, ...values }] as const;
    });
    const document = {
      model: { name: model.name, source: model.source, note: model.note },
      prompt: options.prompt,
      ...(options.edit === undefined ? {} : { edit: options.edit }),
      tokens: result.tokens,
      top: result.predictions,
      sites: Object.fromEntries(sites),
      ...(out === undefined ? {} : { out }),
    };
    printJson(io, document);
    return;
  }
  io.out(
    `${result.tokens.map((token) => io.style.faint('[') + token.text + io.style.faint(']')).join('')}\n\n`,
  );
  const rows = result.predictions.map(({ text, logProbability }) => [
    JSON.stringify(text),
    Math.exp(logProbability).toFixed(4),
    logProbability.toFixed(4),
  ]);
  io.out(table(['next token', 'probability', 'log-probability'], rows));
  const sites = Object.entries(result.sites).map(([site, { dtype, shape }]) => [
    site,
    dtype,
    shape.join(' × '),
  ]);
  if (sites.length > 0) io.out(`\n${table(['site', 'numbers', 'shape'], sites)}`);
  if (out !== undefined) io.out(`\nWrote ${out}\n`);
  if (model.note) io.out(`\n${io.style.faint(model.note)}\n`);
}
