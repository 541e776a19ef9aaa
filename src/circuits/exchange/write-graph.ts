/** @file Writing attribution-graph JSON: one document that Neuronpedia's schema and circuit-tracer's reader both take. */
import type { AttributionGraph, AttributionNode } from './graph-schema.ts';
import { pairing } from './graph-schema.ts';
import type { PortableGraph, PortableNode } from './portable.ts';

export interface GraphFileOptions {
  /** Where Neuronpedia finds the features: its own source set, or a folder of feature files. */
  readonly sourceSet?: string;
  readonly featuresUrl?: string;
  readonly description?: string;
  /** Version of this program. */
  readonly version?: string;
}

/** What of our graph the format has no place for; viewers ignore it, our reader gets the same graph back. */
export const OWN = 'untangle';

/**
 * The number that a site has as `layer`: its block where every block has one dictionary at most; else its place
 * among the sites by depth, since attention, MLP and stream of a block would share their ids.
 */
export function layersOf(sites: readonly string[]): ReadonlyMap<string, number> {
  const blocks = sites.map((site) => Number(/^blocks\.(\d+)\./.exec(site)?.[1] ?? Number.NaN));
  const distinct = blocks.every(Number.isInteger) && new Set(blocks).size === sites.length;
  return new Map(sites.map((site, i) => [site, distinct ? blocks[i]! : i]));
}

/**
 * Node ids of circuit-tracer, with the error id that cannot be a feature's: feature `layer_feature_position`, error
 * `layer_-1_position`, token `E_vocabulary_position`, output `(layers + 1)_vocabulary_position`.
 */
export function foreignId(node: PortableNode, layer: number): string {
  switch (node.kind) {
    case 'feature':
      return `${layer}_${node.feature ?? 0}_${node.position}`;
    case 'error':
      return `${layer}_-1_${node.position}`;
    case 'token':
      return `E_${node.vocabulary ?? 0}_${node.position}`;
    case 'output':
      return `${layer}_${node.vocabulary ?? 0}_${node.position}`;
  }
}

/** The document. Read back by `readAttributionGraph`, it is the same graph. */
export function attributionGraph(graph: PortableGraph, options: GraphFileOptions = {}): AttributionGraph {
  const layers = layersOf(graph.sites);
  const last = Math.max(-1, ...layers.values()) + 2;
  const layerOf = (node: PortableNode): number =>
    node.kind === 'output' ? last : (layers.get(node.site ?? '') ?? node.cut);
  const ids = new Map(graph.nodes.map((node) => [node.id, foreignId(node, layerOf(node))]));
  const influences = influence(graph.nodes);
  const { sourceSet, featuresUrl, description, version } = options;
  const details = {
    ...(sourceSet === undefined ? {} : { neuronpedia_source_set: sourceSet }),
    ...(featuresUrl === undefined ? {} : { feature_json_base_url: featuresUrl }),
  };
  return {
    metadata: {
      slug: graph.name,
      scan: graph.model,
      transcoder_list: [...graph.sites],
      prompt_tokens: [...graph.tokens],
      prompt: graph.prompt,
      node_threshold: 1,
      schema_version: 1,
      ...(Object.keys(details).length === 0 ? {} : { feature_details: details }),
      info: {
        ...(description === undefined ? {} : { description }),
        generator: { name: 'untangle', ...(version === undefined ? {} : { version }) },
      },
      [OWN]: { positions: graph.positions },
    },
    qParams: { pinnedIds: [], supernodes: [], linkType: 'both', clickedId: '', sg_pos: '' },
    nodes: graph.nodes.map((node) => writtenNode(node, layerOf(node), ids.get(node.id)!, influences)),
    links: graph.edges.map(({ source, target, weight }) => ({
      source: ids.get(source) ?? source,
      target: ids.get(target) ?? target,
      weight,
    })),
  };
}

const types = {
  feature: 'cross layer transcoder',
  error: 'mlp reconstruction error',
  token: 'embedding',
  output: 'logit',
} as const;

function writtenNode(
  node: PortableNode,
  layer: number,
  id: string,
  influences: ReadonlyMap<string, number>,
): AttributionNode {
  const { kind, position, feature = 0, vocabulary = 0, label, probability = 0, activation } = node;
  const js = {
    feature: `${layer}_${feature}-0`,
    error: `${layer}_-1_${position}-0`,
    token: `E_${vocabulary}-${position}`,
    output: `L_${vocabulary}-${position}`,
  };
  const number = { feature: pairing(layer, feature), error: -1, token: position, output: vocabulary };
  return {
    node_id: id,
    feature: number[kind],
    layer: kind === 'token' ? 'E' : String(layer),
    ctx_idx: position,
    feature_type: types[kind],
    jsNodeId: js[kind],
    clerp: label ?? (kind === 'output' ? 'Output: the task’s metric' : ''),
    token_prob: probability,
    is_target_logit: kind === 'output',
    run_idx: 0,
    reverse_ctx_idx: 0,
    influence: influences.get(node.id) ?? null,
    activation: activation ?? null,
    [OWN]: node,
  };
}

/**
 * Share of Σ|effect| that a node and all larger ones carry together: what the viewers' threshold cuts by. Tokens and the
 * output frame the picture and have none.
 */
function influence(nodes: readonly PortableNode[]): ReadonlyMap<string, number> {
  const inner = nodes
    .filter(({ kind }) => kind === 'feature' || kind === 'error')
    .toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  const total = inner.reduce((sum, node) => sum + Math.abs(node.effect), 0);
  let sum = 0;
  return new Map(
    inner.map((node) => {
      sum += Math.abs(node.effect);
      return [node.id, total > 0 ? sum / total : 1];
    }),
  );
}
