/**
 * @file What dictionaries cost against their width, and several against one: `npm run bench:sweep [-- --part width,together,stream] [--save]`.
 *
 *   width     tokens a second of TopK from 1,024 to 65,536 features
 *   together  seconds of 1, 2, 4 and 8 dictionaries of 2,304 features on the same rows, by trainSweep
 *   stream    harvest of 32,768 tokens of SmolLM2 and training of 1 and of 4 dictionaries on it, six passes, together
 *
 * The dictionaries of a sweep differ in k, and one of k = 64 takes longer than one of k = 16: what several take is compared with
 * the mean of what each of them takes alone.
 * Each part is saved by itself into bench/results/sweep.json. Rows are the benchmark's stream (576 wide, k = 32).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernels } from '../scripts/build-kernels.ts';
import { harvest } from '../src/activations/harvest.ts';
import { openActivations } from '../src/activations/open.ts';
import { silent } from '../src/core/progress.ts';
import { mean, quantile } from '../src/core/statistics.ts';
import { loadDocuments } from '../src/data/text.ts';
import { makeWindows } from '../src/data/windows.ts';
import type { DictionaryConfig } from '../src/dictionaries/config-schema.ts';
import { trainSweep } from '../src/dictionaries/sweep.ts';
import { openTokenModel } from '../src/models/open.ts';
import { describeMachine } from './machine.ts';
import { loadResult, resultText, saveResult } from './results.ts';
import { activationStream } from './sae/activations.ts';
import { sharedRows } from './sae/rows.ts';

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'width,together,stream' },
    rounds: { type: 'string', default: '3' },
    widths: { type: 'string', default: '1024,2048,4096,8192,16384,32768,65536' },
    save: { type: 'boolean', default: false },
  },
});
const WIDTH = 576;
const context = { progress: silent, threads: 2 };
const median = (numbers: readonly number[]) => quantile([...numbers], 0.5);
const round = (value: number) => Number(value.toPrecision(4));

const config = (features: number, k: number, more: Partial<DictionaryConfig>): DictionaryConfig => ({
  ...{ architecture: 'topk', site: 'bench', modelHash: '', sinkNorm: Number.MAX_VALUE, features, k },
  ...more,
});

/** Seconds of training `configs` at once. */
async function seconds(x_ND: Float32Array, configs: readonly DictionaryConfig[]): Promise<number> {
  const entries = configs.map((one, i) => ({ name: String(i), config: one }));
  const begun = performance.now();
  await trainSweep({ x_ND, width: WIDTH }, entries, { ...context, atOnce: configs.length });
  return (performance.now() - begun) / 1000;
}

/** Tokens a second of one dictionary: the trainer's own clock, over eight steps of 4,096 rows. */
async function againstWidth(x_ND: Float32Array) {
  const rows = [];
  for (const features of values.widths.split(',').map(Number)) {
    const one = config(features, 32, { batch: 4096, tokens: 8 * 4096 });
    const [outcome] = await trainSweep({ x_ND, width: WIDTH }, [{ name: 'one', config: one }], context);
    const { tokensPerSecond } = outcome!.log;
    rows.push({
      features,
      tokensPerSecond: Math.round(tokensPerSecond),
      nsPerTokenAndFeature: round(1e9 / tokensPerSecond / features),
    });
    console.error(JSON.stringify(rows.at(-1)));
  }
  return rows;
}

/** k of the dictionaries of a sweep, over and over. */
const KS = [32, 16, 64, 48];

/** Seconds of each config alone. */
async function alone(x_ND: Float32Array, configs: readonly DictionaryConfig[]): Promise<number[]> {
  const times = [];
  for (const one of configs) times.push(await seconds(x_ND, [one]));
  return times;
}

