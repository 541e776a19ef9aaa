/** @file The bias study on a table: a small network is trained, its hidden layer's features are learned, and every method runs on them. */
import { contentHash } from '../../core/hash.ts';
import type { WorkContext } from '../../core/progress.ts';
import { readTable } from '../../data/table.ts';
import { trainDictionary } from '../../dictionaries/train.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { BiasProblem } from '../../edits/bias/problem.ts';
import { type BiasStudy, biasStudy } from '../../edits/bias/study.ts';
import type { BiasMethod, BiasResult } from '../../edits/bias/types.ts';
import { type Classifier, runClassifier, trainClassifier } from '../../networks/classifier.ts';
import { dictionaryHash, requireChoice } from './choice.ts';
import { tableProblem } from './table-problem.ts';
import { type RecordSet, type TableChoice, type TableRecords, tableRecords } from './table-records.ts';
import type { Choice } from './types.ts';

/** Options of `untangle study bias --table`, with every default written out. */
export interface BiasTableOptions extends TableChoice {
  /** A CSV file, or `cps-wages-1985`. */
  readonly table: string;
  /** Width of each hidden layer; the last one is the cut. */
  readonly hidden: readonly number[];
  /** Times that the network sees each record. */
  readonly epochs: number;
  /** Features of a dictionary per unit of the cut. */
  readonly expansion: number;
  /** Mean number of active features a record. */
  readonly k: number;
  readonly dictionarySeeds: number;
  readonly probes: number;
  readonly resamples: number;
  readonly choice?: Choice;
  /** Methods to measure; all unless given. */
  readonly methods?: readonly BiasMethod[];
}

export const BIAS_TABLE_DEFAULTS: Omit<BiasTableOptions, 'table' | 'outcome' | 'protected'> = {
  hidden: [64],
  epochs: 20,
  expansion: 1,
  k: 8,
  dictionarySeeds: 3,
  probes: 10,
  resamples: 1000,
  seed: 0,
};

/** Rows that a dictionary sees in training, at least. */
const DICTIONARY_ROWS = 40_000;

/**
 * Runs the study on a table. The network learns the outcome from records as they are, bias included; classifiers are then
 * trained on its hidden layer where outcome and protected value go together, as on text.
 * @throws DataError of readTable and tableRecords; NetworkError, DictionaryError and EditError of what follows
 */
export async function runBiasTable(
  options: BiasTableOptions,
  context: WorkContext & { readonly threads: number; readonly command: string },
): Promise<BiasResult> {
  const begun = performance.now();
  const { threads, command } = context;
  const table = await readTable(options.table, context);
  const records = tableRecords(table, options);
  for (const { column, why } of records.left)
    context.progress({ type: 'note', text: `column "${column}" is not used: ${why}` });
  if (records.incomplete > 0) {
    const text = `${records.incomplete} rows are not used: ${records.outcome.name} or ${records.protected.name} is missing`;
    context.progress({ type: 'note', text });
  }
  if (records.beyond > 0)
    context.progress({
      type: 'note',
      text: `${records.beyond} rows more than are needed: the others were drawn by chance`,
    });
  const network = await learnNetwork(records, options, context);
  const model = { name: `network on ${table.source}`, hash: hashOf(network, records) };
  const dictionaries: Dictionary[] = [];
  const { h_NH } = await runClassifier(network, records.x(withCounterfactuals(records)), threads);
  for (let seed = 0; seed < options.dictionarySeeds; seed++) {
    dictionaries.push(await learnFeatures(network, h_NH, model.hash, seed, options, context));
  }
  if (options.choice) requireChoice(options.choice, network.cut, model, dictionaries[0]!);
  const problems: BiasProblem[] = [];
  for (const dictionary of dictionaries)
    problems.push(await tableProblem(nameOf(records), records, network, dictionary, threads));
  const labels = featureLabels(records, problems[0]!);
  problems[0] = { ...problems[0]!, label: (feature) => labels[feature] };
  const study = await biasStudy(
    problems,
    {
      ...{ probes: options.probes, resamples: options.resamples, seed: options.seed },
      ...(options.choice ? { choice: options.choice.features } : {}),
      ...(options.methods ? { methods: options.methods } : {}),
    },
    context,
  );
  const { name, outcome, protected: attribute } = problems[0]!;
  return {
    ...{ format: 'untangle-bias', version: 1, name, outcome, protected: attribute, model },
    site: network.cut,
    dictionaries: dictionaries.map((dictionary, seed) => ({
      ...{ name: `seed ${seed}`, seed, features: dictionary.features, hash: dictionaryHash(dictionary) },
    })),
    counts: countsOf(records),
    ...inWordsOfTables(study, records),
    published: [],
    otherTasks: { draws: 0, left: [{ task: 'all', why: ONE_TASK }] },
    ...(table.attribution === '' ? {} : { attribution: table.attribution }),
    seconds: (performance.now() - begun) / 1000,
    command,
  };
}

/** Why nothing is scored beside a table's own outcome. */
const ONE_TASK =
  'a network on a table has one task, its outcome: KL of its own answers and perplexity say what an edit does to it';

