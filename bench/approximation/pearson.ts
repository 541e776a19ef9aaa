/** @file Approximate against exact effects of single features: Pearson's correlation by method, with its interval. */

import type { PlaceEffects } from '../../src/circuits/effects.ts';
import { exactEffects } from '../../src/circuits/exact.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import { nodeEffects } from '../../src/circuits/node-effects.ts';
import { pathWork } from '../../src/circuits/path-work.ts';
import { random } from '../../src/core/random.ts';
import { bootstrap, pearson } from '../../src/core/statistics.ts';
import type { Example } from '../../src/data/tasks.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import type { Study } from './study.ts';

const METHODS = [
  'attribution-patching',
  'relp',
  'left-10',
  'midpoint-10',
  'midpoint-5',
  'midpoint-3',
  'gauss-5',
  'adaptive-0.01',
];
/** Along the embeddings' line all features move together: another quantity, beside the others. */
const PATH = 'midpoint-10';
/** Features of each prompt pair that are run, drawn among those that differ between its two sides. */
const DRAWN = 6;

const short = (value: number) => Number(value.toPrecision(4));

/** Path work of all nodes at once. */
export async function pathEffects(
  { network, run }: Study,
  dictionaries: readonly Dictionary[],
  examples: readonly Example[],
): Promise<readonly PlaceEffects[]> {
  const pairs = pairsOf('agreement', examples);
  return (await pathWork(network, dictionaries, pairs, { rule: PATH, wanted: 'none' }, run)).effects;
}

/** Correlation over (feature, position, prompt pair) with real interventions; intervals by bootstrap over prompt pairs. */
export async function pearsonRow(
  { network, run }: Study,
  dictionary: Dictionary,
  examples: readonly Example[],
  path: readonly PlaceEffects[],
) {
  const pairs = pairsOf('agreement', examples);
  const chance = random(0).fork(dictionary.site);
  const atp = await nodeEffects(network, [dictionary], pairs, { method: 'attribution-patching' }, run);
  const [place] = atp.places;
  const [first] = atp.effects as [PlaceEffects];
  const isFeature = (node: number) => node % (dictionary.features + 1) < dictionary.features;
  const drawn = first.nodes_B.map(
    ({ nodes }) => new Set(chance.shuffle([...nodes].filter(isFeature)).slice(0, DRAWN)),
  );
  const exact = await exactEffects(
    network,
    dictionary,
    place!,
    pairs,
    { clean_B: atp.clean.metric_B, change_B: first.change_B },
    run,
    { wanted: (node, b) => drawn[b]!.has(node) },
  );
  const units = pairsBy(exact, drawn);
  const against = (effects: PlaceEffects) => {
    const other = pairsBy(effects, drawn);
    const both = units.map((unit, b) =>
      unit.map(([node, x]) => [x, new Map(other[b]).get(node) ?? 0] as const),
    );
    const statistic = (sample: readonly (readonly (readonly [number, number])[])[]) => {
      const flat = sample.flat();
      return pearson(
        flat.map(([x]) => x),
        flat.map(([, y]) => y),
      );
    };
    const { value, low, high } = bootstrap(both, statistic, random(1), 1000);
    return { value: short(value), low: short(low), high: short(high) };
  };
  const correlation: Record<string, { value: number; low: number; high: number }> = {};
  for (const method of METHODS) {
    const { effects } =
      method === 'attribution-patching'
        ? atp
        : await nodeEffects(network, [dictionary], pairs, { method }, run);
    correlation[method] = against(effects[0]!);
  }
  correlation[`path work, ${PATH}`] = against(path.find((e) => e.site === dictionary.site)!);
  return {
    site: dictionary.site,
    promptPairs: pairs.examples,
    effects: units.reduce((sum, unit) => sum + unit.length, 0),
    pearson: correlation,
  };
}

/** [node, effect] of the drawn nodes, prompt pair by prompt pair. */
const pairsBy = ({ nodes_B }: PlaceEffects, drawn: readonly ReadonlySet<number>[]): [number, number][][] =>
  nodes_B.map(({ nodes, values }, b) => {
    const found = new Map(Array.from(nodes, (node, j) => [node, values[j]!] as const));
    return [...drawn[b]!].map((node) => [node, found.get(node) ?? 0]);
  });
