/** @file A language model as a network whose metric is how well it predicts plain text: −mean next-token loss of a window. */
import { type Network, networkOf } from '../../circuits/cuts.ts';
import type { Pairs } from '../../circuits/examples.ts';
import { METRIC } from '../../circuits/metric.ts';
import { i64 } from '../../core/tensor.ts';
import { extend } from '../../graph/interventions.ts';
import type { Model } from '../../models/types.ts';
import { NEXT } from '../../networks/language.ts';

/**
 * The network with U = −L as its metric [batch], L the mean cross-entropy in nats over the positions of a window; reads
 * `tokens` and `next` (int64 [batch, position]). Everything that circuits does with a metric works on text with it.
 */
export function textNetwork(model: Model): Network {
  const graph = extend(model.graph, (b) => {
    const next = b.input(NEXT, 'int64', ['batch', 'position']);
    const log = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const targets = b.op('Unsqueeze', [next, b.ints(-1)]);
    const own = b.op('Squeeze', [b.op('GatherElements', [log, targets], { axis: { int: -1 } }), b.ints(-1)]);
    return [b.op('ReduceMean', [own, b.ints(-1)], { keepdims: { int: 0 } }, METRIC)];
  });
  return { ...networkOf(model), graph };
}

/**
 * Windows of text as examples of `textNetwork`: the first `length` tokens of each, and what follows each of them. Both
 * sides are the same: text has no counterfactual, effects on it are against zero or the mean.
 * @param windows of more than `length` tokens each
 */
export function textPairs(windows: readonly { readonly tokens: Int32Array }[], length: number): Pairs {
  const of = (from: number) =>
    Int32Array.from(windows.flatMap(({ tokens }) => [...tokens.subarray(from, from + length)]));
  const [tokens, next] = [of(0), of(1)];
  const shape = [windows.length, length];
  const inputs = { tokens: i64(shape, tokens), [NEXT]: i64(shape, next) };
  const none = new Int32Array(windows.length);
  return {
    examples: windows.length,
    positions: length,
    ...{ clean_BT: tokens, patch_BT: tokens, answer_B: none, wrong_B: none },
    inputs: { clean: inputs, patch: inputs },
  };
}
