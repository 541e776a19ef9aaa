/** @file Our engine as a process of the benchmark: the same messages as peer.py. */
import { createInterface } from 'node:readline';
import type { Tensor } from '../../src/core/tensor.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';
import { backwardGraph, forwardGraph, productGraph, residualSites, tokensOf, weightsOf } from './graphs.ts';
import type { Answer, Command, Settings } from './settings.ts';

let s: Settings;
let weights: ReturnType<typeof weightsOf>;
const opened = new Map<string, { session: Session; about: Answer }>();

/** A session by name, opened at first use. */
async function sessionFor(name: string, make: () => Graph) {
  const known = opened.get(name);
  if (known) return known;
  const begun = performance.now();
  const graph = make();
  const opening = performance.now();
  const session = await openSession(graph, { threads: s.threads, prepack: true, spin: s.spin });
  const about = {
    buildSeconds: (opening - begun) / 1000,
    openSeconds: (performance.now() - opening) / 1000,
    nodes: graph.nodes.length,
  };
  const entry = { session, about };
  opened.set(name, entry);
  return entry;
}

async function timed(
  count: number,
  { session, about }: { session: Session; about: Answer },
  feeds: readonly Record<string, Tensor>[],
): Promise<Answer> {
  const sites = residualSites(s);
  let found = 0;
  const before = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < count; i++) {
    for (const feed of feeds) {
      const out = await session.run(feed);
      found = sites.filter((name) => out[name] ?? out[`grad:${name}`]).length;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return {
    ...about,
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (user + system) / 1e6,
    sites: found,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
  };
}

async function answer(command: Command): Promise<Answer> {
  if ('setup' in command) {
    s = command.setup;
    weights = weightsOf(s);
    return {};
  }
  if ('forward' in command) {
    const entry = await sessionFor('forward', () => forwardGraph(s, weights));
    return timed(command.forward, entry, [{ tokens: tokensOf(s, 0, s.batch) }]);
  }
  if ('backward' in command) {
    const entry = await sessionFor('backward', () => backwardGraph(s, weights));
    const parts = Array.from({ length: Math.ceil(s.batch / s.textsPerRun) }, (_, i) => ({
      tokens: tokensOf(s, i * s.textsPerRun, Math.min(s.batch, (i + 1) * s.textsPerRun)),
    }));
    return timed(command.backward, entry, parts);
  }
  const { graph, feeds } = productGraph(s, weights);
  return timed(command.product, await sessionFor('product', () => graph), [feeds]);
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Command))}\n`);
}
// Worker threads and native sessions would keep the process alive.
process.exit(0);
