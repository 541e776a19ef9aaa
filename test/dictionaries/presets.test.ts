/** @file The presets beside what SAELens and dictionary_learning themselves do by default (test/oracles/dictionary_presets.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { TrainedArchitecture } from '../../src/dictionaries/config-schema.ts';
import type { TrainingPlan } from '../../src/dictionaries/plan.ts';
import { fusedReason } from '../../src/dictionaries/plan.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';

type Said = Readonly<Record<string, number | string | boolean>>;
const oracle = JSON.parse(
  readFileSync(new URL('../oracles/dictionary_presets.json', import.meta.url), 'utf8'),
) as {
  sizes: { width: number; features: number; steps: number; groups: number[] };
  dictionary_learning: Record<string, Said>;
  saelens: { shared: Said; kinds: Record<string, Said> };
};

const { width, features, steps, groups } = oracle.sizes;
const planOf = (preset: 'saelens' | 'dictionary_learning', architecture: string, tokens?: number) =>
  planTraining(
    {
      ...{ site: 'site', modelHash: '', sinkNorm: 1e9, preset, features, tokens },
      architecture: architecture as TrainedArchitecture,
      ...(architecture === 'matryoshka' && { groups }),
    },
    { rows: 50_000, width },
  );

const adamOf = ({ optimiser }: TrainingPlan) => (optimiser.name === 'adam' ? optimiser : undefined);

/** What a plan says, by the names of the oracle; a number that the plan's kind does not use stays out by `said`. */
const numbersOf = (p: TrainingPlan): Record<string, unknown> => ({
  ...{ learningRate: p.rate.value, warmUp: p.rate.warmUp, decay: p.rate.decay },
  ...{ beta1: adamOf(p)?.beta1, beta2: adamOf(p)?.beta2, epsilon: adamOf(p)?.epsilon },
  ...{ clip: p.clip, decoderNorm: p.decoderNorm, batch: p.batch, tokens: p.tokens, seed: p.seed },
  ...{ penalty: p.penalty.value, penaltyWarmUp: p.penalty.warmUp, targetL0: p.targetL0 },
  ...{ preBias: p.preBias, normalise: p.normalise, k: p.kFinal, byDecoderNorm: p.byDecoderNorm },
  ...{ startBias: p.start.bias, decoderStartNorm: p.start.decoderNorm },
  encoderStartNorm: p.activation === 'pursuit' ? p.start.decoderNorm : p.start.encoderNorm,
  ...{ auxiliary: p.auxiliary, auxiliaryFeatures: Math.floor(p.outputWidth / 2), deadAfter: p.deadAfter },
  ...{ thresholdKept: p.thresholdKept, thresholdFrom: p.thresholdFrom },
  ...{ threshold: p.threshold, bandwidth: p.bandwidth, groupWeight: p.groupWeights[0] },
  ...{ pFrom: p.power?.from, pTo: p.power?.to, pStart: p.power?.start },
  ...{ pUpdates: p.power?.updates, pQueue: p.power?.queue },
});

/** Compares what the library says with the plan, number by number. */
function expectSame(plan: TrainingPlan, said: Said): void {
  const ours = numbersOf(plan);
  for (const [name, value] of Object.entries(said)) {
    if (typeof value === 'number') expect(ours[name], name).toBeCloseTo(value, 7);
    else expect(ours[name], name).toBe(value);
  }
}

describe('dictionary_learning', () => {
  test.each(Object.keys(oracle.dictionary_learning))('%s', (kind) => {
    const plan = planOf('dictionary_learning', kind, 8192 * steps);
    const { pForm, ...said } = oracle.dictionary_learning[kind]!;
    expectSame(plan, said);
    expect(plan.power?.form).toBe(pForm === 'Lp' ? 'lp' : undefined);
    // What it leaves out of its own accord is off here.
    if (!('clip' in said)) expect(plan.clip).toBe(Number.POSITIVE_INFINITY);
    if (!('targetL0' in said)) expect(plan.targetL0).toBeUndefined();
    expect(plan.resample).toBeUndefined();
    // Rows as they are, batches of its buffer, losses of the paper (anchors-code.md, section 5a).
    expect(plan).toMatchObject({ normalise: 'none', batch: 8192, byDecoderNorm: false, interference: 0 });
    expect(plan.penaltyForm).toBe('unit');
    expect(plan.l0Form).toBe(kind === 'jumprelu' ? 'quadratic' : 'linear');
    // The gate's own reconstruction counts once; top-k's auxiliary loss is divided by the variance.
    expect(plan.auxiliaryForm).toBe('scaled');
    if (kind === 'gated') expect(plan.auxiliary).toBe(1);
  });
});

test.each(['relu', 'jumprelu'])("saelens' %s has nothing that keeps it from the fused engine", (kind) => {
  expect(fusedReason(planOf('saelens', kind))).toBeUndefined();
});

describe('saelens', () => {
  test.each(Object.keys(oracle.saelens.kinds))('%s', (kind) => {
    const plan = planOf('saelens', kind);
    const { schedule, deadSteps, ...shared } = oracle.saelens.shared;
    const { thresholdLearns, l0Mode, b_dec, ...said } = oracle.saelens.kinds[kind]!;
    expectSame(plan, { ...shared, ...said });
    expect([schedule, b_dec, plan.start.bias]).toEqual(['constant', 0, 'zero']);
    expect(plan.deadAfter).toBe(Number(deadSteps) * plan.batch);
    if (thresholdLearns !== undefined)
      expect(plan).toMatchObject({ thresholdKept: 1 - Number(thresholdLearns), thresholdFrom: 0 });
    if (l0Mode === 'step') expect(plan.l0Form).toBe('linear');
    if (!('auxiliary' in said)) expect(plan.auxiliary).toBe(kind === 'gated' ? 1 : 0);
    expect(plan).toMatchObject({ penaltyForm: 'decoder-norm', auxiliaryForm: 'plain' });
    expect(plan.decoderNorm).toBe(kind === 'matching-pursuit' ? 'unit' : 'free');
    if (kind === 'matryoshka') expect(plan.groupWeights).toEqual([1, 1]);
  });
});

test('ours: BatchTopK takes a higher rate than TopK, a longer warm-up and a longer decay, by the steps of the run', () => {
  const rateOf = (architecture: TrainedArchitecture, steps: number) =>
    planTraining(
      {
        ...{ site: 'site', modelHash: '', sinkNorm: 1e9, architecture, features },
        ...{ batch: 2048, tokens: 2048 * steps },
      },
      { rows: 50_000, width },
    ).rate;
  expect(rateOf('batchtopk', 144)).toMatchObject({ warmUp: 21, decay: 0.4 });
  expect(rateOf('batchtopk', 144).value).toBeCloseTo(5.2e-3 * (400 / 144) ** 0.75, 7);
  expect(rateOf('batchtopk', 1600).value).toBeCloseTo(2.6e-3, 7);
  expect(rateOf('batchtopk', 1000).warmUp).toBe(100);
  expect(rateOf('topk', 144)).toMatchObject({ warmUp: 10, decay: 0.2 });
  expect(rateOf('topk', 400).value).toBeCloseTo(4e-3, 7);
});
