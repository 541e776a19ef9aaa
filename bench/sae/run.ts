/**
 * @file TopK training side by side with SAELens and dictionary_learning: tokens per second, FVE, share of the product.
 *
 *   npm run bench:sae [-- --json] [--rounds 5] [--steps 10] [--fve-steps 200] [--save]
 *
 * Every round runs each trainer for `steps` of its own training steps, one after the other (A B C A B C …), on the same
 * rows in the same order. The ratio is the median over rounds of ours to the faster peer of that round. FVE is taken
 * when each has seen the same fve-steps batches. --save writes bench/results/sae.json.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { type Contestant, contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { activationStream } from './activations.ts';
import { type Answer, type Command, type Settings, sizes } from './settings.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '10' },
    'fve-steps': { type: 'string', default: '200' },
  },
});
const rounds = Number(values.rounds);
const steps = Number(values.steps);
const total = Math.max(Number(values['fve-steps']), rounds * steps + 2);
const tell = (text: string) => console.error(text);
const median = (numbers: number[]) => quantile(numbers, 0.5);
const round = (value: number, digits = 3) => Number(value.toPrecision(digits + 1));

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');

await buildKernels();
const python = peersPython({ requirements, venv: '.venv-peers', variable: 'UNTANGLE_PEERS_PYTHON' });
const stream = await activationStream(sizes.width, sizes.threads, () => {});
const settings: Settings = {
  ...sizes,
  rate: 1e-3,
  warmUp: Math.min(10, total - 1),
  steps: total,
  seed: 0,
  ...stream,
};

type Trainee = Contestant<Command, Answer>;
const us: Trainee = oursFrom(beside('ours.ts'));
/** Ours again, with candidates found by a product of bytes and computed again in float32. */
const screened: Trainee = { ...oursFrom<Command, Answer>(beside('ours.ts')), name: 'untangle, screened' };
const peers: Trainee[] = ['saelens', 'dictionary_learning'].map((name) =>
  contestant(name, python, [beside('peer.py'), name]),
);
const trainees = [us, screened, ...peers];
for (const t of trainees) await t.ask({ setup: { ...settings, screened: t === screened } });
// Warm up: compile, allocate optimiser state, choose the product's layout.
for (const t of trainees) await t.ask({ train: 2 });
const choice = await us.ask({ product: 1 });
tell(`encoder product alone: ${choice.layout}`);

interface Round {
  tokensPerSecond: Record<string, number>;
  ratio: number;
  screenedRatio: number;
  encoderShare: number;
  productMs: number;
  phases: Record<string, number>;
}
const results: Round[] = [];
for (let i = 0; i < rounds; i++) {
  const speed: Record<string, number> = {};
  const own = await us.ask({ train: steps });
  speed[us.name] = (steps * settings.batch) / own.seconds!;
  const product = (await us.ask({ product: steps })).seconds! / steps;
  for (const t of [screened, ...peers])
    speed[t.name] = (steps * settings.batch) / (await t.ask({ train: steps })).seconds!;
  const faster = Math.max(...peers.map((t) => speed[t.name]!));
  const share = product / (own.seconds! / steps);
  results.push({
    tokensPerSecond: Object.fromEntries(
      Object.entries(speed).map(([name, value]) => [name, Math.round(value)]),
    ),
    ratio: round(speed[us.name]! / faster),
    screenedRatio: round(speed[screened.name]! / faster),
    encoderShare: round(share),
    productMs: round(1000 * product),
    phases: Object.fromEntries(Object.entries(own.phases!).map(([name, ms]) => [name, round(ms)])),
  });
  tell(`round ${i + 1}: ${JSON.stringify(results.at(-1))}`);
}

const fve: Record<string, number> = {};
for (const t of trainees) {
  await t.ask({ train: total - rounds * steps - 2 });
  fve[t.name] = round((await t.ask({ evaluate: true })).fve!, 4);
  tell(`${t.name}: FVE ${fve[t.name]} after ${total * settings.batch} tokens`);
  t.end();
}

const medianSpeed = (name: string) => Math.round(median(results.map((r) => r.tokensPerSecond[name]!)));
const fastest = peers.map((t) => t.name).sort((a, b) => medianSpeed(b) - medianSpeed(a))[0]!;
const row = {
  architecture: 'topk',
  ...sizes,
  tokensPerSecond: medianSpeed(us.name),
  peer: fastest,
  peerTokensPerSecond: medianSpeed(fastest),
  ratio: median(results.map((r) => r.ratio)),
  fve: fve[us.name],
  peerFve: fve[fastest],
  fveAfterTokens: total * settings.batch,
  encoderShare: median(results.map((r) => r.encoderShare)),
  encoderProduct: choice.layout,
  screened: {
    tokensPerSecond: medianSpeed(screened.name),
    ratio: median(results.map((r) => r.screenedRatio)),
    fve: fve[screened.name],
  },
  peers: Object.fromEntries(
    peers.map((t) => [t.name, { tokensPerSecond: medianSpeed(t.name), fve: fve[t.name] }]),
  ),
  rounds: results,
};
const report = {
  what: 'TopK training, interleaved with SAELens and dictionary_learning; ratio: median over rounds, ours to the faster',
  command: `npm run bench:sae -- --rounds ${rounds} --steps ${steps} --fve-steps ${total}`,
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  versions: peerVersions(python, requirements),
  stream: stream.source,
  settings: { rate: settings.rate, warmUp: settings.warmUp, clip: 1, stepsPerRound: steps, rounds },
  productCandidatesMs: choice.phases,
  rows: [row],
};
if (values.save) saveResult('sae', report);
if (values.json) process.stdout.write(resultText(report));
else {
  const { tokensPerSecond, peerTokensPerSecond, ratio, encoderShare } = row;
  process.stdout.write(
    `TopK ${sizes.width} → ${sizes.features}, k ${sizes.k}, batch ${sizes.batch}: ${tokensPerSecond} tokens/s, ` +
      `${fastest} ${peerTokensPerSecond}; ratio ${ratio}; encoder product ${encoderShare} of the step; screened ratio ${row.screened.ratio}; ` +
      `FVE ${row.fve} against ${row.peerFve}\n`,
  );
}
