/** @file Which values take part in a derivative: those that depend on the variables and that the results depend on. */
import { GraphError } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';
import type { Graph, Node } from '../graph/types.ts';
import { ancestors, readsOf } from '../graph/uses.ts';
import type { Rule } from './rule.ts';
import { operatorOf, ruleOf } from './rules/table.ts';

export const isFloating = (dtype: DType): boolean => dtype.startsWith('float');

export interface Activity {
  readonly values: ReadonlySet<string>;
  /** Nodes with an active result, in order. */
  readonly nodes: readonly Node[];
}

/**
 * Values between `wrt` and `of` that carry derivatives. `stop`: values through which none flows.
 * @throws GraphError `graph.no-rule` for an operator in between that has no rule, with the path to `of`.
 */
export function activity(
  graph: Graph,
  typeOf: (name: string) => DType,
  of: readonly string[],
  wrt: readonly string[],
  stop: readonly string[],
  rules: (node: Node) => Rule | undefined = ruleOf,
): Activity {
  const needed = ancestors(graph, of);
  const stopped = new Set(stop);
  const values = new Set(wrt);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    if (!readsOf(node).some((name) => values.has(name))) continue;
    const rule = rules(node);
    if (!rule) throw noRule(graph, node, of);
    if (rule.kind === 'stop') continue;
    const results = node.outputs.filter(
      (name) => name !== '' && !stopped.has(name) && isFloating(typeOf(name)),
    );
    if (results.length === 0) continue;
    for (const name of results) values.add(name);
    nodes.push(node);
  }
  return { values, nodes };
}

function noRule(graph: Graph, node: Node, of: readonly string[]): GraphError {
  const operator = operatorOf(node);
  const path = pathFrom(graph, node, new Set(of));
  return new GraphError(
    'graph.no-rule',
    `${operator} has no rule of differentiation; it makes "${node.outputs[0]}", on the path ${path.join(' ← ')}`,
    {
      where: node.outputs[0],
      hint: 'docs/operators.md lists the operators that can be differentiated; `stop` keeps gradients out of a value',
    },
  );
}

/** Longest path shown in full. */
const PATH_SHOWN = 8;

/** Values on a shortest way from a result of the derivative back to the node. */
function pathFrom(graph: Graph, node: Node, of: ReadonlySet<string>): string[] {
  const from = new Map<string, string>();
  const queue = node.outputs.filter((name) => name !== '');
  const start = new Set(queue);
  const consumers = new Map<string, Node[]>();
  for (const n of graph.nodes) {
    for (const name of readsOf(n)) consumers.set(name, [...(consumers.get(name) ?? []), n]);
  }
  for (const value of queue) {
    if (of.has(value)) {
      const path = [value];
      for (let at = value; !start.has(at); path.push(at)) at = from.get(at)!;
      if (path.length <= PATH_SHOWN) return path;
      return [...path.slice(0, PATH_SHOWN / 2), '…', ...path.slice(-PATH_SHOWN / 2)];
    }
    for (const next of consumers.get(value) ?? []) {
      for (const name of next.outputs) {
        if (name === '' || start.has(name) || from.has(name)) continue;
        from.set(name, value);
        queue.push(name);
      }
    }
  }
  return [...start];
}
