/** @file What a training run does, every choice made and checked before anything is allocated: plain data that both engines read. */
import { DictionaryError } from '../core/errors.ts';
import type { Provider } from '../runtime/options.ts';
import {
  checkedConfig,
  type DictionaryConfig,
  type DictionaryOptions,
  type TrainedArchitecture,
} from './config-schema.ts';
import { type Course, constant } from './courses.ts';
import { type Preset, presetOf } from './presets.ts';

/** Where training starts. */
export interface Start {
  /** Decoder rows: random directions, or rows of the data themselves (centred, chosen by the seed). */
  readonly from: 'random' | 'data';
  /** Length of decoder rows at the start. */
  readonly decoderNorm: number;
  /** Length of encoder rows at the start; the encoder has the decoder's directions. */
  readonly encoderNorm: number;
  /** b_dec: 0, the mean of the rows, or their geometric median (Weiszfeld; Bricken et al. 2023). */
  readonly bias: 'zero' | 'mean' | 'geometric-median';
}

/** How p of Σ f^p falls (Karvonen et al. 2024, "Measuring progress in dictionary learning", §4). */
export interface PowerCourse {
  readonly from: number;
  readonly to: number;
  /** First step of the fall; the last one is the end of training. */
  readonly start: number;
  /** How often p changes. */
  readonly updates: number;
  /** Steps over which the penalties of this p and of the next are averaged, so that λ keeps their ratio. */
  readonly queue: number;
  /** 'lp': (Σ f^p)^(1/p); 'lp^p': Σ f^p. */
  readonly form: 'lp' | 'lp^p';
}

/** The update rule; the rate's course is the plan's. */
export type OptimiserChoice = DictionaryOptions['optimiser'] & object;

/** How normalised rows are made of raw ones. */
export type Scaling = DictionaryOptions['normalise'] & string;

/** A training with every choice made. Plain data: a checkpoint's key is its hash. */
export interface TrainingPlan {
  readonly architecture: TrainedArchitecture;
  /** How training makes a code of pre-activations. */
  readonly activation: 'relu' | 'gated' | 'topk' | 'batchtopk' | 'jumprelu' | 'pursuit';
  readonly site: string;
  /** What a transcoder predicts. */
  readonly outputSite?: string;
  readonly modelHash: string;
  readonly sinkNorm: number;
  /** D, floats that are read. */
  readonly width: number;
  /** E, floats that are predicted; D unless a transcoder. */
  readonly outputWidth: number;
  /** Widths of the sites that a crosscoder's rows are made of; one entry for all others. */
  readonly blocks: readonly number[];
  /** F. */
  readonly features: number;
  readonly seed: number;
  /** Rows of a step. */
  readonly batch: number;
  /** Rows seen in all. */
  readonly tokens: number;
  readonly steps: number;
  /** Active features a row over the steps (rounded), for kinds that fix them. */
  readonly k: Course;
  /** Active features a row of the finished dictionary. */
  readonly kFinal: number;
  /** Whether top-k compares f_i‖d_i‖ in place of f_i (SAELens' rescale_acts_by_decoder_norm). */
  readonly byDecoderNorm: boolean;
  /** Ends of the nested groups of features (Matryoshka), the last one F. */
  readonly groups: readonly number[];
  /** Weight of each group's reconstruction loss. */
  readonly groupWeights: readonly number[];
  readonly rate: Course;
  /** λ, weight of the sparsity penalty. */
  readonly penalty: Course;
  /** Of Σ f_i c_i: c_i = 1, or the length of decoder row i (summed over the sites of a crosscoder). */
  readonly penaltyForm: 'unit' | 'decoder-norm';
  /** λ·L0, or λ(L0/target − 1)² (JumpReLU). */
  readonly l0Form: 'linear' | 'quadratic';
  readonly power?: PowerCourse;
  /** λ is controlled so that the mean number of active features becomes this. */
  readonly targetL0?: number;
  /** d log λ a step, for a relative error of 1 (controller). */
  readonly gain: number;
  readonly optimiser: OptimiserChoice;
  /** Global norm that gradients are clipped to; Infinity switches it off. */
  readonly clip: number;
  /** Decoder rows kept at norm 1, their gradients projected; or free. */
  readonly decoderNorm: 'unit' | 'free';
  /** Whether the encoder reads x − b_dec. */
  readonly preBias: boolean;
  readonly normalise: Scaling;
  readonly start: Start;
  /** Weight of the auxiliary loss; 0 switches it off. */
  readonly auxiliary: number;
  /**
   * On dead features: 'scaled' divides by the residual's variance (Gao et al. 2024, A.2), 'plain' multiplies by
   * min(dead/(D/2), 1) (SAELens). Gated: the gate's own reconstruction, decoder held ('scaled') or not ('plain').
   */
  readonly auxiliaryForm: 'scaled' | 'plain';
  /** Rows without being active after which a feature counts as dead. */
  readonly deadAfter: number;
  readonly resample?: { readonly every: number; readonly until: number; readonly silentFor: number };
  /** JumpReLU: threshold at the start, and width ε of the kernel that stands for its derivative, in normalised units. */
  readonly threshold: number;
  readonly bandwidth: number;
  /** BatchTopK: share of the old threshold that a step keeps, and the first step that counts. */
  readonly thresholdKept: number;
  readonly thresholdFrom: number;
  /** Weight of the interference potential (mechanics.md §4); 0 switches it off. */
  readonly interference: number;
  /** Curve points without a better held-out FVE after which training stops. */
  readonly patience?: number;
  /** How active features are found by the fused engine. */
  readonly encoder: 'exact' | 'screened';
  /** Where the encoder product of the fused engine runs. */
  readonly provider: Provider;
}

