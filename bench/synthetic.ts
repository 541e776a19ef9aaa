/**
 * @file Known features found again: 512 random unit directions in 128 dimensions, 4 active on average, every kind and preset at
 * equal tokens. `npm run bench:synthetic` prints the scores and writes bench/results/synthetic.json after every run; runs
 * that are there already are kept unless `--again` is given.
 */
import { random } from '../src/core/random.ts';
import type { DictionaryOptions, TrainedArchitecture } from '../src/dictionaries/config-schema.ts';
import { type Recovery, recovery, syntheticRows } from '../src/dictionaries/synthetic.ts';
import { trainDictionary } from '../src/dictionaries/train.ts';
import { describeMachine } from './machine.ts';
import { loadResult, saveResult } from './results.ts';

const setting = {
  rows: 50_000,
  heldOut: 3000,
  width: 128,
  features: 512,
  active: 4,
  tokens: 2_000_000,
} as const;
const BAR = 0.95;
const seeds = [0, 1, 2];

interface Run extends Recovery {
  readonly kind: TrainedArchitecture;
  readonly preset: string;
  readonly options: DictionaryOptions;
  readonly seed: number;
  readonly fve: number;
  readonly l0: number;
  readonly dead: number;
  readonly seconds: number;
}
interface Result {
  readonly machine: unknown;
  readonly setting: typeof setting;
  readonly bar: number;
  readonly best: { readonly kind: string; readonly preset: string; readonly least: number };
  readonly runs: readonly Run[];
}

/** Kinds that fix k get the true mean; of the others ours have a λ that was chosen on other data, the peers their preset's. */
const kinds: [TrainedArchitecture, DictionaryOptions][] = [
  ['matching-pursuit', { k: 4 }],
  ['topk', { k: 4 }],
  ['batchtopk', { k: 4 }],
  ['matryoshka', { k: 4 }],
  ['relu', { penalty: 3 }],
  ['p-anneal', { penalty: 3 }],
  ['gated', { penalty: 3 }],
  ['jumprelu', { penalty: 3 }],
];
const runs: Run[] = process.argv.includes('--again')
  ? []
  : [...(loadResult<Result>('synthetic')?.runs ?? [])];

/** Ours with every seed, the kinds that the bar is held to first; the presets of others once. */
const wanted = [
  ...seeds.flatMap((seed) =>
    kinds.map(([kind, options]) => ({ kind, options, preset: 'untangle', seed }) as const),
  ),
  ...(['saelens', 'dictionary_learning'] as const).flatMap((preset) =>
    kinds
      .filter(([kind]) => kind !== 'matching-pursuit')
      .map(([kind, { k }]) => ({ kind, options: k === undefined ? {} : { k }, preset, seed: 0 })),
  ),
];

for (const { kind, options, preset, seed } of wanted) {
  if (runs.some((run) => run.kind === kind && run.preset === preset && run.seed === seed)) continue;
  const { rows, heldOut, width, features, active, tokens } = setting;
  const data = syntheticRows({ rows: rows + heldOut, width, features, active }, random(100 + seed));
  const begun = performance.now();
  const { dictionary, log } = await trainDictionary(
    { x_ND: data.x_ND.subarray(0, rows * width), width, heldOut_MD: data.x_ND.subarray(rows * width) },
    {
      ...{ architecture: kind, preset, features, tokens, seed, ...options },
      ...{ site: 'synthetic', modelHash: '', sinkNorm: Number.POSITIVE_INFINITY },
    },
    { threads: 1, progress: () => {} },
  );
  const seconds = (performance.now() - begun) / 1000;
  const last = log.curve.at(-1)!;
  const run: Run = {
    ...{ kind, preset, options, seed },
    ...recovery(dictionary.W_dec_FD, data.truth_GD, width),
    ...{ fve: last.fve, l0: last.l0, dead: log.dead, seconds },
  };
  runs.push(run);
  console.log(
    `${kind}, ${preset}, seed ${seed}: MCC ${run.matched.toFixed(4)} (greedy ${run.greedy.toFixed(4)}), FVE ${run.fve.toFixed(3)}, L0 ${run.l0.toFixed(2)}, ${seconds.toFixed(0)} s`,
  );
  saveResult('synthetic', {
    ...{ machine: describeMachine(), setting, bar: BAR, best: best(), runs },
  } satisfies Result);
}
const winner = best();
console.log(
  `best: ${winner.kind}, ${winner.preset}, least MCC of its seeds ${winner.least.toFixed(4)}; bar ${BAR}: ${winner.least >= BAR ? 'met' : 'missed'}`,
);

/** The kind and preset whose worst seed is best. */
function best(): Result['best'] {
  const least = new Map<string, { kind: string; preset: string; least: number }>();
  for (const { kind, preset, matched } of runs) {
    const key = `${kind} ${preset}`;
    const before = least.get(key)?.least ?? 1;
    least.set(key, { kind, preset, least: Math.min(before, matched) });
  }
  return [...least.values()].reduce((a, b) => (b.least > a.least ? b : a));
}
