/** @file Energy as a flow through a circuit: nodes with their work, edges with what they carry, and how well it balances. */
import { CircuitError } from '../../core/errors.ts';

/** A node v and its work e_v, in energy direction: positive where it pushes toward the answer (mechanics.md §2). */
export interface FlowNode {
  readonly id: string;
  readonly work: number;
}

/** What u passes to v directly, e_{u→v}. */
export interface FlowEdge {
  readonly source: string;
  readonly target: string;
  readonly weight: number;
}

/**
 * Nodes and the edges that are known between them. A circuit's flow may be a part of a whole one: then `work` is more than
 * the edges bring, and the difference went past the circuit.
 */
export interface Flow {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
  /**
   * Ids of nodes where energy comes in and where it ends. By default those that nothing feeds and those that feed nothing;
   * part of a flow has to say, since there a node may have lost its neighbours.
   */
  readonly ends?: { readonly sources: readonly string[]; readonly sinks: readonly string[] };
}

/** An edge by the indices of its ends. */
export interface Link {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** A flow made ready to walk through. */
export interface FlowIndex {
  readonly nodes: readonly FlowNode[];
  readonly at: ReadonlyMap<string, number>;
  /** Node indices, every node behind all that feed it. */
  readonly order: readonly number[];
  readonly into: readonly (readonly Link[])[];
  readonly from: readonly (readonly Link[])[];
  readonly sources: ReadonlySet<number>;
  readonly sinks: ReadonlySet<number>;
  /** Largest |work| of a node: what "nothing" is measured by. */
  readonly scale: number;
}

/**
 * Indexes a flow. @throws CircuitError `circuit.not-a-flow` when an edge names a node that is not there, a node comes twice,
 * or the edges run in a circle.
 */
export function indexFlow({ nodes, edges, ends }: Flow): FlowIndex {
  const at = new Map(nodes.map((node, i) => [node.id, i]));
  if (at.size < nodes.length) throw notAFlow('a node comes twice', nodes[0]!.id);
  const into: Link[][] = nodes.map(() => []);
  const from: Link[][] = nodes.map(() => []);
  for (const { source, target, weight } of edges) {
    const [u, v] = [at.get(source), at.get(target)];
    if (u === undefined || v === undefined) {
      throw notAFlow(`the edge from "${source}" to "${target}" has an end that is no node`, source);
    }
    const link = { from: u, to: v, weight };
    into[v]!.push(link);
    from[u]!.push(link);
  }
  const waiting = into.map((links) => links.length);
  const order = nodes.map((_, i) => i).filter((i) => waiting[i] === 0);
  for (let next = 0; next < order.length; next++) {
    for (const { to } of from[order[next]!]!) if (--waiting[to]! === 0) order.push(to);
  }
  if (order.length < nodes.length) {
    const inCircle = nodes[waiting.findIndex((count) => count > 0)]!.id;
    throw notAFlow(`the edges run in a circle through "${inCircle}"`, inCircle);
  }
  const scale = nodes.reduce((most, node) => Math.max(most, Math.abs(node.work)), 0);
  const named = (ids: readonly string[] | undefined, links: readonly (readonly Link[])[]) =>
    new Set(ids ? ids.flatMap((id) => at.get(id) ?? []) : order.filter((i) => links[i]!.length === 0));
  return {
    ...{ nodes, at, order, into, from, scale },
    sources: named(ends?.sources, into),
    sinks: named(ends?.sinks, from),
  };
}

const notAFlow = (what: string, where: string): CircuitError =>
  new CircuitError('circuit.not-a-flow', `these nodes and edges are no flow: ${what}`, {
    where,
    hint: 'edges run from tokens to the answer, between nodes that are listed once each',
  });

/** One node's books. */
export interface NodeBalance {
  readonly id: string;
  readonly work: number;
  /** Σ_u e_{u→v}; absent at a source. */
  readonly inflow?: number;
  /** Σ_w e_{v→w}; absent at a sink. */
  readonly outflow?: number;
}

export interface Balance {
  readonly nodes: readonly NodeBalance[];
  /** Largest |inflow − work| or |outflow − work| over the largest |work| of a node. */
  readonly imbalance: number;
  /** What comes in at the sources, and what arrives at the sinks. */
  readonly sources: number;
  readonly sinks: number;
}

/** Inflow, work and outflow of every node (mechanics.md §2, Path work: they are one number there). */
export function balance(flow: Flow): Balance {
  const index = indexFlow(flow);
  const sum = (links: readonly Link[]) => links.reduce((total, link) => total + link.weight, 0);
  let [worst, sources, sinks] = [0, 0, 0];
  const nodes = flow.nodes.map(({ id, work }, i): NodeBalance => {
    const books: { inflow?: number; outflow?: number } = {};
    if (index.sources.has(i)) sources += work;
    else books.inflow = sum(index.into[i]!);
    if (index.sinks.has(i)) sinks += work;
    else books.outflow = sum(index.from[i]!);
    for (const side of [books.inflow, books.outflow]) {
      if (side !== undefined) worst = Math.max(worst, Math.abs(side - work));
    }
    return { id, work, ...books };
  });
  return { nodes, imbalance: index.scale === 0 ? 0 : worst / index.scale, sources, sinks };
}
