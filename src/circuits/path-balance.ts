/** @file How well path work balances: inflow and outflow at every node, and the same leak at every complete cut. */
import type { EdgeTotal, NodePlace } from './edge-types.ts';
import { METRIC } from './metric.ts';

/** How well the flow balances: rounding, if all is right. */
export interface PathBalance {
  /** Largest |Σ_u e_{u→v} − e_v| / Σ_u |e_{u→v}| of a downstream node that was wanted. */
  readonly inflow: number;
  /** Largest |Σ_v e_{u→v} − e_u| / Σ_v |e_{u→v}|; only where all nodes were wanted. */
  readonly outflow?: number;
  /** Largest |inflow − e| or |outflow − e| of any node over the largest Σ|e_{u→v}| that goes into or out of one. */
  readonly imbalance: number;
  /** (max − min over complete cuts of Σe − Δm) / largest Σ|e| of a cut. */
  readonly leakSpread: number;
  /** |Σe − Δm| / |Δm| over examples, worst complete cut: what the quadrature loses, the same at every cut. */
  readonly leak: number;
}

/** Nodes' work example by example: node → ∫ p q̇ ds. */
export type Works = readonly Map<number, number>[];

/** Σ over nodes of each example. */
export const totals = (works: Works): Float64Array =>
  Float64Array.from(works, (work) => [...work.values()].reduce((sum, e) => sum + e, 0));

/** Imbalances from numbers that were not rounded to float32. */
export function flowBalance(
  places: readonly NodePlace[],
  works: ReadonlyMap<string, Works>,
  edges: readonly EdgeTotal[],
  examples: number,
  all: boolean,
): Pick<PathBalance, 'inflow' | 'outflow' | 'imbalance'> {
  interface Side {
    sum: number;
    size: number;
  }
  const into = new Map<string, Side>();
  const from = new Map<string, Side>();
  const add = (sides: Map<string, Side>, key: string, weight: number) => {
    const side = sides.get(key) ?? { sum: 0, size: 0 };
    sides.set(key, { sum: side.sum + weight, size: side.size + Math.abs(weight) });
  };
  for (const { from: u, to: v, source, target, weight } of edges) {
    add(from, `${u}/${source}`, weight);
    if (v !== METRIC) add(into, `${v}/${target}`, weight);
  }
  const energies = new Map<string, number>();
  for (const { site } of places) {
    for (const work of works.get(site)!) {
      for (const [node, e] of work) {
        const key = `${site}/${node}`;
        energies.set(key, (energies.get(key) ?? 0) - e / examples);
      }
    }
  }
  const compared = (sides: Map<string, Side>) =>
    [...sides].map(([key, { sum, size }]) => ({ size, off: Math.abs(sum - (energies.get(key) ?? 0)) }));
  const largest = (values: readonly number[]) => values.reduce((most, v) => Math.max(most, v), 0);
  const worst = (sides: ReturnType<typeof compared>) =>
    largest(sides.map(({ size, off }) => (size > 0 ? off / size : 0)));
  const [ins, outs] = [compared(into), all ? compared(from) : []];
  const every = [...ins, ...outs];
  const scale = largest(every.map(({ size }) => size));
  return {
    inflow: worst(ins),
    ...(all ? { outflow: worst(outs) } : {}),
    imbalance: scale > 0 ? largest(every.map(({ off }) => off)) / scale : 0,
  };
}

/** What the quadrature loses at each complete cut, and how far that differs between cuts. */
export function leaks(
  complete: readonly Works[],
  change_B: Float64Array,
): Pick<PathBalance, 'leakSpread' | 'leak'> {
  let leakSpread = 0;
  const missed = complete.map(() => 0);
  let whole = 0;
  change_B.forEach((change, b) => {
    const sums = complete.map((works) => totals(works)[b]!);
    const scale = Math.max(
      ...complete.map((works) => [...works[b]!.values()].reduce((sum, e) => sum + Math.abs(e), 0)),
    );
    if (scale > 0) leakSpread = Math.max(leakSpread, (Math.max(...sums) - Math.min(...sums)) / scale);
    for (const [l, sum] of sums.entries()) missed[l]! += Math.abs(sum - change);
    whole += Math.abs(change);
  });
  return { leakSpread, leak: Math.max(...missed) / whole };
}
