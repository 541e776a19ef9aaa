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
    const logits = b.op('Squeeze', ['logits', b.ints(1)]);
    const at = (ids: string) =>
      b.op('GatherElements', [logits, b.op('Unsqueeze', [ids, b.ints(1)])], { axis: { int: 1 } });
    const difference = b.op('Sub', [at(answer), at(wrong)]);
    return [b.op('Squeeze', [difference, b.ints(1)], {}, METRIC)];
  });
  return only(whole, [METRIC]);
}
