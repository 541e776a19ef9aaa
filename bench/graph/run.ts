/**
 * @file The graph engine side by side with transformers and TransformerLens on PyTorch: all residual sites read, gradients at all.
 *
 *   npm run bench:graph [-- --json] [--rounds 5] [--passes 2] [--modes forward,backward]
 *     [--layers 30] [--save]
 *
 * SmolLM2's shape, 8 × 128 tokens, random weights, every side in a process of its own. Every round runs `passes`
 * passes of each side, one after the other (A B C A B C …); ratios are medians over rounds of ours to the faster peer
 * of that round. Forward reads the embedding and the residual stream after every block, without logits; backward
 * takes the gradient of one number (logit difference at the last position) at all of them. Both modes run in fresh
 * processes, whose peak resident memory is compared. --save writes bench/results/graph.json.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { type Contestant, contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { type Answer, type Command, type Mode, type Settings, smollm2 } from './settings.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    passes: { type: 'string', default: '2' },
    modes: { type: 'string', default: 'forward,backward' },
    // Fewer for a quick trial of the benchmark itself.
    layers: { type: 'string', default: '30' },
  },
});
const rounds = Number(values.rounds);
const passes = Number(values.passes);
const tell = (text: string) => console.error(text);
const median = (numbers: number[]) => quantile(numbers, 0.5);
const round = (value: number, digits = 3) => Number(value.toPrecision(digits));
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');
const python = peersPython({ requirements, venv: '.venv-peers-graph', variable: 'UNTANGLE_PEERS_PYTHON' });
const settings: Settings = { ...smollm2, shape: { ...smollm2.shape, layers: Number(values.layers) } };
const tokens = settings.batch * settings.length;
/** Operations of the products of states with weights, per pass. */
const { shape } = settings;
const productFlops =
  2 *
  tokens *
  shape.layers *
  shape.width *
  (2 * shape.heads * shape.headWidth + 2 * shape.kvHeads * shape.headWidth + 3 * shape.mlpWidth);

type Side = Contestant<Command, Answer>;

interface Round {
  readonly tokensPerSecond: Record<string, number>;
  readonly cpuSecondsPerPass: Record<string, number>;
  readonly ratio: number;
  /** Forward: rate of the bare products, and their share of the engine's time. */
  readonly productGflops?: number;
  readonly shareOfProduct?: number;
}

const passesOf = (mode: Mode, count: number): Command =>
  mode === 'forward' ? { forward: count } : { backward: count };

/** The faster way for our threads to wait on this machine, with the seconds a pass took each way. */
async function waiting(mode: Mode) {
  const seconds: Record<string, number> = {};
  for (const spin of [false, true]) {
    const side = oursFrom<Command, Answer>(beside('ours.ts'));
    await side.ask({ setup: { ...settings, spin } });
    await side.ask(passesOf(mode, 1));
    seconds[spin ? 'spinning' : 'sleeping'] = round((await side.ask(passesOf(mode, 3))).seconds! / 3);
    side.end();
  }
  return { spin: seconds.spinning! < seconds.sleeping!, seconds };
}

