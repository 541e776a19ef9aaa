/** @file Efficient paths: how the energy gets from the tokens to the answer, by the product of edge fractions. */
import { type Flow, type FlowIndex, indexFlow } from './network.ts';

/**
 * The proportional rule, by which a signed flow is taken apart: whatever comes into u leaves it through u → v in the
 * fraction e_{u→v}/e_u. All paths together then carry the whole flow. (A decomposition of signed flows is not unique;
 * this one needs no choice of an order.) A node whose work is below this share of the largest passes nothing on: its
 * fractions would be rounding.
 */
const NOTHING = 1e-9;

export interface FlowPath {
  /** Ids of nodes from a source to a sink. */
  readonly nodes: readonly string[];
  /** Π e_{u→v}/e_u: how much of the source's work arrives along this path; signed, may exceed 1 where works cancel. */
  readonly efficiency: number;
  /** e_source · efficiency: the work that it carries, in units of the metric. */
  readonly carried: number;
}

export interface PathOptions {
  /** How many paths; 10 by default. */
  readonly count?: number;
  /** What they are ranked by, in absolute value: `efficiency` (default) or `carried`. */
  readonly by?: 'efficiency' | 'carried';
  /** Only paths through this node. */
  readonly through?: string;
}

/** e_{u→v}/e_u, or 0 where u's work is nothing. */
export const fraction = (index: FlowIndex, from: number, weight: number): number => {
  const { work } = index.nodes[from]!;
  return Math.abs(work) <= NOTHING * index.scale ? 0 : weight / work;
};

/** A part of a path as a list, one node and the rest. */
interface Piece {
  readonly value: number;
  readonly node: number;
  readonly rest?: Piece;
}

/** Paths of one flow, found once and asked for many times. */
export interface PathFinder {
  /** The best of all. */
  best(): FlowPath[];
  /** The best through a node. */
  through(id: string): FlowPath[];
}

/**
 * The paths with the largest products, signs kept. Exact: the best products to a node are among products of the best of
 * its neighbours, since |fraction| keeps their order.
 */
export function pathFinder(
  flow: Flow,
  { count = 10, by = 'efficiency' }: Omit<PathOptions, 'through'> = {},
): PathFinder {
  const index = indexFlow(flow);
  const start = (node: number) => (by === 'carried' ? index.nodes[node]!.work : 1);
  const tails = suffixes(index, count);
  const heads = prefixes(index, count, start);
  const paths = (found: readonly { readonly value: number; readonly nodes: readonly number[] }[]) =>
    best(found, count).map(({ value, nodes }): FlowPath => {
      const { work } = index.nodes[nodes[0]!]!;
      const efficiency = by === 'efficiency' ? value : work === 0 ? 0 : value / work;
      return { nodes: nodes.map((i) => index.nodes[i]!.id), efficiency, carried: work * efficiency };
    });
  return {
    best: () =>
      paths(
        [...index.sources].flatMap((source) =>
          tails[source]!.map((piece) => ({ value: start(source) * piece.value, nodes: unroll(piece) })),
        ),
      ),
    through(id) {
      const middle = index.at.get(id);
      if (middle === undefined) return [];
      return paths(
        heads[middle]!.flatMap((head) =>
          tails[middle]!.map((tail) => ({
            value: head.value * tail.value,
            nodes: [...unroll(head).reverse(), ...unroll(tail).slice(1)],
          })),
        ),
      );
    },
  };
}

/** The best paths of a flow, or those through one node. */
export const efficientPaths = (flow: Flow, { through, ...options }: PathOptions = {}): FlowPath[] => {
  const finder = pathFinder(flow, options);
  return through === undefined ? finder.best() : finder.through(through);
};

/** The best ways from each node to a sink. */
function suffixes(index: FlowIndex, count: number): Piece[][] {
  const all: Piece[][] = index.nodes.map(() => []);
  for (const node of index.order.toReversed()) {
    if (index.sinks.has(node)) {
      all[node] = [{ value: 1, node }];
      continue;
    }
    const ways = index.from[node]!.flatMap(({ to, weight }) => {
      const share = fraction(index, node, weight);
      return share === 0 ? [] : all[to]!.map((rest) => ({ value: share * rest.value, node, rest }));
    });
    all[node] = best(ways, count);
  }
  return all;
}

/** The best ways from a source to each node, read backwards. */
function prefixes(index: FlowIndex, count: number, start: (node: number) => number): Piece[][] {
  const all: Piece[][] = index.nodes.map(() => []);
  for (const node of index.order) {
    if (index.sources.has(node)) {
      all[node] = [{ value: start(node), node }];
      continue;
    }
    const ways = index.into[node]!.flatMap(({ from, weight }) => {
      const share = fraction(index, from, weight);
      return share === 0 ? [] : all[from]!.map((rest) => ({ value: share * rest.value, node, rest }));
    });
    all[node] = best(ways, count);
  }
  return all;
}

const best = <T extends { readonly value: number }>(ways: readonly T[], count: number): T[] =>
  ways
    .filter(({ value }) => value !== 0)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, count);

function unroll(piece: Piece): number[] {
  const nodes: number[] = [];
  for (let at: Piece | undefined = piece; at; at = at.rest) nodes.push(at.node);
  return nodes;
}

/**
 * Nodes by the work that the best single path through them carries, largest first: the first n are the union of the best
 * paths, so that a circuit cut off anywhere hangs together from the tokens to the answer.
 */
export function rankByPaths(flow: Flow): { readonly id: string; readonly carried: number }[] {
  const index = indexFlow(flow);
  const heads = prefixes(index, 1, (node) => index.nodes[node]!.work);
  const tails = suffixes(index, 1);
  return index.nodes
    .map(({ id }, i) => ({ id, carried: (heads[i]![0]?.value ?? 0) * (tails[i]![0]?.value ?? 0) }))
    .sort((a, b) => Math.abs(b.carried) - Math.abs(a.carried));
}
