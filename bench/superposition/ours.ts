/** @file Our side of the benchmark: answers one line of JSON to each line of JSON, as peer.py does. */
import { createInterface } from 'node:readline';
import { adam } from '../../src/mechanics/optimisers/adam.ts';
import { openDescent } from '../../src/superposition/descent.ts';
import { flattened, toyLandscape } from '../../src/superposition/landscape.ts';
import { startWeights } from '../../src/superposition/start.ts';
import { toyTask } from '../../src/superposition/task.ts';
import { trainToys } from '../../src/superposition/train.ts';
import { type Answer, type Command, PIECE, type Settings } from './settings.ts';

let settings: Settings;

/** The whole way a user goes: `trainToys` from new weights, worker threads started and ended within the time. */
async function train(steps: number): Promise<Answer> {
  const { features, neurons, sparsity, instances, batch, learningRate, threads } = settings;
  const task = toyTask({ features, neurons, sparsity });
  const began = performance.now();
  const trained = await trainToys(
    Array.from({ length: instances }, (_, seed) => ({ task, seed })),
    { steps, batch, learningRate, dropAt: 1 },
    { threads, progress: () => {} },
  );
  const seconds = (performance.now() - began) / 1000;
  const curve = Array.from({ length: Math.ceil(steps / PIECE) }, (_, piece) => {
    const [from, to] = [piece * PIECE, Math.min(steps, (piece + 1) * PIECE)];
    const sums = trained.map(({ losses }) => losses.subarray(from, to).reduce((a, b) => a + b, 0));
    return sums.reduce((a, b) => a + b, 0) / (instances * (to - from));
  });
  return { seconds, steps, curve };
}

/** Closed-form gradients of every instance by Adam, on one thread, until their mean loss is not above `loss`. */
function reach(loss: number): Answer {
  const { features, neurons, sparsity, instances } = settings;
  const task = toyTask({ features, neurons, sparsity });
  const V = toyLandscape(task, 16);
  const began = performance.now();
  const descents = Array.from({ length: instances }, (_, seed) =>
    openDescent(V, flattened(startWeights(task, seed)), {
      optimiser: adam({ learningRate: 0.03 }),
      every: 10,
    }),
  );
  for (let steps = 10; ; steps += 10) {
    for (const descent of descents) descent.advance(steps);
    const mean = descents.reduce((sum, { frames }) => sum + frames.at(-1)!.loss / instances, 0);
    if (mean <= loss || steps >= 2000)
      return { seconds: (performance.now() - began) / 1000, steps, loss: mean };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  let answer: Answer = {};
  if ('setup' in command) {
    settings = command.setup;
    await train(20);
  } else answer = 'train' in command ? await train(command.train) : reach(command.reach);
  console.log(JSON.stringify(answer));
}
