/** @file The metric of a task as a graph: logit(answer) − logit(wrong) at the last position, one number per example. */
import { extend, only, replaceAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { valueNames } from '../graph/uses.ts';
import type { Network } from './cuts.ts';

/** Name of the metric's value, [batch]. */
export const METRIC = 'metric';

/**
 * The network with `metric` as its only output, which hand-made ones have already; language models get two more inputs, `answer` and `wrong` (token ids, int64 [batch]).
 * What follows the last cut (final norm, unembedding) runs at the last position only: at the others its logits
 * would be thrown away.
 */
export function metricGraph(network: Network, graph: Graph = network.graph): Graph {
  if (new Set(valueNames(graph)).has(METRIC)) return only(graph, [METRIC]);
  const last = network.cuts.at(-1)!;
  const short = replaceAt(graph, last, (b, x) => b.op('Gather', [x, b.ints(-1)], { axis: { int: 1 } }));
  const whole = extend(short, (b) => {
    const answer = b.input('answer', 'int64', ['batch']);
    const wrong = b.input('wrong', 'int64', ['batch']);
    const table = unembedding(short);
    if (table) {
      // The two rows that are asked for, in place of all logits and their gradients.
      const row = (ids: string) => b.op('Gather', [table.rows_VD, ids], { axis: { int: 0 } });
      const between = b.op('Sub', [row(answer), row(wrong)]);
      const products = b.op('Mul', [table.state_BD, between]);
      return [b.op('ReduceSum', [products, b.ints(1)], { keepdims: { int: 0 } }, METRIC)];
    }
    const logits = b.op('Squeeze', ['logits', b.ints(1)]);
    const at = (ids: string) =>
      b.op('GatherElements', [logits, b.op('Unsqueeze', [ids, b.ints(1)])], { axis: { int: 1 } });
    const difference = b.op('Sub', [at(answer), at(wrong)]);
    return [b.op('Squeeze', [difference, b.ints(1)], {}, METRIC)];
  });
  return only(whole, [METRIC]);
}

/** The state [rows, D] and the table [V, D] whose bare product the logits are; absent where anything comes after it. */
function unembedding({ nodes }: Graph): { readonly state_BD: string; readonly rows_VD: string } | undefined {
  const maker = (name: string | undefined) => nodes.find((node) => node.outputs[0] === name);
  const reshaped = maker('logits');
  const product = reshaped?.op === 'Reshape' ? maker(reshaped.inputs[0]) : undefined;
  if (product?.op !== 'Gemm' || product.inputs.length !== 2) return undefined;
  const { transA, transB, alpha } = product.attributes;
  const plain = transA === undefined && alpha === undefined;
  if (!plain || !transB || !('int' in transB) || Number(transB.int) !== 1) return undefined;
  const [state_BD, rows_VD] = product.inputs as [string, string];
  return { state_BD, rows_VD };
}