/** What the data says to a plan. */
export interface DataShape {
  readonly rows: number;
  readonly width: number;
  readonly outputWidth?: number;
  readonly blocks?: readonly number[];
}

/**
 * The plan of a config for rows of a shape: the preset's choices, overridden by the config's own. A batch larger than
 * the data becomes all of it.
 * @throws DictionaryError `dictionary.config`, `dictionary.no-rows`.
 */
export function planTraining(asWritten: DictionaryConfig, data: DataShape): TrainingPlan {
  const config = checkedConfig(asWritten);
  const { site, modelHash, sinkNorm, architecture, features } = config;
  const { rows, width } = data;
  checkShape(config, data);
  const probe = Math.min(config.batch ?? 2048, rows);
  const likely = stepsOf(config, rows, probe).steps;
  const preset = presetOf(config.preset ?? 'untangle', { architecture, features, width, steps: likely });
  const p: Preset = { ...preset, ...given(config) };
  const batch = Math.min(p.batch, rows);
  const asked = config.tokens === undefined && config.passes !== undefined ? { passes: config.passes } : p;
  const { tokens, steps } = stepsOf(asked, rows, batch);
  const activation = activationOf(architecture, p.activation);
  const sparse = SELECTS.has(activation);
  const k = p.k;
  if (sparse && k > features)
    throw wrong(site, `k is ${k} with ${features} features`, `k must be from 1 to ${features}`);
  const kStart = p.kStart ?? k;
  if (sparse && kStart > features)
    throw wrong(site, `kStart is ${kStart} with ${features} features`, `give 1 to ${features}`);
  if (p.targetL0 !== undefined && p.targetL0 > features)
    throw wrong(
      site,
      `targetL0 is ${p.targetL0} with ${features} features`,
      'ask for fewer active features than there are',
    );
  if (p.l0Form === 'quadratic' && activation === 'jumprelu' && p.targetL0 === undefined)
    throw wrong(site, 'the quadratic penalty has no L0 to go to', 'give targetL0, or l0Form: linear');
  const groups = groupsOf(site, architecture, features, p.groups);
  checkWeights(site, groups, p.groupWeights);
  const warmUp = Math.min(p.warmUp, steps);
  const decoderNorm = activation === 'pursuit' ? 'unit' : p.decoderNorm;
  const plan: TrainingPlan = {
    ...{ architecture, activation, site, modelHash, sinkNorm, width, features, batch, tokens, steps },
    ...(isTranscoder(architecture) && { outputSite: config.outputSite ?? site }),
    outputWidth: isTranscoder(architecture) ? (data.outputWidth ?? width) : width,
    blocks: data.blocks ?? [width],
    seed: p.seed,
    k: { ...constant(k), from: kStart / k, warmUp: Math.min(p.kSteps ?? Math.floor(steps / 2), steps) },
    kFinal: k,
    byDecoderNorm: sparse && p.byDecoderNorm,
    groups,
    groupWeights: groups.map((_, i) => p.groupWeights?.[i] ?? groupWeight(p.groupForm, groups.length)),
    rate: { value: p.learningRate, warmUp, decay: p.decay, shape: p.decayShape, floor: p.decayFloor },
    penalty: {
      ...constant(sparse ? 0 : p.penalty),
      warmUp: Math.min(p.penaltyWarmUp, steps),
      decay: p.penaltyDecay,
      floor: p.penaltyFloor,
    },
    penaltyForm: p.penaltyForm,
    l0Form: p.l0Form,
    ...(architecture === 'p-anneal' && {
      power: {
        from: p.pFrom,
        to: p.pTo,
        start: Math.min(p.pStart ?? Math.floor(steps / 4), steps),
        updates: p.pUpdates,
        queue: p.pQueue,
        form: p.pForm,
      },
    }),
    ...(p.targetL0 !== undefined && !sparse && { targetL0: p.targetL0 }),
    gain: p.gain,
    optimiser: p.optimiser,
    clip: p.clip,
    decoderNorm,
    preBias: activation === 'pursuit' || (p.preBias && !isTranscoder(architecture)),
    normalise: p.normalise,
    start: {
      from: p.startFrom,
      decoderNorm: decoderNorm === 'unit' ? 1 : p.decoderStartNorm,
      encoderNorm: p.encoderStartNorm,
      bias: p.startBias,
    },
    auxiliary:
      activation === 'pursuit' || activation === 'relu' || activation === 'jumprelu' ? 0 : p.auxiliary,
    auxiliaryForm: p.auxiliaryForm,
    deadAfter: p.deadAfter ?? Math.min(rows, 100_000),
    ...(p.resampleEvery !== undefined && {
      resample: {
        every: p.resampleEvery,
        until: Math.floor((p.resampleUntil ?? 0.5) * steps),
        silentFor: (p.resampleEvery * batch) / 2,
      },
    }),
    threshold: p.threshold,
    bandwidth: p.bandwidth,
    thresholdKept: p.thresholdKept,
    thresholdFrom: Math.min(p.thresholdFrom, Math.floor(steps / 2)),
    interference: p.interference,
    ...(p.patience !== undefined && { patience: p.patience }),
    encoder: p.encoder,
    provider: p.provider,
  };
  const reason = plan.provider === 'cpu' ? undefined : fusedReason(plan);
  if (reason !== undefined)
    throw wrong(
      site,
      `${plan.provider} cannot train this: ${reason}`,
      'leave provider out, or the option that is named',
    );
  return plan;
}

