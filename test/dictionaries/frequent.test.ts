import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import type { FrequentRule } from '../../src/dictionaries/frequent.ts';
import { planRows, trainShape } from '../../src/dictionaries/fused.ts';
import { NUMBERS, trainLayout } from '../../src/dictionaries/layout.ts';
import type { TrainingPlan } from '../../src/dictionaries/plan.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { type FusedTrainer, openTrainer } from '../../src/dictionaries/trainer.ts';

const width = 19;
const rows = 300;
const steps = 5;
const r = random(11);
const source = new Float32Array(new SharedArrayBuffer(4 * rows * width));
for (let i = 0; i < source.length; i++) source[i] = r.normal() + 0.3;

type Config = Partial<DictionaryConfig> & Pick<DictionaryConfig, 'architecture'>;

const planOf = (config: Config): TrainingPlan =>
  planTraining(
    {
      ...{ site: 'site', modelHash: '', sinkNorm: 1e9, features: 53, batch: 83, penalty: 0.05 },
      ...{ tokens: steps * (config.batch ?? 83), learningRate: 3e-3, warmUp: 1, decay: 0 },
      ...config,
    },
    { rows, width },
  );

function open(plan: TrainingPlan, frequent: FrequentRule | 'none', threads = 2): Promise<FusedTrainer> {
  const order = new Uint32Array(new SharedArrayBuffer(4 * steps * plan.batch));
  for (let i = 0; i < order.length; i++) order[i] = (7 * i) % rows;
  return openTrainer({ plan, source: { x_ND: source, width }, order, threads, frequent });
}

/** What a trainer's state says of the next step: how many features' products it would take, and the shared numbers. */
function nextStep(trainer: FusedTrainer, plan: TrainingPlan, rule: FrequentRule) {
  const { place, numbers } = trainLayout(trainShape(plan, 2, rule), planRows(plan));
  const { buffer, byteOffset } = trainer.state;
  const places = new Int32Array(buffer, byteOffset + place, plan.features);
  return {
    frequent: places.filter((h) => h > 0).length,
    numbers: new Float64Array(buffer, byteOffset + numbers, 32),
  };
}

async function weights(trainer: FusedTrainer): Promise<Record<string, Float32Array>> {
  const all = Object.entries(trainer.parameters()).map(
    ([name, { data }]) => [name, data as Float32Array] as const,
  );
  await trainer.close();
  return Object.fromEntries(all);
}

const kinds: [string, Config][] = [
  ['ReLU-L1', { architecture: 'relu' }],
  ['ReLU-L1 with decoder norms', { architecture: 'relu', penaltyForm: 'decoder-norm', decoderNorm: 'free' }],
  ['p-annealed', { architecture: 'p-anneal', pForm: 'lp^p', pFrom: 0.8, pTo: 0.5, pStart: 0 }],
  ['Gated', { architecture: 'gated', auxiliary: 0.8 }],
  ['JumpReLU', { architecture: 'jumprelu', threshold: 0.4, bandwidth: 0.6 }],
  // Several products and spans of rows; of JumpReLU more entries, with those of the band, than have room at once: slices.
  ['ReLU-L1, 900 features, 2,600 rows', { architecture: 'relu', features: 900, batch: 2600, penalty: 0 }],
  [
    'JumpReLU, 900 features, 2,600 rows',
    { architecture: 'jumprelu', features: 900, batch: 2600, threshold: 0.01, bandwidth: 0.8, penalty: 0 },
  ],
];

/** Some features are frequent, others are not. */
const ruleOf = ({ features }: TrainingPlan): FrequentRule => ({
  share: 0.05,
  gain: 0,
  most: Math.floor(features / 2),
  slices: Number.POSITIVE_INFINITY,
});

beforeAll(async () => {
  await buildKernels();
});

describe.each(kinds)('products of frequent features, %s', (_name, config) => {
  const plan = planOf(config);
  const rule = ruleOf(plan);

  test('train the weights that gathered rows train', async () => {
    const [dense, gathered] = [await open(plan, rule), await open(plan, 'none')];
    for (const trainer of [dense, gathered]) await trainer.run(steps);
    expect(nextStep(dense, plan, rule).frequent).toBe(rule.most);
    const [got, wanted] = [await weights(dense), await weights(gathered)];
    for (const [name, data] of Object.entries(wanted)) {
      const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
      const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - got[name]![i]!)), 0);
      expect(worst / scale, name).toBeLessThan(2e-5);
    }
  });
});

test.each(kinds.filter(([name]) => name === 'Gated' || name.startsWith('JumpReLU, 900')))(
  'products of frequent features, %s: a run repeats to the bit for any number of threads and after a stop',
  async (_name, config) => {
    const plan = planOf(config);
    const rule = ruleOf(plan);
    const one = await open(plan, rule, 1);
    await one.run(steps);
    const three = await open(plan, rule, 3);
    await three.run(2);
    const saved = three.state.slice();
    await three.close();
    const two = await open(plan, rule, 2);
    two.restore(saved);
    await two.run(steps);
    expect(await weights(two)).toEqual(await weights(one));
  },
);

test('products of frequent features: a step whose slices had no room is made again with the same result', async () => {
  const plan = planOf(kinds.at(-1)![1]);
  const rule = ruleOf(plan);
  const [first, again] = [await open(plan, rule), await open(plan, rule)];
  await first.run(steps);
  for (let step = 1; step <= steps; step++) {
    const { slices } = NUMBERS;
    expect(nextStep(again, plan, rule).numbers[slices]).toBe(2);
    nextStep(again, plan, rule).numbers[slices] = 1;
    await again.run(step);
  }
  expect(await weights(again)).toEqual(await weights(first));
});

test('products that would gain nothing are not taken', async () => {
  const plan = planOf({ architecture: 'relu' });
  for (const [gain, frequent] of [
    [0, 53],
    [53, 0],
  ] as const) {
    const rule = { share: 0.05, gain, most: 53, slices: 1 };
    const trainer = await open(plan, rule);
    await trainer.run(1);
    expect(nextStep(trainer, plan, rule).frequent).toBe(frequent);
    await trainer.close();
  }
});