/** n dictionaries on one stream; rounds interleaved, ratios to the mean of each of them alone in the same round. */
async function together(x_ND: Float32Array) {
  const sizes = [2, 4, 8];
  const configs = Array.from({ length: 8 }, (_, i) =>
    config(2304, KS[i % KS.length]!, {
      ...{ batch: 2048, tokens: 60 * 2048, seed: Math.floor(i / KS.length) },
    }),
  );
  const ones: number[][] = [];
  const times = new Map<number, number[]>(sizes.map((n) => [n, []]));
  for (let r = 0; r < Number(values.rounds); r++) {
    ones.push(await alone(x_ND, configs.slice(0, KS.length)));
    for (const n of sizes) times.get(n)!.push(await seconds(x_ND, configs.slice(0, n)));
  }
  // Seeds change nothing in a dictionary's cost: of eight, four cost what the other four do.
  const one = (r: number, n: number) => mean(ones[r]!.slice(0, n));
  const rows = sizes.map((n) => ({
    dictionaries: n,
    seconds: times.get(n)!.map(round),
    timesOne: round(median(times.get(n)!.map((t, r) => t / one(r, n)))),
  }));
  const first = { dictionaries: 1, seconds: ones.map((_, r) => round(one(r, KS.length))), timesOne: 1 };
  const result = [first, ...rows];
  for (const row of result) console.error(JSON.stringify(row));
  return result;
}

/** Harvest and training together, of one dictionary (the mean of four, each alone) and of four, from the same text. */
async function stream() {
  const model = await openTokenModel('smollm2-135m', { progress: silent });
  const { documents } = await loadDocuments({ kind: 'wikipedia-leads' }, { progress: silent });
  const { train } = makeWindows(documents, model.tokenizer, {
    ...{ length: 128, trainTokens: 32_768, heldOutTokens: 1024, seed: 0 },
  });
  const site = 'blocks.11.hook_resid_post';
  const configs = KS.map((k) => config(2304, k, { passes: 6 }));
  const ways = [
    { dictionaries: 1, train: async (x: Float32Array) => mean(await alone(x, configs)) },
    { dictionaries: configs.length, train: (x: Float32Array) => seconds(x, configs) },
  ];
  const runs = ways.map(({ dictionaries }) => ({
    dictionaries,
    harvestSeconds: [] as number[],
    trainSeconds: [] as number[],
  }));
  for (let r = 0; r < Number(values.rounds); r++) {
    for (const [i, way] of ways.entries()) {
      const folder = mkdtempSync(join(tmpdir(), 'untangle-sweep-'));
      try {
        const begun = performance.now();
        await harvest({ ...context, model, windows: train, sites: [site], folder });
        runs[i]!.harvestSeconds.push(round((performance.now() - begun) / 1000));
        const rows = await openActivations(folder, site);
        const x_ND = rows.load();
        rows.close();
        runs[i]!.trainSeconds.push(round(await way.train(x_ND)));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    console.error(JSON.stringify(runs));
  }
  const [one, four] = runs as [(typeof runs)[number], (typeof runs)[number]];
  const whole = (run: typeof one, r: number) => run.harvestSeconds[r]! + run.trainSeconds[r]!;
  const ratios = (of: (run: typeof one, r: number) => number) =>
    round(median(one.trainSeconds.map((_, r) => of(four, r) / of(one, r))));
  return {
    site,
    tokens: 32_768,
    passes: 6,
    runs,
    timesOne: ratios(whole),
    trainingTimesOne: ratios((run, r) => run.trainSeconds[r]!),
  };
}

await buildKernels();
const { train } = await activationStream(WIDTH, 2, silent);
const x_ND = sharedRows(train, 4 * WIDTH * 65_536);
const parts: Record<string, () => Promise<unknown>> = {
  width: () => againstWidth(x_ND),
  together: () => together(x_ND),
  stream,
};
for (const name of values.part.split(',')) {
  const result = await parts[name]!();
  if (!values.save) process.stdout.write(resultText(result));
  else
    saveResult('sweep', {
      what: 'cost of dictionaries against their width, and of several on one stream against one',
      command: 'npm run bench:sweep -- --save',
      ...loadResult<object>('sweep'),
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      [name]: result,
    });
}