/** Why the fused engine cannot train a plan; undefined when it can. */
export function fusedReason(plan: TrainingPlan): string | undefined {
  const { activation, architecture, optimiser, power } = plan;
  if (activation === 'pursuit') return 'matching pursuit has no encoder product';
  if (architecture === 'transcoder' || architecture === 'skip-transcoder' || architecture === 'crosscoder')
    return `a ${architecture} predicts other rows than it reads, or weighs its sites`;
  if (optimiser.name !== 'adam') return `its optimiser is ${optimiser.name}`;
  if (plan.interference > 0) return 'it has an interference potential';
  if (plan.resample) return 'it resamples dead features';
  if (plan.byDecoderNorm) return 'features compete by their decoder norm';
  if (plan.normalise === 'constant-norm') return 'every row is scaled by itself';
  if (plan.auxiliary > 0 && plan.auxiliaryForm === 'plain') return 'its auxiliary loss is SAELens’';
  if (power && power.form === 'lp') return 'its penalty is (Σ f^p)^(1/p)';
  if (plan.groups.length > 1 && !(plan.groupWeights.at(-1)! > 0)) return 'its last group has no weight';
  return undefined;
}

/** Kinds that predict another site than they read. */
export const isTranscoder = (architecture: TrainedArchitecture): boolean =>
  architecture === 'transcoder' || architecture === 'skip-transcoder';

