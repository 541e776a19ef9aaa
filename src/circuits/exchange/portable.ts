/** @file A circuit as other programs exchange it: nodes and edges with a prompt, whoever found it. */
import type { CircuitEdge, CircuitNode, CircuitResult } from '../types.ts';

/** Where the numbers of a node come from does not matter here; `effect` has the sign of CircuitNode. */
export interface PortableNode {
  readonly id: string;
  readonly kind: CircuitNode['kind'];
  /** Depth, from the embedding (0) to the output. */
  readonly cut: number;
  readonly position: number;
  readonly site?: string;
  readonly feature?: number;
  readonly effect: number;
  /** Activation in the clean run. */
  readonly activation?: number;
  readonly activationPatch?: number;
  readonly attributionPatching?: number;
  /** What people call it. */
  readonly label?: string;
  /** Token id (token and output nodes), and the output's probability, where they are known. */
  readonly vocabulary?: number;
  readonly probability?: number;
}

export interface PortableGraph {
  readonly name: string;
  readonly model: string;
  readonly prompt: string;
  readonly tokens: readonly string[];
  /** What stands at each position, e.g. `subject`; the tokens again where nobody said. */
  readonly positions: readonly string[];
  /** Sites of the dictionaries, by depth. */
  readonly sites: readonly string[];
  readonly nodes: readonly PortableNode[];
  readonly edges: readonly CircuitEdge[];
}

export interface PortableAbout {
  readonly model: string;
  /** Token ids of the example prompt. */
  readonly tokenIds?: readonly number[];
  /** Names of features, by node id. */
  readonly labels?: ReadonlyMap<string, string>;
}

/** The parts of a circuit that travel. */
export type CircuitToSend = Pick<CircuitResult, 'task' | 'sites' | 'positions' | 'nodes' | 'edges'>;

/** A found circuit, ready to be written in any format. */
export function portableOf(circuit: CircuitToSend, about: PortableAbout): PortableGraph {
  const tokens = circuit.positions.exampleTokens;
  return {
    name: circuit.task,
    model: about.model,
    prompt: tokens.join(''),
    tokens,
    positions: circuit.positions.labels,
    sites: circuit.sites,
    nodes: circuit.nodes.map((node) => portableNode(node, about)),
    edges: circuit.edges.map(({ source, target, weight }) => ({ source, target, weight })),
  };
}

function portableNode(node: CircuitNode, { tokenIds, labels }: PortableAbout): PortableNode {
  const { activationClean, id, kind, cut, position, site, feature, effect } = node;
  const label = labels?.get(id);
  const token = kind === 'token' ? tokenIds?.[position] : undefined;
  return {
    id,
    kind,
    cut,
    position,
    effect,
    attributionPatching: node.attributionPatching,
    ...(site === undefined ? {} : { site }),
    ...(feature === undefined ? {} : { feature }),
    ...(activationClean === undefined ? {} : { activation: activationClean }),
    ...(node.activationPatch === undefined ? {} : { activationPatch: node.activationPatch }),
    ...(label === undefined ? {} : { label }),
    ...(token === undefined ? {} : { vocabulary: token }),
  };
}

/** The circuit for drawing (src/pictures/circuit-layout.ts). */
export const drawable = ({ nodes, edges, positions, tokens }: PortableGraph) => ({
  nodes,
  edges,
  positions: { labels: positions, exampleTokens: tokens },
});
