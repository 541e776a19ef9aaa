/**
 * @file All node effects at all sites of a Pythia-70M shape, side by side with the published code and a plain PyTorch loop.
 *
 *   npm run bench:circuits [-- --reference CHECKOUT] [--methods ig,attrib] [--rounds 5] [--from 0] [--json] [--save]
 *
 * Random weights: a model of Pythia-70M's shape, 19 ReLU dictionaries of 32,768 features of which about 50 are active in a
 * row, 100 pairs of 5 tokens. Every side is a process of its own; in every round each has its turn: we with all pairs, the
 * peers, which work in batches of 10 that have nothing in common, with one batch (`ig`) or five (`attrib`). CHECKOUT is a copy of saprmarks/feature-circuits with the
 * packages of requirements.txt; without it only the plain loop is run. Ratios are medians over rounds; memory is the
 * peak of each process. Our side opens each dictionary from disk when its turn comes, which counts as its time; the
 * peers hold theirs in memory. --save writes bench/results/circuits.json after every round; --from 3 --rounds 2
 * goes on after --rounds 3, --from 5 --rounds 0 only sums up.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile } from '../../src/core/statistics.ts';
import { cacheRoot } from '../../src/files/cache.ts';
import { describeMachine } from '../machine.ts';
import { type Contestant, contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { type Answer, type Command, type Method, pythia, type Settings } from './settings.ts';

const { values } = parseArgs({
  options: {
    reference: { type: 'string' },
    methods: { type: 'string', default: 'ig,attrib' },
    rounds: { type: 'string', default: '5' },
    from: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');
const python = peersPython({
  ...{ requirements, venv: '.venv-peers-circuits', variable: 'UNTANGLE_CIRCUITS_PYTHON' },
});
const folder = join(cacheRoot(), 'bench', 'effects-v1');
const settings: Settings = { folder, threads: 2, batch: 10 };
/** Pairs that a side is given in a round: the peers' batches of 10 have nothing in common, so that some say enough. */
const share = (method: Method, side: string): number =>
  side === 'untangle' ? pythia.pairs : settings.batch * (method === 'ig' ? 1 : 5);
const [first, count] = [Number(values.from), Number(values.rounds)];
const tell = (text: string) => console.error(text);
const round = (value: number, digits = 4) => Number(value.toPrecision(digits));
const median = (numbers: readonly number[]) => quantile([...numbers], 0.5);

if (!existsSync(join(folder, 'pairs.json'))) {
  tell('making the random model, dictionaries and pairs (once; 2.6 GB)');
  const made = spawnSync(python, [beside('peer.py'), 'prepare', folder, JSON.stringify(pythia)], {
    stdio: ['ignore', 2, 2],
  });
  if (made.status !== 0) throw new Error('the peers could not prepare');
}

type Side = Contestant<Command, Answer>;
interface Round {
  readonly round: number;
  /** Seconds for 100 pairs. */
  readonly seconds: Record<string, number>;
  readonly cpuSeconds: Record<string, number>;
  readonly peakMiB: Record<string, number>;
}

interface Measured {
  readonly rounds: Round[];
  /** Largest difference of a site's sum of effects to ours, over the largest sum, on the pairs of the warm-up. */
  readonly difference: Record<string, number>;
}

/** Pairs of the warm-up, on which the sides are compared. */
const WARM_UP = 2;