async function compare(mode: Mode) {
  const tried = await waiting(mode);
  tell(`${mode}: threads wait ${tried.spin ? 'spinning' : 'sleeping'} ${JSON.stringify(tried.seconds)}`);
  const own = { ...settings, spin: tried.spin };
  const us: Side = oursFrom(beside('ours.ts'));
  const peers: Side[] = ['transformers', 'transformer_lens'].map((name) =>
    contestant(name, python, [beside('peer.py'), name]),
  );
  const sides = [us, ...peers];
  const ask = (side: Side, count: number) => side.ask(passesOf(mode, count));
  const about = new Map<string, Answer>();
  for (const side of sides) {
    await side.ask({ setup: own });
    // The first passes compile, allocate and touch the weights.
    about.set(side.name, await ask(side, 2));
  }
  // A side of its own, so that its memory is not counted as the engine's.
  const bare = mode === 'forward' ? oursFrom<Command, Answer>(beside('ours.ts')) : undefined;
  await bare?.ask({ setup: own });
  await bare?.ask({ product: 2 });

  const results: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    const speed: Record<string, number> = {};
    const cpu: Record<string, number> = {};
    let product: number | undefined;
    for (const side of sides) {
      const got = await ask(side, passes);
      about.set(side.name, { ...about.get(side.name), ...got });
      speed[side.name] = (passes * tokens) / got.seconds!;
      cpu[side.name] = round(got.cpuSeconds! / passes);
      if (side === us && bare) product = (await bare.ask({ product: passes })).seconds! / passes;
    }
    const faster = Math.max(...peers.map((side) => speed[side.name]!));
    results.push({
      tokensPerSecond: Object.fromEntries(Object.entries(speed).map(([name, v]) => [name, Math.round(v)])),
      cpuSecondsPerPass: cpu,
      ratio: round(speed[us.name]! / faster),
      ...(product === undefined
        ? {}
        : {
            productGflops: Math.round(productFlops / product / 1e9),
            shareOfProduct: round(product / (tokens / speed[us.name]!)),
          }),
    });
    tell(`${mode}, round ${i + 1}: ${JSON.stringify(results.at(-1))}`);
  }
  for (const side of [...sides, ...(bare ? [bare] : [])]) side.end();
  const speedOf = (name: string) => Math.round(median(results.map((r) => r.tokensPerSecond[name]!)));
  const memoryOf = (name: string) => Math.round(about.get(name)!.peakBytes! / 2 ** 20);
  const faster = peers.map((side) => side.name).sort((a, b) => speedOf(b) - speedOf(a))[0]!;
  const made = about.get(us.name)!;
  return {
    mode,
    waitingSecondsPerPass: tried.seconds,
    sites: Object.fromEntries(sides.map((side) => [side.name, about.get(side.name)!.sites!])),
    tokensPerSecond: Object.fromEntries(sides.map((side) => [side.name, speedOf(side.name)])),
    cpuSecondsPerPass: Object.fromEntries(
      sides.map((side) => [side.name, median(results.map((r) => r.cpuSecondsPerPass[side.name]!))]),
    ),
    peer: faster,
    ratio: median(results.map((r) => r.ratio)),
    peakMiB: Object.fromEntries(sides.map((side) => [side.name, memoryOf(side.name)])),
    memoryRatio: round(memoryOf(us.name) / memoryOf(faster)),
    ...(mode === 'forward'
      ? {
          productGflops: median(results.map((r) => r.productGflops!)),
          shareOfProduct: median(results.map((r) => r.shareOfProduct!)),
        }
      : {}),
    graph: {
      nodes: made.nodes!,
      buildSeconds: round(made.buildSeconds!),
      openSeconds: round(made.openSeconds!),
    },
    rounds: results,
  };
}

const rows = [];
for (const mode of values.modes.split(',') as Mode[]) rows.push(await compare(mode));
const report = {
  what: 'SmolLM2 shape, all residual sites read (forward) or differentiated (backward), interleaved with PyTorch; ratio: median over rounds, ours to the faster peer',
  command: `npm run bench:graph -- --rounds ${rounds} --passes ${passes}`,
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  versions: peerVersions(python, requirements),
  settings: { ...settings, rounds, passes },
  rows,
};
if (values.save) saveResult('graph', report);
if (values.json) process.stdout.write(resultText(report));
else {
  for (const row of rows) {
    const { mode, tokensPerSecond, peer, ratio, peakMiB, memoryRatio, graph } = row;
    process.stdout.write(
      `${mode}: ${tokensPerSecond.untangle} tokens/s, ${peer} ${tokensPerSecond[peer]}; ratio ${ratio}; peak ` +
        `${peakMiB.untangle} MiB against ${peakMiB[peer]} (${memoryRatio}); ${graph.nodes} nodes built in ` +
        `${graph.buildSeconds} s, opened in ${graph.openSeconds} s` +
        `${row.shareOfProduct === undefined ? '' : `; ${row.shareOfProduct} of the bare product's rate`}\n`,
    );
  }
}
