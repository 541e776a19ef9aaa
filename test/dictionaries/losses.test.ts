import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { f32, i64, type Tensor } from '../../src/core/tensor.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { dictionaryObjective, type Parameters } from '../../src/dictionaries/losses/objective.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { openLearner } from '../../src/networks/learner.ts';

type Numbers = number | Numbers[];
interface Case {
  readonly name: string;
  readonly plan: Partial<DictionaryConfig> & Pick<DictionaryConfig, 'architecture'> & { blocks?: number[] };
  readonly feeds: Record<string, Numbers>;
  readonly parameters: Record<string, Numbers>;
  readonly loss: number;
  readonly gradients: Record<string, Numbers>;
}
const oracle = JSON.parse(
  readFileSync(new URL('../oracles/dictionary_losses.json', import.meta.url), 'utf8'),
) as {
  sizes: { rows: number; width: number; outputWidth: number; features: number };
  cases: Case[];
};

const shapeOf = (n: Numbers): number[] => (typeof n === 'number' ? [] : [n.length, ...shapeOf(n[0]!)]);
const flat = (n: Numbers): number[] => (typeof n === 'number' ? [n] : n.flatMap(flat));
const floats = (n: Numbers) => f32(shapeOf(n), flat(n));
const tensors = (record: Record<string, Numbers>) =>
  Object.fromEntries(Object.entries(record).map(([name, n]) => [name, floats(n)])) as Parameters;

/** Everything the config leaves open is the plainest choice, so that the oracle says it all. */
const plain = {
  ...{ site: 'site', modelHash: '', sinkNorm: 1e9, preBias: false, auxiliary: 1, k: 1 },
  ...{ penaltyForm: 'unit', auxiliaryForm: 'scaled', byDecoderNorm: false, l0Form: 'linear' },
} as const;

test.each(oracle.cases)('$name: loss and gradient are those of PyTorch', async ({ plan, ...c }) => {
  const { rows, width, outputWidth, features } = oracle.sizes;
  const { blocks, ...config } = plan;
  const made = planTraining({ ...plain, features, batch: rows, ...config } as DictionaryConfig, {
    ...{ rows, width },
    ...(config.architecture.endsWith('transcoder') && { outputWidth }),
    ...(blocks && { blocks }),
  });
  const objective = dictionaryObjective(made, tensors(c.parameters));
  const learner = await openLearner(objective, { threads: 1 });
  const feeds: Record<string, Tensor> = {};
  for (const input of objective.graph.inputs)
    feeds[input.name] =
      'dtype' in input && input.dtype === 'int64'
        ? i64([1], flat(c.feeds[input.name]!))
        : floats(c.feeds[input.name]!);
  const loss = await learner.run(feeds);
  expect(Math.abs(loss / c.loss - 1)).toBeLessThan(1e-5);
  const wanted = objective.parameters.flatMap((name) => flat(c.gradients[name]!));
  const largest = Math.max(...wanted.map(Math.abs));
  const worst = Math.max(...wanted.map((g, i) => Math.abs(g - learner.gradient[i]!))) / largest;
  expect(worst).toBeLessThan(1e-5);
  // A gradient that is 0 everywhere would pass any relative bar.
  expect(largest).toBeGreaterThan(1e-3);
  await learner.close();
});
