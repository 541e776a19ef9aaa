/**
 * @file How well every method finds planted circuits: AUROC over all nodes and all edges of networks whose circuit is known,
 * compiled by hand and trained. `npm run bench:planted` prints a table and writes bench/results/planted.json; `--selection`
 * takes threshold against flow at equal size alone and keeps the rest of the file.
 */
import { readFileSync } from 'node:fs';
import { findPlanted, openPlanted, plantedMethods, scorePlanted } from '../src/circuits/planted/methods.ts';
import { plantedNetworks } from '../src/circuits/planted/networks.ts';
import type { Planted } from '../src/circuits/planted/planted.ts';
import { byFlow, byThreshold, recovered } from '../src/circuits/planted/selection.ts';
import { trainedNetworks } from '../src/circuits/planted/trained.ts';
import { random } from '../src/core/random.ts';
import type { Graph } from '../src/graph/types.ts';
import { openSession } from '../src/runtime/session.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

const threads = 1;
const draws = 3;
const examples = 32;
/** The induction head has 29 wires at each of 6 positions: its edges are many. */
const examplesOf = ({ name }: Planted) => (name === 'induction' ? 12 : examples);
/** Standard deviations of the noise on every weight of hand-made networks: a little, and twice as much. */
const noises = [0.03, 0.06];
const run = { threads, tokensPerRun: 2048, open: (graph: Graph) => openSession(graph, { threads }) };

interface Row {
  readonly network: string;
  readonly meaning: string;
  readonly noise: number;
  readonly method: string;
  /** Means over draws of the noise and of the prompts, lowest in brackets. */
  readonly node: { readonly mean: number; readonly lowest: number };
  readonly edge: { readonly mean: number; readonly lowest: number };
  /** Of one draw, nodes and edges. */
  readonly seconds: number;
}

/** Nodes found by threshold and by flow at the planted circuit's own size: shares of the planted ones, means over draws. */
interface Selection {
  readonly network: string;
  readonly noise: number;
  readonly size: number;
  /** By |effect| of midpoint-10, by |path work|, and by the best path of path work through a node. */
  readonly midpoint: number;
  readonly work: number;
  readonly flow: number;
}

const selection: Selection[] = [];
for (const planted of plantedNetworks()) {
  for (const noise of [0.06, 0.12]) {
    const noisy = { ...planted, wiring: { ...planted.wiring, noise } };
    const sums = { midpoint: 0, work: 0, flow: 0 };
    let size = 0;
    for (let draw = 0; draw < draws; draw++) {
      const setting = openPlanted(noisy, examplesOf(planted), random(draw), run);
      const [line, path] = [
        await findPlanted(setting, 'midpoint-10'),
        await findPlanted(setting, 'path-work'),
      ];
      size = setting.truth.nodes.size;
      sums.midpoint += recovered(setting, byThreshold(setting, line)) / draws;
      sums.work += recovered(setting, byThreshold(setting, path)) / draws;
      sums.flow += recovered(setting, byFlow(path)) / draws;
    }
    const [midpoint, work, flow] = [round(sums.midpoint), round(sums.work), round(sums.flow)];
    selection.push({ network: planted.name, noise, size, midpoint, work, flow });
    process.stdout.write(`${planted.name} ${noise}: midpoint ${midpoint}, work ${work}, flow ${flow}\n`);
  }
}
if (process.argv.includes('--selection')) {
  const kept = JSON.parse(readFileSync('bench/results/planted.json', 'utf8')) as object;
  saveResult('planted', { ...kept, selection });
  process.exit(0);
}

const rows: Row[] = [];
const trained = await trainedNetworks({ threads, progress: () => {} });
const settings = [
  ...noises.flatMap((noise) =>
    plantedNetworks().map((p): Planted => ({ ...p, wiring: { ...p.wiring, noise } })),
  ),
  ...trained,
];
for (const planted of settings) {
  for (const method of plantedMethods) {
    const begun = performance.now();
    const scores = [];
    for (let draw = 0; draw < draws; draw++) {
      const setting = openPlanted(planted, examplesOf(planted), random(draw), run);
      scores.push(scorePlanted(setting, await findPlanted(setting, method)));
    }
    const of = (values: readonly number[]) => ({
      mean: round(values.reduce((a, b) => a + b, 0) / values.length),
      lowest: round(Math.min(...values)),
    });
    const row: Row = {
      ...{ network: planted.name, meaning: planted.meaning, noise: planted.wiring.noise, method },
      node: of(scores.map((s) => s.nodeAuroc)),
      edge: of(scores.map((s) => s.edgeAuroc)),
      seconds: round((performance.now() - begun) / 1000 / draws),
    };
    rows.push(row);
    process.stdout.write(
      `${row.network.padEnd(16)} ${String(row.noise).padEnd(5)} ${method.padEnd(22)} node ${row.node.mean.toFixed(3)} edge ${row.edge.mean.toFixed(3)}\n`,
    );
  }
}

const summary = plantedMethods.map((method) => {
  const own = rows.filter((row) => row.method === method);
  const mean = (of: (row: Row) => number) => round(own.reduce((sum, row) => sum + of(row), 0) / own.length);
  return {
    method,
    node: mean((row) => row.node.mean),
    edge: mean((row) => row.edge.mean),
    lowestEdge: Math.min(...own.map((row) => row.edge.mean)),
    seconds: round(own.reduce((sum, row) => sum + row.seconds, 0)),
  };
});
for (const { method, node, edge, lowestEdge } of summary) {
  process.stdout.write(
    `${method.padEnd(22)} node ${node.toFixed(3)} edge ${edge.toFixed(3)} (lowest ${lowestEdge.toFixed(3)})\n`,
  );
}
saveResult('planted', {
  what: 'AUROC of every method over nodes and edges of planted circuits',
  command: 'npm run bench:planted',
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  ...{ threads, draws, examples },
  bar: 'edge AUROC at least 0.95 for the best method',
  ...{ summary, rows, selection },
});

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
