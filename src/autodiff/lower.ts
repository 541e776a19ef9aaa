/** @file Taking composite operators apart before differentiation, so that they need no rules of their own. */
import { GraphError } from '../core/errors.ts';
import type { Graph, Node } from '../graph/types.ts';
import { upgrade } from '../graph/upgrade.ts';
import { readsOf } from '../graph/uses.ts';
import type { Activity } from './active.ts';
import { type Emitter, emitter } from './emit.ts';
import { ruleOf } from './rules/table.ts';

/** A graph ready to be differentiated: its emitter, and what takes part. */
export interface Lowered {
  readonly e: Emitter;
  readonly active: Activity;
}

/**
 * Replaces the nodes that take part and are composite, or not in the form that their rule knows, until none is
 * left. A graph of an older operator set is upgraded first. `activityOf` says what takes part in a graph whose types
 * the emitter knows.
 */
export function lower(graph: Graph, activityOf: (graph: Graph, e: Emitter) => Activity): Lowered {
  for (let current = upgrade(graph); ; ) {
    const e = emitter(current);
    const active = activityOf(current, e);
    const next = lowerOnce(current, active.nodes, e);
    if (next === current) {
      e.share();
      return { e, active };
    }
    current = next;
  }
}

/** The outputs that replace the node's, or undefined when it stays. */
function replacement(e: Emitter, node: Node): readonly (string | undefined)[] | undefined {
  const rule = ruleOf(node);
  if (rule?.kind === 'lower') return rule.lower(e, node);
  return rule?.kind === 'rule' ? rule.normal?.(e, node) : undefined;
}

/** The graph with those of `nodes` taken apart that can be; the same graph when none can. `e` goes on from it. */
export function lowerOnce(graph: Graph, nodes: readonly Node[], e: Emitter): Graph {
  const groups = new Map<Node, readonly Node[]>();
  let emitted = graph.nodes.length;
  for (const node of nodes) {
    const results = replacement(e, node);
    if (!results) continue;
    const made = e.finish(graph.outputs).nodes;
    const names = node.outputs.flatMap((name, i): Node[] => {
      if (name === '') return [];
      const result = results[i];
      if (result === undefined) {
        if (isRead(graph, name)) throw noResult(node, name);
        return [];
      }
      return [{ op: 'Identity', domain: '', inputs: [result], outputs: [name], attributes: {} }];
    });
    groups.set(node, [...made.slice(emitted), ...names]);
    emitted = made.length;
  }
  if (groups.size === 0) return graph;
  // The emitter put the new nodes at the end; move each group to where its node stood.
  return {
    ...e.finish(graph.outputs),
    nodes: graph.nodes.flatMap((node) => groups.get(node) ?? [node]),
  };
}

const isRead = (graph: Graph, name: string): boolean =>
  graph.outputs.includes(name) || graph.nodes.some((node) => readsOf(node).includes(name));

const noResult = (node: Node, name: string) =>
  new GraphError('graph.no-rule', `${node.op} cannot be taken apart: nothing makes its result "${name}"`, {
    where: name,
    hint: 'docs/operators.md lists the operators that can be differentiated',
  });
