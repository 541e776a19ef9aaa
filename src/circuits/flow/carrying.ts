/** @file The smallest circuit that carries a given share of the flow: what passes through a set of nodes alone. */
import { type Flow, type FlowIndex, indexFlow } from './network.ts';
import { fraction, rankByPaths } from './paths.ts';

/**
 * The share of the sinks' work that arrives along paths whose nodes are all kept, by the proportional rule (paths.ts). 1 when
 * all are kept and the flow is complete; with signed flows it may pass 1, since what is left out may push against.
 */
export function carriedShare(flow: Flow, kept: ReadonlySet<string>): number {
  const index = indexFlow(flow);
  const keeps = Uint8Array.from(index.nodes, ({ id }) => Number(kept.has(id)));
  return shareThrough(index, keeps);
}

function shareThrough(index: FlowIndex, keeps: Uint8Array): number {
  const amount = new Float64Array(index.nodes.length);
  let [arrives, whole] = [0, 0];
  for (const node of index.order) {
    const { work } = index.nodes[node]!;
    if (index.sinks.has(node)) whole += work;
    if (!keeps[node]) continue;
    if (index.sources.has(node)) amount[node] = work;
    else {
      for (const { from, weight } of index.into[node]!) {
        if (keeps[from]) amount[node]! += amount[from]! * fraction(index, from, weight);
      }
    }
    if (index.sinks.has(node)) arrives += amount[node]!;
  }
  return arrives / whole;
}

export interface CarryingCircuit {
  /** Ids of the counted nodes, the most carrying first. */
  readonly nodes: readonly string[];
  /** What they carry, at least what was asked for unless all nodes together carry less. */
  readonly share: number;
}

/**
 * A circuit that carries at least `share` of the flow and none of whose nodes can be left out: nodes are added path by
 * path, the most carrying first, then taken away again one by one as long as enough arrives. (The truly smallest set is
 * NP-hard to find; on graphs small enough to try every set a test compares the two.)
 * @param counted nodes that count; the others (tokens, the answer) are always in
 */
export function smallestCircuit(
  flow: Flow,
  share: number,
  counted: (id: string) => boolean = () => true,
): CarryingCircuit {
  const index = indexFlow(flow);
  const keeps = Uint8Array.from(index.nodes, ({ id }) => Number(!counted(id)));
  const ranked = rankByPaths(flow).flatMap(({ id }) => (counted(id) ? [index.at.get(id)!] : []));
  let carried = shareThrough(index, keeps);
  let added = 0;
  while (carried < share && added < ranked.length) {
    keeps[ranked[added++]!] = 1;
    carried = shareThrough(index, keeps);
  }
  const reached = Math.min(share, carried);
  for (let again = true; again; ) {
    again = false;
    for (let i = added - 1; i >= 0; i--) {
      const node = ranked[i]!;
      if (!keeps[node]) continue;
      keeps[node] = 0;
      if (shareThrough(index, keeps) >= reached) again = true;
      else keeps[node] = 1;
    }
  }
  return {
    nodes: ranked.filter((node) => keeps[node]).map((node) => index.nodes[node]!.id),
    share: shareThrough(index, keeps),
  };
}
