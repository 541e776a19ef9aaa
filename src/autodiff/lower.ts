/** @file Taking composite operators apart before differentiation, so that they need no rules of their own. */
import type { Graph, Node } from '../graph/types.ts';
import { emitter } from './emit.ts';
import { ruleOf } from './rules/table.ts';

/** The graph with every node of `nodes` that has a `lower` rule replaced by what the rule makes of it. */
export function lower(graph: Graph, nodes: Iterable<Node>): Graph {
  const wanted = new Set([...nodes].filter((node) => ruleOf(node)?.kind === 'lower'));
  if (wanted.size === 0) return graph;
  const e = emitter(graph);
  const replacements = new Map<Node, { count: number; results: readonly string[] }>();
  let emitted = graph.nodes.length;
  for (const node of wanted) {
    const rule = ruleOf(node);
    if (rule?.kind !== 'lower') continue;
    const results = rule.lower(e, node);
    const total = e.finish(graph.outputs).nodes.length;
    replacements.set(node, { count: total - emitted, results });
    emitted = total;
  }
  // The emitter put the new nodes at the end; move each group to where its node stood.
  const made = e.finish(graph.outputs);
  let from = graph.nodes.length;
  const out: Node[] = [];
  const groups = new Map<Node, readonly Node[]>();
  for (const [node, { count }] of replacements) {
    groups.set(node, made.nodes.slice(from, from + count));
    from += count;
  }
  for (const node of graph.nodes) {
    const replacement = replacements.get(node);
    if (!replacement) {
      out.push(node);
      continue;
    }
    out.push(...groups.get(node)!);
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue;
      const inputs = [replacement.results[i]!];
      out.push({ op: 'Identity', domain: '', inputs, outputs: [name], attributes: {} });
    }
  }
  return { ...made, nodes: out };
}
