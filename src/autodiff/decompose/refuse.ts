/** @file The refusal of a way of using a composite operator that is not taken apart. */
import { GraphError } from '../../core/errors.ts';
import type { Node } from '../../graph/types.ts';

/** @returns GraphError `graph.no-rule`; `what` is said of the operator: "with a sink per head". */
export function notTakenApart(node: Node, what: string): GraphError {
  const operator = node.domain === '' ? node.op : `${node.domain}:${node.op}`;
  return new GraphError('graph.no-rule', `${operator} "${node.outputs[0]}" with ${what} has no derivative`, {
    where: node.outputs[0],
    hint: 'docs/operators.md lists what can be differentiated; `stop` keeps gradients out of a value',
  });
}
