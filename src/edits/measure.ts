/** @file What an edit moves: the metric of prompts, and the distance to the original predictions on plain text. */

import type { Network } from '../circuits/cuts.ts';
import { answerFeeds, chunks, type Pairs, range } from '../circuits/examples.ts';
import { METRIC, metricGraph } from '../circuits/metric.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { throwIfAborted } from '../core/errors.ts';
import { i64, type Tensor, tensor } from '../core/tensor.ts';
import { extend, feedAt, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { SiteEdit } from './choose.ts';
import { editFeeds } from './edit-graph.ts';

/** Runs prompts through the edited network from the first edited cut on. */
export interface PromptRun {
  /** Metric of every example, from its states [B, T, D] at the first edited cut. */
  metric(pairs: Pairs, start_BTD: Float32Array, edits: readonly SiteEdit[]): Promise<Float64Array>;
  release(): Promise<void>;
}

export async function openPromptRun(
  network: Network,
  editable: Graph,
  start: string,
  options: RunOptions,
): Promise<PromptRun> {
  const session = await options.open(feedAt(metricGraph(network, editable), [start]));
  return {
    async metric(pairs, start_BTD, edits) {
      const { examples, positions } = pairs;
      const size = positions * network.width;
      const metric_B = new Float64Array(examples);
      for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
        throwIfAborted(options.signal);
        const x = tensor(
          'float32',
          [to - from, positions, network.width],
          start_BTD.slice(from * size, to * size),
        );
        const feeds = { [start]: x, ...answerFeeds(pairs, range(from, to)), ...editFeeds(edits) };
        const out = await session.run(feeds);
        metric_B.set(out[METRIC]!.data as Float32Array, from);
      }
      return metric_B;
    },
    release: () => session.release(),
  };
}

/** Of one edit on plain text: per window, means over its positions after the first. */
export interface TextFigures {
  /** KL(original ‖ edited) in nats. */
  readonly kl_W: number[];
  /** Cross-entropy of the next token in nats. */
  readonly loss_W: number[];
}

const REFERENCE = 'reference-logits';

/**
 * KL and loss of every edit on every window. Windows come one run at a time: the original logits of a run are computed
 * once and compared with those of all edits, so memory holds two runs' logits whatever the number of windows.
 * @param windows token ids, all of one length
 * @param advance called once per edit and run
 */
export async function textFigures(
  network: Network,
  editable: Graph,
  start: string,
  windows: readonly Int32Array[],
  edits: readonly (readonly SiteEdit[])[],
  options: RunOptions,
): Promise<TextFigures[]> {
  const figures = edits.map((): TextFigures => ({ kl_W: [], loss_W: [] }));
  const length = windows[0]?.length ?? 0;
  const original = await options.open(only(network.graph, [start, 'logits']));
  const compared = await options.open(comparison(feedAt(editable, [start])));
  try {
    for (const { from, to } of chunks(windows.length, options.tokensPerRun / length)) {
      const ids = windows.slice(from, to).flatMap((w) => Array.from(w));
      const tokens = i64([to - from, length], ids);
      const reference = await original.run({ tokens });
      for (const [e, edit] of edits.entries()) {
        throwIfAborted(options.signal);
        const out = await compared.run({
          [start]: reference[start]!,
          [REFERENCE]: reference.logits!,
          next: i64([to - from, length, 1], [...ids.slice(1), 0]),
          ...editFeeds(edit),
        });
        for (let w = 0; w < to - from; w++) {
          // Position 0 passes every dictionary by; the last one has no next token in the window.
          figures[e]!.kl_W.push(rowMean(out.kl!, w, length, 1, length));
          figures[e]!.loss_W.push(rowMean(out.loss!, w, length, 1, length - 1));
        }
        options.advance?.(1);
      }
    }
  } finally {
    await original.release();
    await compared.release();
  }
  return figures;
}

/** Adds `kl` and `loss`, [batch, position] each, and makes them the outputs. */
function comparison(graph: Graph): Graph {
  const whole = extend(graph, (b) => {
    const logits = b.input(REFERENCE, 'float32', ['batch', 'position', 'vocabulary']);
    const next = b.input('next', 'int64', ['batch', 'position', 1]);
    const before = b.op('LogSoftmax', [logits], { axis: { int: -1 } });
    const after = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const weighted = b.op('Mul', [b.op('Exp', [before]), b.op('Sub', [before, after])]);
    const kl = b.op('ReduceSum', [weighted, b.ints(-1)], { keepdims: { int: 0 } }, 'kl');
    const found = b.op('GatherElements', [after, next], { axis: { int: -1 } });
    const loss = b.op('Neg', [b.op('Squeeze', [found, b.ints(-1)])], {}, 'loss');
    return [kl, loss];
  });
  return only(whole, ['kl', 'loss']);
}

function rowMean(values: Tensor, row: number, length: number, from: number, to: number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += Number(values.data[row * length + t]);
  return sum / (to - from);
}
