/** @file The options of dictionary training as people write them: one zod schema, strict, with what each kind understands. */
import { z } from 'zod';
import { DictionaryError } from '../core/errors.ts';
import { providers } from '../runtime/options.ts';

const count = z.int().min(1);
const share = z.number().min(0).max(1);
const weight = z.number().min(0);
const positive = z.number().positive();

const friction = { momentum: z.number().gt(0).lt(1).default(0.9), mass: positive.default(1) };

/** Update rules by name (src/mechanics/optimisers). The rate's course gives Adam's rate, and h² for those with friction. */
export const optimiserSchema = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('adam'),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: positive.default(1e-8),
  }),
  z.strictObject({ name: z.literal('heavy-ball'), ...friction }),
  z.strictObject({ name: z.literal('conformal-leapfrog'), ...friction }),
  z.strictObject({ name: z.literal('relativistic'), ...friction, speed: positive.default(1) }),
  z.strictObject({
    name: z.literal('ecd'),
    eta: positive.default(100),
    floor: z.number().default(0),
    noise: weight.default(0),
  }),
]);

const optimiserNames = optimiserSchema.options.map((option) => option.shape.name.value);

/** A name alone takes that rule's defaults. */
const optimiser = z.union([
  z.enum(optimiserNames).transform((name) => optimiserSchema.parse({ name })),
  optimiserSchema,
]);

/** Options that every kind understands; each has the preset's value unless given. */
const common = {
  preset: z.enum(['untangle', 'saelens', 'dictionary_learning']).optional().describe('Whose defaults hold'),
  features: count.describe('Number of features F'),
  tokens: count.optional().describe('Rows seen in all; takes the place of passes'),
  passes: positive.optional().describe('How often the rows are seen'),
  batch: count.optional().describe('Rows of a step'),
  learningRate: positive.optional().describe('Highest rate'),
  warmUp: z.int().min(0).optional().describe('Steps of linear warm-up of the rate'),
  decay: share.optional().describe('Share of all steps, at the end, over which the rate falls'),
  decayShape: z.enum(['linear', 'cosine']).optional(),
  decayFloor: share.optional().describe('Share of the rate that is left at the end'),
  optimiser: optimiser.optional().describe('Update rule, or its name for its defaults; Adam unless given'),
  clip: z.number().positive().optional().describe('Global norm that gradients are clipped to'),
  decoderNorm: z.enum(['unit', 'free']).optional().describe('Decoder rows kept at norm 1, or free'),
  preBias: z.boolean().optional().describe('Whether the encoder reads x − b_dec'),
  normalise: z
    .enum(['centre-rms', 'none', 'rms', 'expected-norm', 'constant-norm'])
    .optional()
    .describe('How rows are normalised in training; all are folded back on save'),
  startFrom: z.enum(['random', 'data']).optional().describe('Directions that decoder rows start from'),
  startBias: z.enum(['zero', 'mean', 'geometric-median']).optional().describe('Where b_dec starts'),
  decoderStartNorm: positive.optional(),
  encoderStartNorm: positive.optional(),
  deadAfter: count.optional().describe('Rows without being active after which a feature counts as dead'),
  resampleEvery: count.optional().describe('Steps between replacements of dead features'),
  resampleUntil: share.optional().describe('Share of the steps after which nothing is replaced'),
  interference: weight.optional().describe('Weight of the interference potential; 0 unless given'),
  patience: count.optional().describe('Curve points without a better held-out FVE before an early stop'),
  seed: z.int().optional(),
  encoder: z.enum(['exact', 'screened']).optional(),
  provider: z.enum(providers).optional().describe('Where the encoder product runs; cpu unless given'),
};

/** λ and what it does. */
const penalised = {
  penalty: weight.optional().describe('Weight λ of the sparsity penalty'),
  penaltyWarmUp: z.int().min(0).optional().describe('Steps over which λ rises from 0'),
  penaltyDecay: share.optional().describe('Share of all steps, at the end, over which λ falls'),
  penaltyFloor: share.optional().describe('Share of λ that is left at the end'),
  penaltyForm: z
    .enum(['unit', 'decoder-norm'])
    .optional()
    .describe('Σ f, or Σ f‖d‖ with decoder rows of any length'),
  targetL0: positive.optional().describe('Active features a row that λ is controlled towards'),
  gain: positive.optional().describe('How fast λ is controlled: change of log λ a step'),
};

/** k and what becomes of features that top-k never chooses. */
const selecting = {
  k: count.optional().describe('Active features a row'),
  kStart: count.optional().describe('Active features a row at the first step (k annealing)'),
  kSteps: z.int().min(0).optional().describe('Steps over which kStart becomes k'),
  byDecoderNorm: z.boolean().optional().describe('Whether features compete by f‖d‖'),
  auxiliary: weight.optional().describe('Weight of the auxiliary loss on dead features; 0 switches it off'),
  auxiliaryForm: z.enum(['scaled', 'plain']).optional(),
};

