/** @file The study file: one zod schema; what people write (with shorthands) on the left, a full Study on the right. */
import { z } from 'zod';
import { type DictionaryEntry, dictionaryEntrySchema, fullEntry } from './dictionary-schema.ts';

/** Strict object: an unknown key is an error, so that a typo never passes in silence. */
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape);

const count = (description: string) => z.int().min(1).describe(description);

const textSchema = section({
  source: z
    .string()
    .min(1)
    .default('wikipedia-leads')
    .describe(
      'wikipedia-leads, moby-dick, state-of-the-union, tiny-held-out, or a path to a file or folder of .txt, .jsonl, .parquet',
    ),
  windowLength: z.int().min(4).max(4096).default(128).describe('Tokens in one window of text'),
  trainTokens: count('Tokens that dictionaries are trained on').default(130_000),
  heldOutTokens: count('Tokens, from other articles, that every score is taken on').default(16_000),
});

const taskSchema = section({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens')
    .describe(
      'a built-in task (agreement, gender, indirect-object, … : docs/data.md), or a name of your own together with file',
    ),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('JSON file of your own task: examples with clean, patch, answer, wrong'),
  train: z
    .int()
    .min(2)
    .default(48)
    .describe('Examples (pairs of a clean and a patch sentence) to find the circuit on'),
  heldOut: z
    .int()
    .min(2)
    .default(48)
    .describe('Examples, made from other words, that faithfulness is scored on'),
});

const circuitSchema = section({
  rule: z
    .enum(['midpoint', 'left', 'gauss', 'adaptive', 'attribution', 'relp', 'exact'])
    .default('midpoint')
    .describe(
      'How effects are taken: integrated gradients by a quadrature (midpoint; left as published; gauss; adaptive to a tolerance), attribution patching, linear relevance (relp), or one run a node (exact; slow)',
    ),
  points: z
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe('Points on the line from clean to patch: midpoint, left, gauss'),
  tolerance: z
    .number()
    .positive()
    .lt(1)
    .default(0.01)
    .describe('With adaptive: share of the change that may be missed'),
  baseline: z
    .enum(['counterfactual', 'zero', 'mean'])
    .default('counterfactual')
    .describe('What nodes are compared with: the patch prompt, nothing, or their mean over patch prompts'),
  aggregation: z
    .enum(['none', 'sum'])
    .default('none')
    .describe('none ranks every position for itself, sum adds the positions of a feature up'),
  select: z
    .enum(['threshold', 'flow'])
    .default('threshold')
    .describe('threshold takes the largest effects; flow the paths that carry most (path work)'),
  neurons: z.boolean().default(true).describe('Run the circuit of neurons beside it'),
  maxNodes: z.int().min(1).default(200).describe('Largest circuit that is shown'),
});

const energySchema = section({
  examples: z.int().min(1).default(16).describe('Held-out examples the energy budget is measured on'),
  flow: z
    .int()
    .min(0)
    .default(2)
    .describe('Examples that the energy flow of the edited task (else the first) is taken on; 0 for none'),
  sequence: z
    .int()
    .min(0)
    .default(5)
    .describe('Held-out texts that the main features of the middle dictionary are followed over; 0 for none'),
});

const editSchema = section({
  task: z.string().default('gender').describe('Task whose features are switched off'),
  features: count('How many of its strongest features are edited').default(6),
  strengths: z
    .array(z.number().positive())
    .min(1)
    .default([0.5, 1, 2])
    .describe('How far: 1 removes a feature, 0.5 halves it, 2 turns it round'),
});

const orOff = <T extends z.ZodType>(schema: T) =>
  z
    .union([z.boolean(), schema])
    .default(true)
    .describe('true for the defaults, false to leave this stage out');

/** What a study file may say. */
export const studyFileSchema = section({
  name: z.string().min(1).default('A study').describe('One line that says what is asked'),
  model: z
    .string()
    .min(1)
    .describe(
      'smollm2-135m, tiny, a folder or file with a model, or the name of one on the Hugging Face hub',
    ),
  seed: z.int().default(0).describe('Every random choice follows from it'),
  text: z
    .union([z.string().min(1), textSchema])
    .default('wikipedia-leads')
    .describe('Text to learn features from'),
  dictionaries: z
    .array(dictionaryEntrySchema)
    .min(1)
    .describe('Dictionaries of features to learn, one per site; a site alone takes the defaults'),
  tasks: z
    .array(z.union([z.string().min(1), taskSchema]))
    .default([])
    .describe('Behaviours to find circuits for: built in (docs/data.md) or your own'),
  circuit: orOff(circuitSchema),
  energy: orOff(energySchema),
  edit: orOff(editSchema),
  concepts: z
    .array(
      z.string().regex(/^(?![a-z]+:\/\/).+\.m?[jt]s$/, 'a local file that ends in .ts, .mts, .js or .mjs'),
    )
    .default([])
    .describe(
      'Modules of your own, one concept each: an observable, a potential or a clock that every task is measured by (docs/energy.md). They are run as they are',
    ),
});

export type TextConfig = z.output<typeof textSchema>;
export type TaskConfig = z.output<typeof taskSchema>;
export type CircuitConfig = z.output<typeof circuitSchema>;
export type EnergyConfig = z.output<typeof energySchema>;
export type EditConfig = z.output<typeof editSchema>;

/** A study with every shorthand written out. A stage that is absent is not run. */
export interface Study {
  readonly name: string;
  readonly model: string;
  readonly seed: number;
  readonly text: TextConfig;
  readonly dictionaries: readonly DictionaryEntry[];
  readonly tasks: readonly TaskConfig[];
  readonly circuit?: CircuitConfig;
  readonly energy?: EnergyConfig;
  readonly edit?: EditConfig;
  /** Paths of the user's own modules (src/energy/concept). */
  readonly concepts: readonly string[];
}

/** Writes out every shorthand of a valid study file. */
export function normaliseStudy(file: z.output<typeof studyFileSchema>): Study {
  const stage = <T>(value: boolean | T, schema: { parse(input: unknown): T }): T | undefined =>
    value === false ? undefined : value === true ? schema.parse({}) : value;
  const tasks = file.tasks.map((task) =>
    typeof task === 'string' ? taskSchema.parse({ name: task }) : task,
  );
  const circuit = tasks.length > 0 ? stage(file.circuit, circuitSchema) : undefined;
  const energy = circuit && stage(file.energy, energySchema);
  const wanted = circuit && stage(file.edit, editSchema);
  // `edit: true` (the default) edits the gender task where the study has it and is silent where it has not.
  const edit = file.edit === true && !tasks.some((t) => t.name === wanted?.task) ? undefined : wanted;
  return {
    name: file.name,
    model: file.model,
    seed: file.seed,
    text: typeof file.text === 'string' ? textSchema.parse({ source: file.text }) : file.text,
    dictionaries: file.dictionaries.map(fullEntry),
    tasks,
    ...(circuit ? { circuit } : {}),
    ...(energy ? { energy } : {}),
    ...(edit ? { edit } : {}),
    concepts: file.concepts,
  };
}

/** JSON Schema of the study file, for editors: published as schemas/study.schema.json. */
export const studyJsonSchema = (): object => ({
  title: 'Untangle study',
  ...z.toJSONSchema(studyFileSchema, { io: 'input', reused: 'ref' }),
});
