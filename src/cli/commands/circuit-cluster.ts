/** @file `untangle circuit cluster`: behaviours without a hypothesis. */
import { type Command, Option } from 'commander';
import { CLUSTER_DEFAULTS, type ClusterMethod, clusterMethods } from '../../circuits/clusters/cluster.ts';
import { clusterText } from '../../study/circuits/cluster.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { aboveZero, addGlobalOptions, type GlobalOptions, modelOption, positive } from '../options.ts';
import { printClusters } from './circuit-print.ts';

export const dictionariesOption = () =>
  new Option(
    '--dictionaries <source...>',
    'folders or files of dictionaries, a folder of such folders, or names on the Hugging Face hub',
  ).makeOptionMandatory();

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

/** Adds `cluster`. */
export function addCluster(circuit: Command, io: Io): void {
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
      new Option('--below <nats>', 'only next tokens that cost the model less')
        .default(0.3)
        .argParser(aboveZero),
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
