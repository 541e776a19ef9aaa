/**
 * @file Quality at equal tokens and matched L0: ours (default preset) beside SAELens and dictionary_learning at the best
 * of several rates, on SmolLM2 activations.
 *
 *   npm run bench:quality [-- --kind topk,batchtopk,relu] [--seeds 0,1,2] [--save]
 *
 * Every training is a piece that is kept in the cache, so that a run can be stopped and split by kind and seed. All
 * dictionaries are read from their libraries' own files and scored by one evaluator; BatchTopK by its learned threshold.
 * For the dense kinds ours is trained to each peer's L0 with the same seed, and not above it.
 */
import { parseArgs } from 'node:util';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { mean } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { loadResult, resultText, saveResult } from '../results.ts';
import { activationStream, fullStream } from '../sae/activations.ts';
import { scored } from './evaluate.ts';
import { ourMatched } from './ours.ts';
import { bestChoice, peerPiece } from './peers.ts';
import {
  seeds as allSeeds,
  type Choice,
  equal,
  type Kind,
  kinds,
  type Peer,
  peers,
  rates,
} from './settings.ts';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: kinds.slice(0, 3).join(',') },
    seeds: { type: 'string', default: allSeeds.join(',') },
    save: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seeds = values.seeds.split(',').map(Number);

await buildKernels();
const stream = await activationStream(equal.width, 2, () => {});
const full = await fullStream(2, () => {});

interface Scores {
  readonly fve: number;
  readonly ceRecovered: number;
  readonly l0: number;
  readonly dead: number;
}

const round = (value: number) => Number(value.toFixed(4));

async function scores(folder: string): Promise<Scores> {
  const { fve, ceRecovered, l0, dead } = await scored(folder, full);
  return { fve: round(fve), ceRecovered: round(ceRecovered), l0: round(l0), dead: round(dead) };
}

/** Mean of paired differences with its 95 % interval (Student's t; three seeds: 4.303, two: 12.706). */
function difference(ours: readonly number[], theirs: readonly number[]) {
  const d = ours.map((value, i) => value - theirs[i]!);
  const middle = mean(d);
  const deviation = Math.sqrt(d.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (d.length - 1));
  const t = [Number.NaN, 12.706, 4.303, 3.182, 2.776][d.length - 1] ?? 1.96;
  const half = (t * deviation) / Math.sqrt(d.length);
  return { mean: round(middle), low: round(middle - half), high: round(middle + half) };
}

async function measure(kind: Kind) {
  const choices: Partial<Record<Peer, Choice>> = {};
  const scoresOf: Partial<Record<Peer, Scores[]>> = {};
  const ours: Partial<Record<Peer, Scores[]>> = {};
  const against: Partial<Record<Peer, Record<keyof Scores, ReturnType<typeof difference>>>> = {};
  for (const peer of peers) {
    const choice = await bestChoice(peer, kind, stream);
    const [theirs, matched]: Scores[][] = [[], []];
    for (const seed of seeds) {
      const their = await scores((await peerPiece(peer, kind, choice, seed, stream)).folder);
      theirs!.push(their);
      matched!.push(await scores((await ourMatched(kind, seed, stream, their.l0)).folder));
    }
    const paired = (name: keyof Scores) =>
      difference(
        matched!.map((s) => s[name]),
        theirs!.map((s) => s[name]),
      );
    choices[peer] = choice;
    scoresOf[peer] = theirs!;
    ours[peer] = matched!;
    against[peer] = {
      fve: paired('fve'),
      ceRecovered: paired('ceRecovered'),
      l0: paired('l0'),
      dead: paired('dead'),
    };
    console.error(`${kind}, ours minus ${peer}: ${JSON.stringify(against[peer])}`);
  }
  return { kind, seeds, choices, scores: scoresOf, oursAtTheirL0: ours, oursMinusPeer: against };
}

const rows = [];
for (const kind of values.kind.split(',') as Kind[]) {
  const row = await measure(kind);
  rows.push(row);
  if (!values.save) continue;
  const old = loadResult<{ rows: { kind: Kind }[] }>('quality')?.rows.filter((r) => r.kind !== kind) ?? [];
  saveResult('quality', {
    what: 'FVE and cross-entropy recovered at equal tokens and matched L0, paired by seed: ours minus each peer, 95 % interval',
    command: 'npm run bench:quality -- --save',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    stream: stream.source,
    settings: { ...equal, threads: undefined, tokens: equal.steps * equal.batch, peerRates: rates },
    rows: [...old, row].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind)),
  });
}
if (values.json) process.stdout.write(resultText(rows));
