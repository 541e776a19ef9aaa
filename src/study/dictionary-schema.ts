/** @file The entries of `dictionaries` in a study file: every kind with every option of training, lists of values to compare, dictionaries of others. */
import { z } from 'zod';
import { DictionaryError, StudyError } from '../core/errors.ts';
import {
  type DictionaryOptions,
  dictionaryConfigSchema,
  type TrainedArchitecture,
} from '../dictionaries/config-schema.ts';
import { planTraining } from '../dictionaries/plan-training.ts';

/** Options that may be a list: every combination is learned and compared. */
const swept = ['features', 'k', 'targetL0', 'penalty', 'learningRate', 'passes', 'seed'] as const;

const site = z
  .string()
  .min(1)
  .describe(
    'Where in the network, e.g. blocks.11.hook_resid_post; blocks.11 alone means its residual stream',
  );

const from = z
  .string()
  .min(1)
  .optional()
  .describe(
    'A folder, file or owner/name[:path] on the Hugging Face hub with a dictionary that others trained',
  );

const listOf = (option: z.ZodType): z.ZodType => {
  const inner = option instanceof z.ZodOptional ? (option.unwrap() as z.ZodType) : option;
  const either = z.union([inner, z.array(inner).min(1)]).optional();
  return inner.description === undefined
    ? either
    : either.describe(`${inner.description}; a list compares them`);
};

/** Kinds that stand in for the site that they read; the others are trained by the library. */
const kinds = dictionaryConfigSchema.options.filter((option) => {
  const [architecture] = option.shape.architecture.values;
  return !/transcoder|crosscoder/.test(architecture as string);
});

/** The entries that train, one schema a kind; the architecture may be left out, which means TopK. */
const trained = kinds.map((option) => {
  const { architecture, ...shape } = option.shape as z.ZodRawShape & { architecture: z.ZodLiteral };
  const isDefault = architecture.value === 'topk';
  const entry = {
    site,
    architecture: isDefault ? architecture.optional().describe('Kind; topk unless given') : architecture,
    ...(isDefault ? { from } : {}),
    ...shape,
    features: listOf(shape.features as z.ZodType),
  };
  const lists = swept
    .filter((name) => name in entry)
    .map((name) => [name, listOf(entry[name as 'features'])]);
  return z.strictObject({ ...entry, ...Object.fromEntries(lists) });
});

/** An entry of `dictionaries`: a site, or an object. */
export const dictionaryEntrySchema = z.union([
  z.string().min(1),
  z.discriminatedUnion(
    'architecture',
    trained as unknown as [z.ZodObject<{ architecture: z.ZodLiteral<string> }>],
  ),
]);

/** What a dictionary of a study is learned with; sizes that are left open are the preset's. */
export interface EntryConfig extends DictionaryOptions {
  readonly architecture: TrainedArchitecture;
  readonly features: number;
}

/** A dictionary of a study with every shorthand written out. */
export interface DictionaryEntry {
  readonly site: string;
  /** Where a dictionary that others trained comes from; nothing is learned then. */
  readonly from?: string;
  /** What the rest of the study uses: the first value of every list. */
  readonly config: EntryConfig;
  /** Every other combination of the lists, to be compared with it. */
  readonly sweep: readonly { readonly name: string; readonly config: EntryConfig }[];
}

/** `blocks.11` means its residual stream at the end of the block. */
export const fullSite = (name: string): string =>
  /^blocks\.\d+$/.test(name) ? `${name}.hook_resid_post` : name;

const FEATURES = 2304;

/** An entry as it is written → an entry in full. */
export function fullEntry(written: unknown): DictionaryEntry {
  const entry = (typeof written === 'string' ? { site: written } : written) as Record<string, unknown>;
  const { site: where, from: source, ...options } = entry;
  const lists = swept
    .map((name) => [name, options[name]] as const)
    .filter((pair): pair is [(typeof swept)[number], unknown[]] => Array.isArray(pair[1]));
  const fixed = { architecture: 'topk', features: FEATURES, ...options };
  const combinations = lists.reduce<{ name: string[]; values: Record<string, unknown> }[]>(
    (all, [name, values]) =>
      all.flatMap((one) =>
        values.map((value) => ({
          name: values.length > 1 ? [...one.name, `${name}=${value}`] : one.name,
          values: { ...one.values, [name]: value },
        })),
      ),
    [{ name: [], values: {} }],
  );
  const [first, ...others] = combinations.map(({ name, values }) => ({
    name: name.join(' '),
    config: { ...fixed, ...values } as EntryConfig,
  }));
  return {
    site: fullSite(String(where)),
    ...(typeof source === 'string' ? { from: source } : {}),
    config: first!.config,
    sweep: others,
  };
}

/** How the configuration that a study goes on with is called beside those of its sweep. */
export const mainName = ({ config, sweep }: DictionaryEntry): string => {
  const names = sweep[0]?.name.split(' ').map((part) => part.split('=')[0] as keyof EntryConfig) ?? [];
  return names.map((name) => `${name}=${config[name]}`).join(' ');
};

/** Rows of a training whose length is not asked for: none is refused for it. */
const ENOUGH_ROWS = 1_000_000;

/**
 * What the schema cannot say: sizes that do not fit `rows` rows to train on, options beside `from`.
 * @throws StudyError `study.invalid`
 */
export function checkEntry(
  { site, from: source, config, sweep }: DictionaryEntry,
  rows: number,
  where: string,
): void {
  const wrong = (what: string, hint: string) => new StudyError('study.invalid', what, { where, hint });
  if (source !== undefined) {
    const { architecture: _a, features: _f, ...others } = config;
    const [name] = Object.keys(others);
    if (name === undefined && sweep.length === 0) return;
    throw wrong(
      `a dictionary that comes from ${source} is not trained, but ${name ?? 'a list'} is given`,
      'leave the options of training out, or leave out from:',
    );
  }
  const names = [mainName({ site, config, sweep }), ...sweep.map(({ name }) => name)];
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrong(`the lists ask for ${twice} more than once`, 'list each value once');
  for (const one of [config, ...sweep.map((entry) => entry.config)]) {
    try {
      // Tokens are counted where the file says so; a preset's passes go over what text there is, which may be far less.
      const said = one.passes !== undefined || one.tokens !== undefined;
      planTraining(
        { ...one, site, modelHash: '', sinkNorm: Number.MAX_VALUE },
        { rows: said ? rows : Math.min(rows, ENOUGH_ROWS), width: 1 },
      );
    } catch (error) {
      if (error instanceof DictionaryError) throw wrong(error.message, error.hint ?? '');
      throw error;
    }
  }
}
