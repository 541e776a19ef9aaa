/** @file With their presets, training takes the steps that SAELens' and dictionary_learning's own trainers take (test/oracles/dictionary_steps.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { openGraphTrainer } from '../../src/dictionaries/graph-trainer.ts';
import { parameterNames } from '../../src/dictionaries/losses/objective.ts';
import { packState, unpackState } from '../../src/dictionaries/packed-state.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';

type Weights = Readonly<Record<string, number[]>>;
const oracle = JSON.parse(
  readFileSync(new URL('../oracles/dictionary_steps.json', import.meta.url), 'utf8'),
) as {
  sizes: { width: number; features: number; batch: number; steps: number; rate: number };
  rows: number[];
  cases: {
    preset: 'saelens' | 'dictionary_learning';
    config: Pick<DictionaryConfig, 'architecture'> & Partial<DictionaryConfig>;
    before: Weights;
    after: Weights;
  }[];
};

const { width, features, batch, steps, rate } = oracle.sizes;

test.each(oracle.cases)(
  '$preset, $config.architecture: the weights after ten steps are theirs',
  async ({ preset, config, before, after }) => {
    const x_ND = Float32Array.from(oracle.rows);
    const rows = x_ND.length / width;
    const penalised = !('k' in config);
    const plan = planTraining(
      {
        ...{ site: 'site', modelHash: '', sinkNorm: 1e9, features, preset, batch, tokens: batch * steps },
        ...{ learningRate: rate, warmUp: 0, ...(penalised && { penaltyWarmUp: 0 }), ...config },
      },
      { rows, width },
    );
    const order = Uint32Array.from({ length: rows }, (_, i) => i);
    const trainer = await openGraphTrainer({ plan, source: { x_ND, width }, order, threads: 1 });
    const names = parameterNames(plan);
    const flat = (weights: Weights) => Float32Array.from(names.flatMap((name) => weights[name]!));
    const { head, vectors } = unpackState(trainer.state);
    trainer.restore(packState({ head, vectors: { ...vectors, parameters: flat(before) } }));
    await trainer.run(steps);
    const ours = unpackState(trainer.state).vectors.parameters!;
    await trainer.close();
    const [start, theirs] = [flat(before), flat(after)];
    const largest = (a: Float32Array) =>
      a.reduce((most, v, i) => Math.max(most, Math.abs(v - theirs[i]!)), 0);
    // Ten steps of Adam go a way of about ten rates; a hundredth of one is what may be missed.
    expect(largest(start)).toBeGreaterThan(3 * rate);
    expect(largest(ours)).toBeLessThan(rate / 100);
  },
);
