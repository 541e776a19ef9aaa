/** @file The plan of a training from a config, checked before anything is allocated. Kept apart from the plan: a training thread needs no schemas. */
import { DictionaryError } from '../core/errors.ts';
import { checkedConfig, type DictionaryConfig, type TrainedArchitecture } from './config-schema.ts';
import { constant } from './courses.ts';
import { fusedReason, isTranscoder, type TrainingPlan } from './plan.ts';
import { type Preset, presetOf } from './presets.ts';

/** What the data says to a plan. */
export interface DataShape {
  readonly rows: number;
  readonly width: number;
  readonly outputWidth?: number;
  readonly blocks?: readonly number[];
}

/** The order in which a run takes its rows lies in memory: 4 GiB of it. */
const MOST_TOKENS = 2 ** 30;

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
  if (tokens > MOST_TOKENS)
    throw wrong(site, `${tokens} tokens are more than one run takes`, `ask for ${MOST_TOKENS} at most`);
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

/** Activations that fix the number of active features. */
const SELECTS: ReadonlySet<TrainingPlan['activation']> = new Set(['topk', 'batchtopk', 'pursuit']);

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