/** Commit of the checkout. */
const commit =
  values.reference === undefined
    ? undefined
    : spawnSync('git', ['-C', values.reference, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout.trim();

/** Rounds of one method, each side in a fresh process. */
async function measure(method: Method, keep: (measured: Measured) => void): Promise<void> {
  const us: Side = oursFrom(beside('ours.ts'));
  const others: Side[] = [
    contestant('plain', python, [beside('peer.py')]),
    ...(values.reference === undefined
      ? []
      : [contestant<Command, Answer>('reference', python, [beside('reference.py'), values.reference])]),
  ];
  const sides = [us, ...others];
  const warm = new Map<string, Answer>();
  for (const side of sides) {
    await side.ask({ setup: settings });
    // The first run compiles, allocates and touches the weights.
    warm.set(side.name, await side.ask({ run: method, from: 0, to: WARM_UP }));
  }
  const difference = differences(warm);
  const rounds: Round[] = [];
  for (let r = first; r < first + count; r++) {
    const answers = new Map<string, Answer>();
    for (const side of sides) {
      const pairs = share(method, side.name);
      const from = (r * pairs) % pythia.pairs;
      answers.set(side.name, await side.ask({ run: method, from, to: from + pairs }));
    }
    const each = (of: (answer: Answer, hundred: number) => number) =>
      Object.fromEntries(
        [...answers].map(([name, answer]) => [name, round(of(answer, 100 / share(method, name)))]),
      );
    rounds.push({
      round: r,
      seconds: each((a, hundred) => hundred * a.seconds!),
      cpuSeconds: each((a, hundred) => hundred * a.cpuSeconds!),
      peakMiB: each((a) => a.peakBytes! / 2 ** 20),
    });
    tell(`${method}, round ${r + 1}: ${JSON.stringify(rounds.at(-1))}`);
    keep({ rounds, difference });
  }
  for (const side of sides) side.end();
}

function differences(warm: ReadonlyMap<string, Answer>): Record<string, number> {
  const ours = warm.get('untangle')!.sums!;
  const largest = Math.max(...ours.flatMap(([, f, e]) => [Math.abs(f), Math.abs(e)]));
  return Object.fromEntries(
    [...warm].map(([name, { sums }]) => [
      name,
      round(
        Math.max(
          ...sums!.map(([, f, e], i) => Math.max(Math.abs(f - ours[i]![1]), Math.abs(e - ours[i]![2]))),
        ) / largest,
      ),
    ]),
  );
}

/** Medians over rounds. */
function summary(method: Method, { rounds: all, difference }: Measured) {
  const names = Object.keys(all[0]!.seconds).filter((name) => name !== 'untangle');
  const memory = (name: string) => Math.max(...all.map((r) => r.peakMiB[name]!));
  return {
    method,
    secondsPer100Pairs: Object.fromEntries(
      ['untangle', ...names].map((name) => [name, round(median(all.map((r) => r.seconds[name]!)))]),
    ),
    timesFaster: Object.fromEntries(
      names.map((name) => [name, round(median(all.map((r) => r.seconds[name]! / r.seconds.untangle!)))]),
    ),
    peakMiB: Object.fromEntries(['untangle', ...names].map((name) => [name, memory(name)])),
    memoryRatio: Object.fromEntries(names.map((name) => [name, round(memory('untangle') / memory(name))])),
    difference,
    rounds: all,
  };
}

interface Report {
  readonly rows: readonly ReturnType<typeof summary>[];
  readonly reference?: { readonly commit: string };
}
const saved = new URL('../results/circuits.json', import.meta.url);
const before: Report | undefined = existsSync(saved)
  ? (JSON.parse(readFileSync(saved, 'utf8')) as Report)
  : undefined;
const rows = new Map((values.save && before ? before.rows : []).map((row) => [row.method, row]));
const report = () => ({
  what: 'all node effects at the 19 sites of a Pythia-70M shape with ReLU dictionaries of 32,768 features, random weights: the published code (feature-circuits) and a plain PyTorch loop beside ours, interleaved; medians over rounds, seconds for 100 pairs',
  command: 'npm run bench:circuits -- --reference CHECKOUT --save',
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  versions,
  reference: { repository: 'saprmarks/feature-circuits', commit: commit ?? before?.reference?.commit },
  settings: { ...pythia, threads: settings.threads, peersBatch: settings.batch },
  rows: [...rows.values()],
});
const versions = peerVersions(python, requirements);
for (const method of values.methods.split(',') as Method[]) {
  const known = rows.get(method);
  const earlier = first > 0 ? (known?.rounds ?? []).filter((r) => r.round < first) : [];
  const keep = (measured: Measured) => {
    rows.set(method, summary(method, { ...measured, rounds: [...earlier, ...measured.rounds] }));
    if (values.save) saveResult('circuits', report());
  };
  if (count === 0) keep({ rounds: [], difference: known?.difference ?? {} });
  else await measure(method, keep);
}
if (values.json) process.stdout.write(resultText(report()));
else for (const { rounds: _, ...row } of rows.values()) process.stdout.write(`${JSON.stringify(row)}\n`);