const learnedThreshold = {
  thresholdKept: share.optional().describe('Share of the old threshold that a step keeps'),
  thresholdFrom: z.int().min(0).optional().describe('First step that the threshold learns from'),
};

const jumping = {
  threshold: positive.optional().describe('Threshold at the start, in normalised units'),
  bandwidth: positive.optional().describe('Width of the kernel that stands for the derivative of the step'),
  l0Form: z.enum(['linear', 'quadratic']).optional().describe('λ·L0, or λ(L0/target − 1)²'),
};

const coded = {
  activation: z.enum(['relu', 'topk', 'batchtopk', 'jumprelu']).optional().describe('How a code is made'),
  ...penalised,
  ...selecting,
  ...learnedThreshold,
  ...jumping,
};

const kind = <A extends string, S extends z.ZodRawShape>(architecture: A, shape: S) =>
  z.strictObject({ architecture: z.literal(architecture), ...common, ...shape });

/** Matching pursuit has one matrix of unit rows, which read x − b_dec. */
const { preBias: _p, decoderNorm: _n, decoderStartNorm: _d, encoderStartNorm: _e, ...oneMatrix } = common;

/** Training options by kind; unknown keys, and keys of another kind, are refused. */
export const dictionaryConfigSchema = z.discriminatedUnion('architecture', [
  kind('relu', penalised),
  kind('p-anneal', {
    ...penalised,
    pFrom: positive.optional(),
    pTo: z.number().min(0).optional(),
    pStart: z.int().min(0).optional().describe('First step on which p falls; a quarter of all unless given'),
    pUpdates: count.optional(),
    pQueue: count.optional(),
    pForm: z.enum(['lp', 'lp^p']).optional(),
  }),
  kind('gated', {
    ...penalised,
    auxiliary: selecting.auxiliary,
    auxiliaryForm: selecting.auxiliaryForm,
  }),
  kind('topk', selecting),
  kind('batchtopk', { ...selecting, ...learnedThreshold }),
  kind('jumprelu', { ...penalised, ...jumping }),
  kind('matryoshka', {
    ...selecting,
    ...learnedThreshold,
    groups: z.array(count).min(1).optional().describe('Numbers of features of the nested dictionaries'),
    groupWeights: z.array(weight).min(1).optional(),
  }),
  kind('transcoder', coded),
  kind('skip-transcoder', coded),
  kind('crosscoder', coded),
  z.strictObject({ architecture: z.literal('matching-pursuit'), ...oneMatrix, k: selecting.k }),
]);

/** A choice of kind and options, as written. */
export type DictionaryChoice = z.infer<typeof dictionaryConfigSchema>;

/** Kinds that are trained. */
export type TrainedArchitecture = DictionaryChoice['architecture'];

type Merged<T> = T extends unknown ? T : never;
type AllKeys<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K extends PropertyKey> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;

/** Every option of any kind, each optional: what `planTraining` reads. */
export type DictionaryOptions = {
  readonly [K in Exclude<AllKeys<Merged<DictionaryChoice>>, 'architecture' | 'features'>]?:
    | ValueOf<DictionaryChoice, K>
    | undefined;
};

/** What a training is asked for: kind, size, options, and what the dictionary is of. */
export interface DictionaryConfig extends DictionaryOptions {
  readonly architecture: TrainedArchitecture;
  readonly features: number;
  /** What is read. */
  readonly site: string;
  /** What a transcoder predicts. */
  readonly outputSite?: string | undefined;
  readonly modelHash: string;
  /** Rows with a norm above it were left out and pass the dictionary by. */
  readonly sinkNorm: number;
}

const kinds = dictionaryConfigSchema.options.map(({ shape }) => shape.architecture.value);
/** Every option by name; one that several kinds have is the same in all. */
const everyOption = z.strictObject({
  ...(Object.assign({}, ...dictionaryConfigSchema.options.map(({ shape }) => shape)) as z.ZodRawShape),
  architecture: z.enum(kinds),
});

/** The first option that a schema of this file found wrong, and why. */
export function firstProblem({ issues }: z.ZodError): string {
  const issue = issues[0]!;
  const name = issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.join('.');
  return `${name}: ${issue.message}`;
}

/**
 * A config whose options are all possible by themselves, defaults of an optimiser filled in. `clip` may be Infinity, which
 * files cannot say; options of another kind pass.
 * @throws DictionaryError `dictionary.config`
 */
export function checkedConfig(config: DictionaryConfig): DictionaryConfig {
  const { site, outputSite, modelHash, sinkNorm, clip, ...given } = config;
  const unclipped = clip === Number.POSITIVE_INFINITY;
  const { data, error } = everyOption.safeParse(unclipped ? given : { ...given, clip });
  if (error)
    throw new DictionaryError('dictionary.config', firstProblem(error), {
      where: site,
      hint: 'docs/dictionaries.md lists the options of training and what they mean',
    });
  return {
    ...(data as Pick<DictionaryConfig, 'architecture' | 'features'>),
    ...{ site, outputSite, modelHash, sinkNorm, ...(unclipped && { clip }) },
  };
}