/** What features are learned from: the records that the network learned from, and each with the other protected value. */
function withCounterfactuals({ sets: { network }, counterfactuals }: TableRecords): RecordSet {
  if (!counterfactuals) return network;
  const { rows } = network;
  return { rows: [...rows, ...rows], swapped: [...rows.map(() => false), ...rows.map(() => true)] };
}

/** What the study says of texts, said of records. */
function inWordsOfTables(study: BiasStudy, { protected: attribute }: TableRecords): BiasStudy {
  const hidden = {
    title: `${attribute.name} hidden from the network, retrained`,
    sees: `which column holds ${attribute.name}; the confounded records with it at its mean`,
  };
  return {
    ...study,
    rows: study.rows.map((row) => (row.method === 'token-deletion' ? { ...row, ...hidden } : row)),
    verdicts: study.verdicts.map((verdict) => ({
      ...verdict,
      units: verdict.units.replace(/\bpersons\b/, 'test records').replace(/windows of plain text/, 'others'),
    })),
  };
}

/** A name for files: `wage-gender`. */
const nameOf = ({ outcome, protected: attribute }: TableRecords): string =>
  [outcome.name, attribute.name]
    .map(
      (name) =>
        name
          .toLowerCase()
          .replace(/[^\p{L}\p{N}]+/gu, '-')
          .replace(/^-+|-+$/g, '') || 'column',
    )
    .join('-');

function learnNetwork(
  records: TableRecords,
  { hidden, epochs, seed }: BiasTableOptions,
  context: WorkContext & { readonly threads: number },
): Promise<Classifier> {
  const { network } = records.sets;
  const batch = 64;
  const steps = Math.max(100, Math.ceil((epochs * network.rows.length) / batch));
  return trainClassifier(
    { x_NI: records.x(network), class_N: records.labels(network).outcome_N },
    hidden,
    { steps, batch, rate: 3e-3, weightDecay: 0.1, seed },
    context,
  );
}

async function learnFeatures(
  { cut }: Classifier,
  h_NH: Float32Array,
  modelHash: string,
  seed: number,
  { hidden, expansion, k }: BiasTableOptions,
  context: WorkContext & { readonly threads: number },
): Promise<Dictionary> {
  const width = hidden.at(-1)!;
  const rows = h_NH.length / width;
  const { dictionary } = await trainDictionary(
    { x_ND: h_NH, width },
    {
      ...{ architecture: 'batchtopk', k: Math.min(k, width), features: expansion * width, seed },
      ...{ batch: Math.min(64, rows), tokens: Math.max(DICTIONARY_ROWS, 4 * rows) },
      ...{ site: cut, modelHash, sinkNorm: Number.MAX_VALUE },
    },
    context,
  );
  return dictionary;
}

/** Names the network by its weights and its inputs. */
const hashOf = ({ graph }: Classifier, { inputs }: TableRecords): string =>
  contentHash({
    inputs,
    weights: [...graph.weights].map(([name, weight]) => [
      name,
      'data' in weight ? [...weight.data].map(Number) : [],
    ]),
  });

/** Rows by set and cell, natural and swapped. */
function countsOf(records: TableRecords): BiasResult['counts'] {
  const { outcome, protected: attribute } = records;
  return (['train', 'retain', 'auxiliary', 'balanced', 'oracleTrain'] as const).flatMap((name) => {
    const set = records.sets[name];
    const { outcome_N, protected_N } = records.labels(set);
    return [0, 1, 2, 3].map((cell) => {
      const [o, p] = [cell >> 1, cell & 1];
      const count = (swapped: boolean) =>
        set.rows.filter((_, n) => outcome_N[n] === o && protected_N[n] === p && set.swapped[n] === swapped)
          .length;
      return {
        ...{ set: name, outcome: outcome.values[o]!, protected: attribute.values[p]! },
        ...{ natural: count(false), swapped: count(true) },
      };
    });
  });
}

/** Each feature by the two inputs that go most with it over the auxiliary records, with their correlations. */
function featureLabels(
  records: TableRecords,
  { auxiliary, features: F }: BiasProblem,
): (string | undefined)[] {
  const { inputs } = records;
  const x_NI = records.x(records.sets.auxiliary);
  const N = auxiliary.ids.length;
  const column = (values: Float32Array, width: number, at: number) => {
    const out = Float64Array.from({ length: N }, (_, n) => values[n * width + at]!);
    const mean = out.reduce((sum, v) => sum + v, 0) / N;
    const centred = out.map((v) => v - mean);
    const norm = Math.sqrt(centred.reduce((sum, v) => sum + v * v, 0));
    return norm === 0 ? undefined : centred.map((v) => v / norm);
  };
  const given = inputs.map((_, i) => column(x_NI, inputs.length, i));
  return Array.from({ length: F }, (_, f) => {
    const feature = column(auxiliary.features_NF, F, f);
    if (!feature) return undefined;
    return given
      .flatMap((input, i) =>
        input ? [{ name: inputs[i]!, r: input.reduce((sum, v, n) => sum + v * feature[n]!, 0) }] : [],
      )
      .sort((a, b) => Math.abs(b.r) - Math.abs(a.r))
      .slice(0, 2)
      .map(({ name, r }) => `${name} ${r < 0 ? '−' : '+'}${Math.abs(r).toFixed(2)}`)
      .join(', ');
  });
}
