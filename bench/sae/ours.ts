/** @file Our trainer as a process of the benchmark: the same messages as peer.py. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { type Engine, openEngine } from '../../src/dictionaries/engine.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { sparsity } from '../../src/dictionaries/sparsity.ts';
import { bestProduct, type Product } from './product.ts';
import { sharedRows as rows } from './rows.ts';
import type { Answer, Command, Settings } from './settings.ts';

let settings: Settings;
let trainer: Engine;
let product: (Product & { tried: Record<string, number> }) | undefined;

async function setup(given: Settings): Promise<Answer> {
  settings = given;
  const { width, batch, threads, steps } = settings;
  const source = rows(settings.train);
  const perPass = Math.floor(source.length / width / batch) * batch;
  const order = new Uint32Array(new SharedArrayBuffer(4 * steps * batch));
  for (let i = 0; i < order.length; i++) order[i] = i % perPass;
  const plan = planTraining(configOf(settings), { rows: perPass, width });
  trainer = await openEngine({
    ...{ plan, source: { x_ND: source, width }, order, threads },
    ...(settings.gathered ? { frequent: 'none' } : {}),
  });
  return {};
}

/** The settings that are equal for all; rows come normalised. */
function configOf({ kind, features, k, batch, steps, ...s }: Settings): DictionaryConfig {
  const counts = kind === 'topk' || kind === 'batchtopk';
  return {
    ...{
      architecture: kind as DictionaryConfig['architecture'],
      site: 'bench',
      modelHash: '',
      sinkNorm: Number.POSITIVE_INFINITY,
    },
    ...{ features, batch, tokens: steps * batch, seed: s.seed, normalise: 'none' },
    ...{ learningRate: s.rate, warmUp: s.warmUp, decay: 0, clip: 1 },
    encoder: s.screened ? 'screened' : 'exact',
    // dictionary_learning's auxiliary loss and its window.
    ...(counts ? { k, auxiliary: 1 / 32, deadAfter: 10_000_000 } : {}),
    ...(counts ? {} : { penalty: s.coefficient, penaltyWarmUp: s.sparsityWarmUp }),
    // Encoder rows start as short as the peers' do.
    ...(s.sparsityTarget === undefined
      ? {}
      : { targetL0: s.sparsityTarget, gain: 0.2, encoderStartNorm: 0.1 }),
    ...(kind === 'jumprelu' ? { bandwidth: s.bandwidth } : {}),
  };
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

async function evaluate(most = Number.POSITIVE_INFINITY): Promise<Answer> {
  const { width } = settings;
  const dictionary = trainer.dictionary();
  const opened = await encoder(dictionary);
  const x = Float32Array.from(rows(settings.heldOut, 4 * width * most));
  const code = await opened.encode(x);
  await opened.release();
  return {
    fve: fractionOfVarianceExplained(x, decode(dictionary, code, x), width),
    l0: sparsity(code, dictionary.features).l0,
  };
}

/** Peak resident size of this process, all threads, in MiB (Linux). */
const highWaterMark = (): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;

async function answer(command: Command): Promise<Answer> {
  if ('setup' in command) return setup(command.setup);
  if ('train' in command) return train(command.train);
  if ('evaluate' in command) return evaluate(command.rows);
  if ('memory' in command) return { peakMiB: highWaterMark() };
  if ('save' in command) throw new Error('only peers are saved');
  product ??= await bestProduct(settings, command.layout);
  const seconds = await product.run(command.product);
  return { seconds, layout: product.name, phases: product.tried };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Command))}\n`);
}
await trainer!.close();
process.exit(0);