/** Activations that fix the number of active features. */
const SELECTS: ReadonlySet<TrainingPlan['activation']> = new Set(['topk', 'batchtopk', 'pursuit']);

/** k at a step. */
export const kAt = (plan: TrainingPlan, step: number, at: (c: Course, s: number, n: number) => number) =>
  Math.min(plan.features, Math.max(1, Math.round(at(plan.k, step, plan.steps))));

const own: Partial<Record<TrainedArchitecture, TrainingPlan['activation']>> = {
  relu: 'relu',
  'p-anneal': 'relu',
  gated: 'gated',
  topk: 'topk',
  batchtopk: 'batchtopk',
  jumprelu: 'jumprelu',
  matryoshka: 'batchtopk',
  'matching-pursuit': 'pursuit',
};

const activationOf = (
  architecture: TrainedArchitecture,
  chosen: Preset['activation'],
): TrainingPlan['activation'] => own[architecture] ?? chosen;

function groupsOf(
  site: string,
  architecture: TrainedArchitecture,
  features: number,
  asked: readonly number[] | undefined,
): number[] {
  if (architecture !== 'matryoshka') return [features];
  // Widths that grow by a factor of 2 up to F, as in Bussmann et al. 2025, §3 (nested dictionaries).
  const groups =
    asked ??
    [16, 8, 4, 2, 1].map((n) => Math.max(1, Math.floor(features / n))).filter((n, i, a) => n !== a[i - 1]);
  const ends = groups.at(-1) === features ? [...groups] : [...groups, features];
  const rising = ends.every(
    (end, i) => Number.isInteger(end) && end >= 1 && end <= features && end > (ends[i - 1] ?? 0),
  );
  if (!rising)
    throw wrong(site, `groups are ${ends.join(', ')}`, `give rising numbers of features up to ${features}`);
  return ends;
}

function checkWeights(site: string, groups: readonly number[], weights: readonly number[] | undefined): void {
  if (weights === undefined) return;
  if (weights.length !== groups.length)
    throw wrong(
      site,
      `${weights.length} weights for the groups ${groups.join(', ')}`,
      'give groupWeights one number for each of groups; all features are the last group',
    );
  if (!weights.some((weight) => weight > 0))
    throw wrong(site, 'all groupWeights are 0', 'give at least one that is above 0');
}

/** dictionary_learning weighs each by 1/G and takes the mean; SAELens sums; ours is the mean. */
const groupWeight = (form: Preset['groupForm'], n: number): number =>
  form === 'sum' ? 1 : form === 'mean' ? 1 / n : 1 / (n * n);

function stepsOf(
  { tokens, passes }: { readonly tokens?: number | undefined; readonly passes?: number | undefined },
  rows: number,
  batch: number,
): { tokens: number; steps: number } {
  const all = tokens ?? Math.round((passes ?? 6) * rows);
  return { tokens: all, steps: Math.max(1, Math.floor(all / batch)) };
}

const given = <T extends object>(config: T): Partial<T> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Partial<T>;

function checkShape({ site, architecture }: DictionaryConfig, data: DataShape): void {
  const { rows, width, blocks } = data;
  if (rows < 1)
    throw new DictionaryError('dictionary.no-rows', 'there are no activations to train on', {
      where: site,
      hint: 'give more text, or harvest this site again',
    });
  if (!Number.isInteger(width) || width < 1)
    throw wrong(site, `the width is ${width}`, 'rows hold at least one number');
  if (architecture === 'crosscoder' && !blocks)
    throw wrong(site, 'a crosscoder reads several sites, and none is given', 'give sites, with their widths');
  if (blocks && blocks.reduce((a, b) => a + b, 0) !== width)
    throw wrong(
      site,
      `sites of widths ${blocks.join(' + ')} do not make rows of ${width}`,
      'give the width of each site',
    );
}

const wrong = (site: string, what: string, hint: string) =>
  new DictionaryError('dictionary.config', what, { where: site, hint });
