/** @file Our trainer as a process of the benchmark: the same messages as peer.py. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { random } from '../../src/core/random.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { fold } from '../../src/dictionaries/normalise.ts';
import { openTrainer, type Trainer } from '../../src/dictionaries/trainer.ts';
import { bestProduct, type Product } from './product.ts';
import type { Answer, Command, Settings } from './settings.ts';

let settings: Settings;
let trainer: Trainer;
let product: (Product & { tried: Record<string, number> }) | undefined;

const rows = (path: string): Float32Array => {
  const bytes = readFileSync(path);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return new Float32Array(shared.buffer);
};

async function setup(given: Settings): Promise<Answer> {
  settings = given;
  const { width, features, k, batch, threads, rate, warmUp, steps, seed, screened = false } = settings;
  const source = rows(settings.train);
  const perPass = Math.floor(source.length / width / batch) * batch;
  const order = new Uint32Array(new SharedArrayBuffer(4 * steps * batch));
  for (let i = 0; i < order.length; i++) order[i] = i % perPass;
  trainer = await openTrainer({
    shape: { width, features, k, batch, threads },
    config: {
      ...{ schedule: { rate, warmUp, decay: 0 }, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip: 1 },
      // dictionary_learning's auxiliary loss and its window.
      ...{ auxiliary: 1 / 32, deadAfter: 10_000_000, steps, scale: 1, screened },
    },
    ...{ source, order, centre: new Float32Array(width), random: random(seed) },
  });
  return {};
}

async function train(steps: number): Promise<Answer> {
  const before = trainer.clocks();
  const begun = performance.now();
  await trainer.run(trainer.steps + steps);
  const seconds = (performance.now() - begun) / 1000;
  const after = trainer.clocks();
  const phases = Object.fromEntries(
    Object.entries(after).map(([name, ms]) => [
      name,
      (ms - before[name as keyof typeof before]) / steps / settings.threads,
    ]),
  );
  return { seconds, phases };
}

async function evaluate(): Promise<Answer> {
  const { width, features, k } = settings;
  const about = { site: 'bench', modelHash: '', sinkNorm: Number.POSITIVE_INFINITY, width, features, k };
  const dictionary = fold(trainer.weights, { centre: new Float32Array(width), scale: 1 }, about);
  const opened = await encoder(dictionary);
  const x = Float32Array.from(rows(settings.heldOut));
  const fve = fractionOfVarianceExplained(x, decode(dictionary, await opened.encode(x)), width);
  await opened.release();
  return { fve };
}

async function answer(command: Command): Promise<Answer> {
  if ('setup' in command) return setup(command.setup);
  if ('train' in command) return train(command.train);
  if ('evaluate' in command) return evaluate();
  product ??= await bestProduct(settings);
  const seconds = await product.run(command.product);
  return { seconds, layout: product.name, phases: product.tried };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Command))}\n`);
}
await trainer!.close();
process.exit(0);
