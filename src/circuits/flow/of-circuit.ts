/** @file A found circuit as a flow from its tokens to the answer, and how few of its parts carry half of it. */
import type { CircuitEdge, CircuitFlow, CircuitNode } from '../types.ts';
import { carriedShare, smallestCircuit } from './carrying.ts';
import type { Flow } from './network.ts';

type Drawn = { readonly nodes: readonly CircuitNode[]; readonly edges: readonly CircuitEdge[] };

/** Energies −IE and the edges between them; energy comes in at the tokens and ends at the answer. */
export function circuitFlow({ nodes, edges }: Drawn): Flow {
  const known = new Set(nodes.map((node) => node.id));
  const ids = (kind: CircuitNode['kind']) =>
    nodes.filter((node) => node.kind === kind).map((node) => node.id);
  return {
    nodes: nodes.map(({ id, effect }) => ({ id, work: -effect })),
    edges: edges.filter((edge) => known.has(edge.source) && known.has(edge.target)),
    ends: { sources: ids('token'), sinks: ids('output') },
  };
}

/** How much of the whole change flows through the parts of a circuit, and the fewest found that carry half of that. */
export function carriedBy(drawn: Drawn): CircuitFlow {
  const flow = circuitFlow(drawn);
  const parts = new Set(
    drawn.nodes.filter((n) => n.kind === 'feature' || n.kind === 'error').map((n) => n.id),
  );
  const share = carriedShare(flow, new Set(flow.nodes.map((node) => node.id)));
  if (!(share > 0)) return { share, half: 0 };
  return { share, half: smallestCircuit(flow, share / 2, (id) => parts.has(id)).nodes.length };
}
