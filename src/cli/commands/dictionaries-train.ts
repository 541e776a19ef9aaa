/** @file `untangle dictionaries train`: transcoders and crosscoders, which read or predict several sites. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import {
  type DictionaryChoice,
  dictionaryConfigSchema,
  firstProblem,
} from '../../dictionaries/config-schema.ts';
import { isTranscoder } from '../../dictionaries/plan.ts';
import { presetOf } from '../../dictionaries/presets.ts';
import { fullSite } from '../../study/dictionary-schema.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, positive } from '../options.ts';
import { choices } from './inline-study.ts';

interface TrainOptions extends GlobalOptions {
  readonly model: string;
  readonly site: readonly string[];
  readonly outputSite?: string;
  readonly out: string;
  readonly text: string;
  readonly tokens: number;
  readonly heldOut: number;
  readonly window: number;
  readonly set: readonly string[];
}

/** Adds the command to `dictionaries`. */
export function addDictionariesTrain(group: Command, io: Io): void {
  addGlobalOptions(
    group
      .command('train')
      .summary('learn a transcoder or a crosscoder')
      .description(
        'Learns a dictionary that predicts another site than it reads (transcoder, skip-transcoder) or reads several (crosscoder). ' +
          'A call that was stopped goes on, what is finished is not learned again. Dictionaries of one site: `untangle train`.',
      )
      .requiredOption('--model <name>', 'the model, as `untangle run` takes it')
      .requiredOption('--site <site...>', 'what is read: one site of a transcoder, several of a crosscoder')
      .option('--output-site <site>', 'what a transcoder predicts')
      .requiredOption('--out <folder>', 'folder of the dictionary')
      .option('--text <source>', 'a text source or a path (docs/study-file.md)', 'wikipedia-leads')
      .addOption(
        new Option('--tokens <number>', 'tokens of training text').default(130_000).argParser(positive),
      )
      .addOption(
        new Option('--held-out <number>', 'tokens of held-out text').default(16_000).argParser(positive),
      )
      .addOption(
        new Option('--window <number>', 'tokens of one window of text').default(128).argParser(positive),
      )
      .addOption(
        new Option(
          '--set <option=value...>',
          'options of training (docs/dictionaries.md), e.g. architecture=skip-transcoder activation=topk k=32 features=4096',
        ).default([]),
      )
      .action((options: TrainOptions) => train(options, io)),
  ).addHelpText(
    'after',
    '\nExamples:\n' +
      '  untangle dictionaries train --model tiny --site blocks.2.ln2.hook_normalized --output-site blocks.2.hook_mlp_out --out t2\n' +
      '  untangle dictionaries train --model tiny --site blocks.1.hook_resid_post blocks.2.hook_resid_post --out c12 --set architecture=crosscoder',
  );
}

const FEATURES = 2304;

/** How the codes of a transcoder or crosscoder are made. */
const activationOf = (choice: DictionaryChoice): string => {
  const { architecture, features, preset = 'untangle' } = choice;
  const asked = 'activation' in choice ? choice.activation : undefined;
  return asked ?? presetOf(preset, { architecture, features, width: 1, steps: 1 }).activation;
};

/** The options that have an effect on a choice: those of all kinds and of its activation. */
function understood(choice: DictionaryChoice): Set<string> {
  const { options } = dictionaryConfigSchema;
  const shapeOf = (kind: string) =>
    Object.keys(options.find(({ shape }) => shape.architecture.value === kind)?.shape ?? {});
  const coded = shapeOf(choice.architecture);
  if (!coded.includes('activation')) return new Set(coded);
  const names = new Set(['activation', ...shapeOf(activationOf(choice))]);
  // What a transcoder predicts has a bias of its own: there is nothing of it to take off what is read.
  if (isTranscoder(choice.architecture)) names.delete('preBias');
  return names;
}

/** The options of `--set` as a choice of kind and options. */
function choiceOf({ set, site, outputSite }: TrainOptions): DictionaryChoice {
  const wrong = (message: string, hint: string) => new UsageError('usage.options', message, { hint });
  const given = choices(set);
  const written = { architecture: 'transcoder', features: FEATURES, ...given };
  const { data, error } = dictionaryConfigSchema.safeParse(written);
  if (error)
    throw wrong(`--set ${firstProblem(error)}`, 'docs/dictionaries.md lists the options of each kind');
  const idle = Object.keys(given).find((name) => !understood(data).has(name));
  if (idle !== undefined)
    throw wrong(
      `--set ${idle}: it does nothing for a ${data.architecture} with the activation ${activationOf(data)}`,
      `its options are ${[...understood(data)].join(', ')}`,
    );
  const crosses = data.architecture === 'crosscoder';
  if (!crosses && !isTranscoder(data.architecture))
    throw wrong(
      `a ${data.architecture} reads and reconstructs one site`,
      `untangle train --model NAME --site ${site[0]} --set architecture=${data.architecture}`,
    );
  if (crosses && (site.length < 2 || outputSite !== undefined))
    throw wrong('a crosscoder reads two sites or more, and predicts these', 'give --site A B');
  if (!crosses && (site.length !== 1 || outputSite === undefined))
    throw wrong(`a ${data.architecture} reads one site and predicts one`, 'give --site A --output-site B');
  if (new Set(sitesOf({ site, outputSite })).size < site.length + (outputSite === undefined ? 0 : 1))
    throw wrong(
      'one site is named twice',
      'name each once; `untangle train` learns dictionaries of one site',
    );
  return data;
}

/** All sites in full, what is predicted last. */
const sitesOf = ({ site, outputSite }: Pick<TrainOptions, 'site' | 'outputSite'>): string[] =>
  [...site, ...(outputSite === undefined ? [] : [outputSite])].map(fullSite);

async function train(options: TrainOptions, io: Io): Promise<void> {
  const choice = choiceOf(options);
  const { model, text, window, tokens, heldOut, seed = 0, threads, out, json } = options;
  const { learnAcrossSites } = await import('../../study/across-sites.ts');
  const view = taskView(io, options.quiet === true);
  const { dictionary, log, kept } = await learnAcrossSites(
    {
      ...{ model, text, window, tokens, heldOut, seed, choice, folder: out },
      sites: sitesOf(options),
    },
    { progress: view.progress, signal: io.signal, threads },
  ).finally(() => view.close());
  const { architecture, features, site: reads, output } = dictionary;
  const last = log.curve.at(-1);
  const said = {
    ...{ architecture, site: reads, ...(output && { outputSite: output.site }), features },
    ...(last && { fve: last.fve, l0: last.l0 }),
    ...{
      dead: log.dead / features,
      tokensSeen: log.tokensSeen,
      tokensPerSecond: log.tokensPerSecond,
      kept,
      out,
    },
  };
  if (json) {
    printJson(io, said);
    return;
  }
  const scores = last ? `, FVE ${last.fve.toFixed(3)}, L0 ${last.l0.toFixed(1)} on held-out text` : '';
  io.out(
    `${architecture} of ${features} features at ${reads}${output ? ` → ${output.site}` : ''}${scores}\n`,
  );
  io.out(kept ? `Learned before, in ${out}\n` : `Written to ${out}\n`);
}
