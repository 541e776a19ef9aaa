/** @file From biographies to pooled rows, and back from a step's folder to the sets of a problem. */
import { join } from 'node:path';
import { z } from 'zod';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { confoundedSplit } from '../../data/biographies/split.ts';
import type { Biographies, Biography } from '../../data/biographies/types.ts';
import { loadDictionary } from '../../dictionaries/files.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { BiasRows } from '../../edits/bias/problem.ts';
import { readJson, writeJson } from '../../files/atomic.ts';
import type { Model } from '../../models/types.ts';
import { openBiographies } from './biographies.ts';
import { type Pooled, poolTexts } from './pool.ts';
import { type PoolResult, planTexts, type RowPlan, type TextPlan, withoutFirstSentence } from './texts.ts';
import type { BiasTextOptions } from './types.ts';

const PLAN = 'plan.json';

export interface RowsInput {
  readonly options: BiasTextOptions;
  readonly model: Model;
  /** Of the dictionaries. */
  readonly folders: readonly string[];
  readonly folder: string;
  readonly threads: number;
}

/**
 * Splits the biographies and pools their texts into `folder`.
 * @throws DataError `biographies.*`; ModelError `model.unknown-site`
 */
export async function poolBiographies(input: RowsInput, context: WorkContext): Promise<PoolResult> {
  const { options, folder } = input;
  const { fields, data, auxiliaryPeople, testShare, counterfactuals, perClass, seed } = options;
  const biographies = withoutFields(await openBiographies(data, context), data);
  const split = confoundedSplit(atMost(biographies, options.peoplePerCell, seed), {
    ...{ fields, auxiliaryPeople, testShare, counterfactuals, seed },
    ...(perClass === undefined ? {} : { perClass }),
  });
  const plan = planTexts(split);
  await writeJson(join(folder, PLAN), plan);
  await poolPlan(plan, input, context);
  const { attribution, source, unclear } = biographies;
  return { texts: plan.texts.length, attribution, source, unclear, cells: split.cells };
}

/** Leads of Wikipedia without the sentence that names the field; Bias in Bios comes without it. */
function withoutFields(biographies: Biographies, data: string): Biographies {
  if (data !== 'wikipedia-people') return biographies;
  const people = biographies.people.flatMap((person) => {
    const text = withoutFirstSentence(person.text);
    return text === undefined ? [] : [{ ...person, text }];
  });
  return { ...biographies, people };
}

/** At most so many people of each field and gender, drawn at random: large sources are read in part. */
function atMost(biographies: Biographies, most: number, seed: number): Biographies {
  const chance = random(seed).fork('bias/people');
  const cells = new Map<string, Biography[]>();
  for (const person of biographies.people) {
    const key = `${person.field}/${person.gender}`;
    const cell = cells.get(key);
    if (cell) cell.push(person);
    else cells.set(key, [person]);
  }
  const people = [...cells].flatMap(([key, cell]) =>
    cell.length <= most ? cell : chance.fork(key).shuffle(cell).slice(0, most),
  );
  return { ...biographies, people };
}

async function poolPlan(plan: TextPlan, input: RowsInput, context: WorkContext): Promise<Pooled> {
  const { options, model, folder, folders, threads } = input;
  const dictionaries = await Promise.all(folders.map(loadDictionary));
  return poolTexts(
    {
      ...{ model, folder, threads, dictionaries },
      site: options.site,
      texts: plan.texts,
      length: options.length,
    },
    context,
  );
}

const rowSchema = z.object({
  text: z.int(),
  outcome: z.union([z.literal(0), z.literal(1)]),
  protected: z.union([z.literal(0), z.literal(1)]),
  swapped: z.union([z.literal(0), z.literal(1)]),
  id: z.string(),
});
const rows = z.array(rowSchema);
const planSchema = z.object({
  texts: z.array(z.string()),
  sets: z.object({ train: rows, retain: rows, auxiliary: rows, balanced: rows, oracleTrain: rows }),
  deleted: z.object({ train: rows, balanced: rows, oracleTrain: rows }),
  concepts: z.array(z.object({ name: z.string(), text: z.int() })),
  fields: z.tuple([z.string(), z.string()]),
});

/** Everything that a problem takes from the pooled rows, for one dictionary. */
export interface DictionaryRows {
  readonly dictionary: Dictionary;
  readonly sets: Readonly<Record<keyof TextPlan['sets'], BiasRows>>;
  readonly deleted: Readonly<Record<keyof TextPlan['deleted'], BiasRows>>;
  readonly concepts: { readonly names: readonly string[]; readonly vectors_CD: Float32Array };
  readonly fields: readonly [string, string];
  /** Texts of the retain rows, by field. */
  readonly retainTexts: readonly [readonly string[], readonly string[]];
}

/** The rows that `poolBiographies` left, read from its files. */
export async function pooledRows(input: RowsInput, context: WorkContext): Promise<DictionaryRows[]> {
  const plan: TextPlan = await readJson(join(input.folder, PLAN), planSchema);
  // All parts are there: nothing runs again.
  const pooled = await poolPlan(plan, input, context);
  const dictionaries = await Promise.all(input.folders.map(loadDictionary));
  const { width: D } = pooled;
  return dictionaries.map((dictionary, d) => {
    const F = dictionary.features;
    const take = (from: Float32Array, width: number, numbers: readonly number[]): Float32Array => {
      const out = new Float32Array(numbers.length * width);
      numbers.forEach((n, i) => {
        out.set(from.subarray(n * width, (n + 1) * width), i * width);
      });
      return out;
    };
    const rowsOf = (set: readonly RowPlan[]): BiasRows => {
      const numbers = set.map((row) => row.text);
      return {
        x_ND: take(pooled.x_ND, D, numbers),
        features_NF: take(pooled.features[d]!, F, numbers),
        outcome_N: Uint8Array.from(set, (row) => row.outcome),
        protected_N: Uint8Array.from(set, (row) => row.protected),
        swapped_N: Uint8Array.from(set, (row) => row.swapped),
        ids: set.map((row) => row.id),
      };
    };
    const each = <Name extends string>(sets: Readonly<Record<Name, readonly RowPlan[]>>) =>
      Object.fromEntries(
        Object.entries<readonly RowPlan[]>(sets).map(([name, set]) => [name, rowsOf(set)]),
      ) as Record<Name, BiasRows>;
    const { concepts, fields } = plan;
    return {
      dictionary,
      sets: each(plan.sets),
      deleted: each(plan.deleted),
      concepts: {
        names: concepts.map((one) => one.name),
        vectors_CD: take(
          pooled.x_ND,
          D,
          concepts.map((one) => one.text),
        ),
      },
      fields,
      retainTexts: [textsOf(plan, 0), textsOf(plan, 1)],
    };
  });
}

const textsOf = ({ sets, texts }: TextPlan, outcome: 0 | 1): string[] =>
  sets.retain.filter((row) => row.outcome === outcome).map((row) => texts[row.text]!);
