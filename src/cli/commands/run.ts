/** @file `untangle run`: next-token predictions of a model, and activations at any site. */
import { type Command, Option } from 'commander';
import { toNumbers } from '../../core/tensor.ts';
import { writeNpz } from '../../files/npz.ts';
import { openResources } from '../../study/resources.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions, type GlobalOptions, positive } from '../options.ts';
import { table } from '../table.ts';

interface RunOptions extends GlobalOptions {
  readonly prompt: string;
  readonly read: readonly string[];
  readonly top: number;
  readonly out?: string;
}

export function addRun(program: Command, io: Io): void {
  const command = program
    .command('run')
    .summary('what a model predicts after a prompt, and what happens inside')
    .description(
      'Runs a model once: tokens, the likeliest next tokens, and the activations at the sites you name.',
    )
    .argument('<model>', 'smollm2-135m, a GGUF file, a folder, or owner/name on the Hugging Face hub')
    .addOption(new Option('--prompt <text>', 'the text to go on from').makeOptionMandatory())
    .addOption(
      new Option('--read <site...>', 'sites to return, named as TransformerLens names them').default([]),
    )
    .addOption(new Option('--top <number>', 'how many next tokens').default(5).argParser(positive))
    .addOption(new Option('--out <file>', 'write the sites to this .npz file'))
    .action((model: string, options: RunOptions) => run(model, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle run smollm2-135m --prompt "The capital of France is"\n' +
        '  untangle run smollm2-135m --prompt "Hello" --read blocks.11.hook_resid_post --out hello.npz --json',
    );
  addGlobalOptions(command);
}

async function run(name: string, options: RunOptions, io: Io): Promise<void> {
  const { threads, read, top, out } = options;
  // The runtime is loaded here and not above: other commands start faster without it.
  const { runModel } = await import('../../models/run.ts');
  const model = await openResources({ study: { model: name } }).model({
    progress: (event) => {
      if (event.type === 'note' && !options.quiet) io.err(`${event.text}\n`);
    },
    signal: io.signal,
  });
  const result = await runModel(model, { input: options.prompt, read, top, threads, signal: io.signal });
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
      tokens: result.tokens,
      top: result.predictions,
      sites: Object.fromEntries(sites),
      ...(out === undefined ? {} : { out }),
    };
    io.out(`${JSON.stringify(document, null, 2)}\n`);
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
