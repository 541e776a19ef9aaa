/** @file The self-check of the fused engine: one step of each kind moves along the gradient that the graph engine finds. */
import { random } from '../core/random.ts';
import { f32, i64, type Tensor } from '../core/tensor.ts';
import { openLearner } from '../networks/learner.ts';
import type { DictionaryConfig } from './config-schema.ts';
import { dictionaryObjective } from './losses/objective.ts';
import { planTraining } from './plan-training.ts';
import { openTrainer } from './trainer.ts';

/** Adam with so large an ε takes a step of rate/ε = 1 times the gradient. */
const HUGE = 1e10;

const kinds: readonly Pick<DictionaryConfig, 'architecture' | 'k' | 'penalty' | 'auxiliary'>[] = [
  { architecture: 'topk', k: 4, auxiliary: 0 },
  { architecture: 'batchtopk', k: 4, auxiliary: 0 },
  { architecture: 'matryoshka', k: 4, auxiliary: 0 },
  { architecture: 'relu', penalty: 0.7 },
  { architecture: 'gated', penalty: 0.7, auxiliary: 1 },
  { architecture: 'jumprelu', penalty: 0.7 },
];

/** Largest difference of a fused step from the gradient of its loss, relative to the largest entry, over kinds. */
export async function gradientDifference(): Promise<number> {
  let worst = 0;
  for (const kind of kinds) worst = Math.max(worst, await differenceOf(kind));
  return worst;
}

async function differenceOf(kind: (typeof kinds)[number]): Promise<number> {
  const [rows, width, features] = [70, 10, 40];
  const r = random(5);
  const x_ND = new Float32Array(new SharedArrayBuffer(4 * rows * width));
  for (let i = 0; i < x_ND.length; i++) x_ND[i] = r.normal();
  const order = new Uint32Array(new SharedArrayBuffer(4 * rows));
  for (let i = 0; i < rows; i++) order[i] = i;
  const plan = planTraining(
    {
      ...{ site: 'check', modelHash: '', sinkNorm: 1e9, features, batch: rows, tokens: rows, ...kind },
      ...{ normalise: 'none', clip: 1e30, warmUp: 0, decay: 0, decoderNorm: 'free', learningRate: HUGE },
      ...(kind.penalty !== undefined && { penaltyWarmUp: 0 }),
      optimiser: { name: 'adam', beta1: 0, beta2: 0, epsilon: HUGE },
    },
    { rows, width },
  );
  const trainer = await openTrainer({ plan, source: { x_ND, width }, order, threads: 1 });
  const before = trainer.parameters();
  await trainer.run(1);
  const after = trainer.parameters();
  await trainer.close();
  const objective = dictionaryObjective(plan, before);
  const k = kind.k ?? 1;
  const feeds: Record<string, Tensor> = {
    x_BD: f32([rows, width], x_ND),
    lambda: f32([], [kind.penalty ?? 0]),
    auxiliary: f32([], [plan.auxiliary]),
    k: i64([1], [plan.activation === 'batchtopk' ? k * rows : k]),
  };
  const learner = await openLearner(objective, { threads: 1 });
  try {
    await learner.run(Object.fromEntries(objective.graph.inputs.map(({ name }) => [name, feeds[name]!])));
    const moved = objective.parameters.flatMap((name) =>
      Array.from(before[name]!.data, (value, i) => value - after[name]!.data[i]!),
    );
    const gradient = Array.from(learner.gradient);
    const largest = gradient.reduce((a, g) => Math.max(a, Math.abs(g)), 0);
    return moved.reduce((a, m, i) => Math.max(a, Math.abs(m - gradient[i]!)), 0) / largest;
  } finally {
    await learner.close();
  }
}
