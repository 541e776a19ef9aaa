/** @file Path work on the real network: does the flow balance, and how many points does its line need? */
import { pairsOf } from '../../src/circuits/examples.ts';
import { pathWork } from '../../src/circuits/path-work.ts';
import type { Example } from '../../src/data/tasks.ts';
import type { Study } from './study.ts';

const short = (value: number) => Number(value.toPrecision(4));

/** Balance with all nodes of all dictionaries and all edges between them, and the leak by number of points. */
export async function pathRow({ network, dictionaries, run }: Study, examples: readonly Example[]) {
  const pairs = pairsOf('agreement', examples);
  const two = dictionaries.slice(-2);
  const whole = await pathWork(network, two, pairs, { rule: 'midpoint-2' }, run);
  const leaks: Record<string, number> = {};
  for (const rule of ['midpoint-10', 'midpoint-30', 'midpoint-100']) {
    const { balance } = await pathWork(network, dictionaries, pairs, { rule, wanted: 'none' }, run);
    leaks[rule] = short(balance.leak);
  }
  return {
    sites: two.map((d) => d.site),
    promptPairs: pairs.examples,
    edges: whole.edges.reduce((sum, e) => sum + e.weight.length, 0),
    /** Of the largest flow through a node; then each node by its own. */
    imbalance: short(whole.balance.imbalance),
    inflowImbalance: short(whole.balance.inflow),
    outflowImbalance: short(whole.balance.outflow ?? Number.NaN),
    leakSpread: short(whole.balance.leakSpread),
    leak: leaks,
  };
}
