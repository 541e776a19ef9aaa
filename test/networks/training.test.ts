/** @file The training loop: known minima, exact resume, clipping, guards; gradients of a Llama beside differences. */
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f64, i64, type Tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { adamW } from '../../src/mechanics/optimisers/adam.ts';
import { sgd } from '../../src/mechanics/optimisers/sgd.ts';
import type { ModelShape } from '../../src/models/types.ts';
import { languageObjective } from '../../src/networks/language.ts';
import { type Objective, openLearner } from '../../src/networks/learner.ts';
import { warmUpCosine } from '../../src/networks/schedule.ts';
import { shuffledBatches } from '../../src/networks/token-stream.ts';
import { type TrainContext, type Training, train } from '../../src/networks/train.ts';
import { temporaryFolder } from '../support/temporary.ts';

const context: TrainContext = { progress: silent, threads: 1 };

/** ½ Σ cᵢ (wᵢ − x)², whose minimum over w is x. */
function bowl(curvatures: readonly number[]): Objective {
  const b = graphBuilder();
  const n = curvatures.length;
  const x = b.input('x', 'float64', []);
  const w = b.weight(
    'w',
    f64(
      [n],
      curvatures.map(() => 0),
    ),
  );
  const c = b.constant(
    f64(
      [n],
      curvatures.map((v) => v / 2),
    ),
  );
  const away = b.op('Sub', [w, x]);
  const energy = b.op('Mul', [c, b.op('Mul', [away, away])]);
  const loss = b.op('ReduceSum', [energy], { keepdims: { int: 0 } }, 'loss');
  return { graph: b.finish([loss]), loss: 'loss', parameters: ['w'] };
}
const at = (x: number) => ({ x: f64([], [x]) });

const shape: ModelShape = {
  ...{
    family: 'llama',
    layers: 1,
    width: 8,
    heads: 2,
    kvHeads: 1,
    headWidth: 4,
    mlpWidth: 12,
    vocabulary: 11,
  },
  ...{ context: 16, ropeBase: 10_000, normEpsilon: 1e-5, tied: true },
};
const stream = Int32Array.from({ length: 400 }, (_, i) => 1 + ((i * i) % 10));
const options = { length: 8, batch: 3, start: 0 };

/** A few steps on a small Llama. */
const llama = (steps: number): Training => ({
  ...{ name: 'test', steps, every: 2, clip: 1 },
  objective: languageObjective(shape, 1),
  batch: shuffledBatches(stream, options, 5),
  optimiser: adamW({ learningRate: warmUpCosine({ rate: 1e-2, warmUp: 3, steps: 12 }), weightDecay: 0.1 }),
  heldOut: [shuffledBatches(stream, options, 6)(0)],
});

describe('train', () => {
  test('gradient descent on a bowl contracts by 1 − ηc a step', async () => {
    const { parameters } = await train(
      {
        ...{ name: 'bowl', objective: bowl([1, 3]), steps: 4, batch: () => at(2) },
        optimiser: sgd({ learningRate: 0.1 }),
      },
      context,
    );
    const exact = [1, 3].map((c) => 2 - 2 * (1 - 0.1 * c) ** 4);
    (parameters.w!.data as Float64Array).forEach((w, i) => {
      expect(w).toBeCloseTo(exact[i]!, 14);
    });
  });
  test('a clipped gradient moves by rate × norm, whatever its size', async () => {
    const { parameters } = await train(
      {
        ...{ name: 'bowl', objective: bowl([100, 100]), steps: 1, batch: () => at(7), clip: 0.5 },
        optimiser: sgd({ learningRate: 1 }),
      },
      context,
    );
    const [a, b] = parameters.w!.data as Float64Array;
    expect(Math.hypot(a!, b!)).toBeCloseTo(0.5, 14);
  });
  test('a run that was stopped goes on to the bit', async () => {
    const whole = await train(llama(12), context);
    const folder = temporaryFolder();
    const stop = new AbortController();
    const checkpoint = { folder, key: 'k', seconds: 1e9 };
    const progress = (event: { type: string; done?: number }) => {
      if (event.type === 'advance' && event.done === 5) stop.abort();
    };
    await expect(
      train(llama(12), { ...context, progress, signal: stop.signal, checkpoint }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    let first = 0;
    const resumed = await train(llama(12), {
      ...context,
      checkpoint,
      progress: (event) => {
        if (event.type === 'advance') first ||= event.done;
      },
    });
    expect(first).toBe(6);
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.curve).toEqual(whole.curve);
    // Another key is another training.
    const other = await train(llama(2), { ...context, checkpoint: { ...checkpoint, key: 'other' } });
    expect(other.curve.map((point) => point.step)).toEqual([2]);
    rmSync(folder, { recursive: true, force: true });
  });
  test('learns a sequence that repeats itself', async () => {
    const { curve } = await train(
      { ...llama(150), optimiser: adamW({ learningRate: 2e-2 }), every: 50 },
      context,
    );
    expect(curve[0]!.heldOut!).toBeLessThan(Math.log(10));
    // Without context the best is the entropy of the tokens' shares, 1.75 nats.
    expect(curve.at(-1)!.heldOut!).toBeLessThan(1.4);
  });
  test('a loss that is no number ends with a code', async () => {
    const training = { name: 'bowl', objective: bowl([1]), steps: 3, optimiser: sgd({ learningRate: 1 }) };
    await expect(
      train({ ...training, batch: (step) => at(step === 1 ? Number.NaN : 1) }, context),
    ).rejects.toMatchObject({ code: 'network.diverged' });
  });
  test('what is no weight in memory cannot be learned', async () => {
    await expect(openLearner({ ...bowl([1]), parameters: ['x'] }, context)).rejects.toMatchObject({
      code: 'network.no-weight',
    });
  });
});

describe('the learner', () => {
  test('gives the gradient of the cross-entropy, by central differences', async () => {
    const learner = await openLearner(languageObjective(shape, 3), context);
    const batch = shuffledBatches(stream, options, 5)(0);
    await learner.run(batch);
    const gradient = Float32Array.from(learner.gradient);
    const chance = random(4);
    const direction = Float32Array.from(gradient, () => chance.normal());
    const slope = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
    const start = Float32Array.from(learner.vector);
    const along = async (h: number) => {
      learner.vector.set(start.map((w, i) => w + h * direction[i]!));
      return learner.loss(batch);
    };
    const h = 2e-3;
    expect(((await along(h)) - (await along(-h))) / (2 * h)).toBeCloseTo(slope, 2);
    await learner.close();
  });
  test('a uniform model has the loss ln(vocabulary)', async () => {
    const learner = await openLearner(languageObjective(shape, 3), context);
    learner.vector.fill(0);
    const tokens: Tensor = i64([1, 2], [0, 1]);
    expect(await learner.run({ tokens, next: i64([1, 2], [1, 2]) })).toBeCloseTo(Math.log(11), 6);
    await learner.close();
  });
});

describe('the schedule', () => {
  test('rises to the rate, falls along half a cosine to the floor', () => {
    const rate = warmUpCosine({ rate: 2, warmUp: 4, steps: 104, floor: 0.1 });
    expect([0, 3, 4, 54, 104].map(rate)).toEqual(
      [0.5, 2, 2, 2 * 0.55, 0.2].map((v) => expect.closeTo(v, 12)),
    );
  });
});
