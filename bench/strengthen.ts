/**
 * @file A behaviour made more reliable by its own features: agreement across a clause on SmolLM2, the features that serve it
 * on train pairs turned up, beside random features turned up as far; what it costs elsewhere. `npm run bench:strengthen`
 * writes bench/results/strengthen.json.
 */
import { networkOf } from '../src/circuits/cuts.ts';
import { TOKENS_PER_RUN } from '../src/circuits/run-options.ts';
import { builtInTask } from '../src/data/tasks.ts';
import { type StrengthenResult, strengthen } from '../src/edits/strengthen.ts';
import { openTokenModel } from '../src/models/open.ts';
import { openSession } from '../src/runtime/session.ts';
import { benchDictionaries, benchWindows, dictionarySettings } from './circuits/dictionaries.ts';
import { writeStrengthening } from './feature-tables.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

const settings = {
  task: 'agreement-across-rc',
  others: ['agreement', 'gender', 'indirect-object'],
  examples: { train: 48, heldOut: 48, seed: 0 },
  /** Sets of features of these sizes. */
  features: [10],
  gains: [0.5, 1, 2, 4],
  method: 'midpoint-5',
  draws: 3,
  windows: 12,
  length: 64,
} as const;
const threads = 2;
const progress = () => {};

const begun = performance.now();
const model = await openTokenModel('smollm2-135m', { progress });
const network = networkOf(model);
const dictionaries = await benchDictionaries(model, threads, progress);
const { train, heldOut } = await benchWindows(model, progress);
const cut = (windows: typeof train) =>
  windows.slice(0, settings.windows).map(({ tokens }) => tokens.subarray(0, settings.length));
const make = (name: string) => builtInTask(name).make(model.tokenizer, settings.examples);

const results: StrengthenResult[] = [];
for (const features of settings.features) {
  const result = await strengthen(
    {
      ...{ model, dictionaries, features, threads, seed: 0 },
      task: make(settings.task),
      others: settings.others.map(make),
      ...{ gains: settings.gains, method: settings.method, draws: settings.draws },
      text: { train: cut(train), heldOut: cut(heldOut) },
      run: {
        open: (graph) => openSession(graph, { threads }),
        tokensPerRun: TOKENS_PER_RUN,
        threads,
      },
    },
    { progress },
  );
  results.push(result);
  const { baseline, rows, chosen } = result;
  const percent = (v: number) => `${(100 * v).toFixed(1)} %`;
  process.stdout.write(
    `${features} features: accuracy ${percent(baseline.accuracy.value)} as it is, margin ${baseline.margin.value.toFixed(3)}\n`,
  );
  for (const row of rows) {
    const beyond = row.beyondRandom
      ? `, margin beyond random ${row.beyondRandom.value.toFixed(3)} (${row.beyondRandom.low.toFixed(3)} to ${row.beyondRandom.high.toFixed(3)})`
      : '';
    process.stdout.write(
      `  ${row.method} +${row.gain}: ${percent(row.accuracy.value)}, margin ${row.margin.value.toFixed(3)}${beyond}, KL ${row.kl.value.toFixed(4)}\n`,
    );
  }
  process.stdout.write(`  chosen on train pairs: +${chosen.gain}\n`);
}
const seconds = (performance.now() - begun) / 1000;
saveResult('strengthen', {
  what: 'agreement across a clause on SmolLM2-135M, the features that serve it turned up; held-out pairs, both sides of each, with 95 % bootstrap intervals',
  command: 'npm run bench:strengthen',
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  seconds,
  ...{ threads, settings, dictionaries: dictionarySettings, cuts: network.cuts.length, note: model.note },
  results,
});
writeStrengthening(results);
process.stdout.write(`${seconds.toFixed(0)} s\n`);
