/** @file Reading attribution-graph JSON of Neuronpedia, circuit-tracer or ours, with both forms of error-node ids. */
import { z } from 'zod';
import { CircuitError } from '../../core/errors.ts';
import type { CircuitEdge } from '../types.ts';
import {
  type AttributionGraph,
  type AttributionNode,
  attributionGraphSchema,
  unpairing,
} from './graph-schema.ts';
import type { PortableGraph, PortableNode } from './portable.ts';
import { OWN } from './write-graph.ts';

/** A graph that was read, and what had to be guessed. */
export interface ReadGraph {
  readonly graph: PortableGraph;
  readonly notes: readonly string[];
}

const ownNodeSchema = z.object({
  id: z.string(),
  kind: z.enum(['token', 'feature', 'error', 'output']),
  cut: z.number(),
  position: z.int(),
  site: z.string().optional(),
  feature: z.int().optional(),
  effect: z.number(),
  activation: z.number().optional(),
  activationPatch: z.number().optional(),
  attributionPatching: z.number().optional(),
  label: z.string().optional(),
  vocabulary: z.int().optional(),
  probability: z.number().optional(),
});

/**
 * The graph in `value` (parsed JSON). Error nodes of circuit-tracer before its fix have ids `0_layer_position`, which
 * may be a feature's as well: they become `layer_-1_position`, and a link that could mean either is taken to mean the
 * feature unless the same link came before.
 * @param where the file's name, for errors
 * @throws CircuitError `circuit.graph-form` (wrong form), `circuit.graph-ids` (an id twice, a link to nowhere)
 */
export function readAttributionGraph(value: unknown, where = 'graph'): ReadGraph {
  const parsed = attributionGraphSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CircuitError(
      'circuit.graph-form',
      `${where}: ${issue?.path.join('.') || 'the document'}: ${issue?.message}`,
      {
        where,
        hint: 'an attribution graph is JSON with metadata, qParams, nodes and links, as Neuronpedia and circuit-tracer write it',
      },
    );
  }
  const { metadata, nodes, links } = parsed.data;
  const effects = effectsFromInfluence(nodes);
  const read: { node: PortableNode; written: string }[] = [];
  const taken = new Set<string>();
  for (const [i, one] of nodes.entries()) {
    const node = readNode(one, effects.get(i) ?? 0, where);
    if (taken.has(node.id)) throw ids(where, `two nodes have the id "${one.node_id}"`);
    taken.add(node.id);
    read.push({ node, written: one.node_id });
  }
  const { edges, ambiguous } = readLinks(links, read, where);
  const own = z.looseObject({ positions: z.array(z.string()) }).safeParse(metadata[OWN]);
  const sites = metadata.transcoder_list ?? [];
  return {
    graph: {
      name: metadata.slug,
      model: metadata.scan,
      prompt: metadata.prompt,
      tokens: metadata.prompt_tokens,
      positions: own.success ? own.data.positions : metadata.prompt_tokens,
      sites,
      nodes: read.map(({ node }) => node),
      edges,
    },
    notes:
      ambiguous === 0
        ? []
        : [
            `${ambiguous} links name an id that a feature and an error node share; they were given to the feature`,
          ],
  };
}

const ids = (where: string, what: string) =>
  new CircuitError('circuit.graph-ids', `${where}: ${what}`, {
    where,
    hint: 'ids of nodes are unique, and links name nodes of the same file',
  });

function readNode(node: AttributionNode, effect: number, where: string): PortableNode {
  const own = ownNodeSchema.safeParse(node[OWN]);
  if (own.success) return defined(own.data);
  const common = {
    position: node.ctx_idx,
    effect,
    ...(node.clerp ? { label: node.clerp } : {}),
    ...(typeof node.activation === 'number' ? { activation: node.activation } : {}),
  };
  const layer = Number(node.layer);
  const parts = node.node_id.split('_').map(Number);
  switch (node.feature_type) {
    case 'embedding':
      return { ...common, id: node.node_id, kind: 'token', cut: 0, ...whole('vocabulary', parts[1]) };
    case 'logit':
      return {
        ...common,
        id: node.node_id,
        kind: 'output',
        cut: layer + 1,
        ...whole('vocabulary', node.feature ?? parts[1]),
        ...(typeof node.token_prob === 'number' ? { probability: node.token_prob } : {}),
      };
    case 'mlp reconstruction error':
      return { ...common, id: `${layer}_-1_${node.ctx_idx}`, kind: 'error', cut: layer + 1 };
  }
  // Transcoders, attention features ("lorsa") and whatever comes: a numbered feature of a layer.
  if (!Number.isInteger(layer)) {
    throw new CircuitError(
      'circuit.graph-form',
      `${where}: the layer of "${node.node_id}" is "${node.layer}"`,
      {
        where,
        hint: 'features stand at numbered layers',
      },
    );
  }
  const [pairLayer, pairFeature] = unpairing(node.feature ?? -1);
  const feature = pairLayer === layer ? pairFeature : parts[1];
  return { ...common, id: node.node_id, kind: 'feature', cut: layer + 1, ...whole('feature', feature) };
}

const whole = <K extends string>(key: K, value: number | undefined): { [P in K]?: number } =>
  (Number.isInteger(value) ? { [key]: value } : {}) as { [P in K]?: number };

/** The object without fields that are undefined. */
const defined = <T extends object>(value: T): PortableNode =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as unknown as PortableNode;

function readLinks(
  links: AttributionGraph['links'],
  read: readonly { readonly node: PortableNode; readonly written: string }[],
  where: string,
): { edges: CircuitEdge[]; ambiguous: number } {
  const named = new Map<string, PortableNode[]>();
  for (const { node, written } of read) named.set(written, [...(named.get(written) ?? []), node]);
  const seen = new Set<string>();
  let ambiguous = 0;
  const end = (id: string, role: 'source' | 'target', key: string): string => {
    const nodes = named.get(id);
    if (!nodes) throw ids(where, `a link has the ${role} "${id}", which is no node`);
    const feature = nodes.find((node) => node.kind !== 'error') ?? nodes[0]!;
    const error = nodes.find((node) => node.kind === 'error');
    if (nodes.length === 1 || !error) return feature.id;
    // Nothing flows into an error node.
    if (role === 'target') return feature.id;
    ambiguous++;
    return seen.has(key) ? error.id : feature.id;
  };
  const edges = links.map(({ source, target, weight }) => {
    const key = JSON.stringify([source, target]);
    const edge = { source: end(source, 'source', key), target: end(target, 'target', key), weight };
    seen.add(key);
    return edge;
  });
  return { edges, ambiguous };
}

/**
 * circuit-tracer's `influence` is the share that a node and all more influential ones have together; the steps between
 * neighbours are the nodes' own shares. They have no sign: the effect is taken to push toward the output (negative).
 */
function effectsFromInfluence(nodes: readonly AttributionNode[]): ReadonlyMap<number, number> {
  const ranked = nodes
    .flatMap(({ influence }, i) => (typeof influence === 'number' ? [{ i, influence }] : []))
    .sort((a, b) => a.influence - b.influence);
  let before = 0;
  return new Map(
    ranked.map(({ i, influence }) => {
      const step = influence - before;
      before = influence;
      return [i, -step];
    }),
  );
}
