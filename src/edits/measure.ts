/** @file What an edit moves: the metric of prompts, and the distance to the original predictions on plain text. */

import type { Network } from '../circuits/cuts.ts';
import { answerFeeds, chunks, type Pairs, promptFeeds, range } from '../circuits/examples.ts';
import { METRIC, metricGraph } from '../circuits/metric.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { throwIfAborted } from '../core/errors.ts';
import { i64, type Tensor, tensor } from '../core/tensor.ts';
import { extend, feedAt, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Moved } from './apply.ts';

/** Inputs that an edit adds. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** What an edited run goes on from: states [B, T, D] at the first edited cut, or the prompts of one side. */
export type Source = Float32Array | 'clean' | 'patch';

/** Runs prompts through the edited network, from the first edited cut on where there is one. */
export interface PromptRun {
  /** Metric of every example. */
  metric(pairs: Pairs, source: Source, edit: Feeds): Promise<Float64Array>;
  release(): Promise<void>;
}

/** @param start the cut whose states are given; undefined where runs begin with the prompts */
export async function openPromptRun(
  network: Network,
  editable: Graph,
  start: string | undefined,
  options: RunOptions,
): Promise<PromptRun> {
  const whole = metricGraph(network, editable);
  const session = await options.open(start === undefined ? whole : feedAt(whole, [start]));
  return {
    async metric(pairs, source, edit) {
      const { examples, positions } = pairs;
      const size = positions * network.width;
      const metric_B = new Float64Array(examples);
      const begin = (from: number, to: number): Feeds => {
        if (typeof source === 'string') return promptFeeds(pairs, source, range(from, to));
        const shape = [to - from, positions, network.width];
        return { [start ?? '']: tensor('float32', shape, source.slice(from * size, to * size)) };
      };
      for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
        throwIfAborted(options.signal);
        const out = await session.run({
          ...begin(from, to),
          ...answerFeeds(pairs, range(from, to)),
          ...edit,
        });
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
  /** Mean ‖Δx‖ of each change, in the order of `moved`: [change][window]. */
  readonly deltaX_MW: number[][];
}

export const REFERENCE = 'reference-logits';

/**
 * KL and loss of every edit on every window. Windows come one run at a time: the original logits of a run are computed
 * once and compared with those of all edits, so memory holds two runs' logits whatever the number of windows.
 * @param start the first edited cut; undefined where the edited network runs from the tokens
 * @param windows token ids, all of one length
 * @param edits feeds of each edit
 * @param moved values before and after each change, where ‖Δx‖ is wanted
 * @param advance called once per edit and run
 */
export async function textFigures(
  network: Network,
  editable: Graph,
  start: string | undefined,
  windows: readonly Int32Array[],
  edits: readonly Feeds[],
  options: RunOptions,
  moved: readonly Moved[] = [],
): Promise<TextFigures[]> {
  const figures = edits.map((): TextFigures => ({ kl_W: [], loss_W: [], deltaX_MW: moved.map(() => []) }));
  const length = windows[0]?.length ?? 0;
  const begun = start ?? 'tokens';
  const original = await options.open(
    only(network.graph, start === undefined ? ['logits'] : [start, 'logits']),
  );
  const compared = await options.open(
    comparison(start === undefined ? editable : feedAt(editable, [start]), moved),
  );
  try {
    for (const { from, to } of chunks(windows.length, options.tokensPerRun / length)) {
      const ids = windows.slice(from, to).flatMap((w) => Array.from(w));
      const tokens = i64([to - from, length], ids);
      const reference = await original.run({ tokens });
      for (const [e, edit] of edits.entries()) {
        throwIfAborted(options.signal);
        const out = await compared.run({
          [begun]: start === undefined ? tokens : reference[start]!,
          [REFERENCE]: reference.logits!,
          next: i64([to - from, length, 1], [...ids.slice(1), 0]),
          ...edit,
        });
        for (let w = 0; w < to - from; w++) {
          // Position 0 passes every dictionary by; the last one has no next token in the window.
          figures[e]!.kl_W.push(rowMean(out.kl!, w, length, 1, length));
          figures[e]!.loss_W.push(rowMean(out.loss!, w, length, 1, length - 1));
          moved.forEach((_, m) => {
            figures[e]!.deltaX_MW[m]!.push(rowMean(out[deltaName(m)]!, w, length, 1, length));
          });
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

const deltaName = (m: number) => `delta-x-${m}`;

/** Adds `kl`, `loss` and ‖Δx‖ of each change, [batch, position] each, and makes them the outputs. */
export function comparison(graph: Graph, moved: readonly Moved[] = []): Graph {
  const names = moved.map((_, m) => deltaName(m));
  const whole = extend(graph, (b) => {
    const logits = b.input(REFERENCE, 'float32', ['batch', 'position', 'vocabulary']);
    const next = b.input('next', 'int64', ['batch', 'position', 1]);
    const before = b.op('LogSoftmax', [logits], { axis: { int: -1 } });
    const after = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const weighted = b.op('Mul', [b.op('Exp', [before]), b.op('Sub', [before, after])]);
    const kl = b.op('ReduceSum', [weighted, b.ints(-1)], { keepdims: { int: 0 } }, 'kl');
    const found = b.op('GatherElements', [after, next], { axis: { int: -1 } });
    const loss = b.op('Neg', [b.op('Squeeze', [found, b.ints(-1)])], {}, 'loss');
    moved.forEach((one, m) => {
      const change = b.op('Sub', [one.after, one.before]);
      const axes = one.axes === 4 ? b.ints(-2, -1) : b.ints(-1);
      b.op('ReduceL2', [change, axes], { keepdims: { int: 0 } }, deltaName(m));
    });
    return [kl, loss];
  });
  return only(whole, ['kl', 'loss', ...names]);
}

function rowMean(values: Tensor, row: number, length: number, from: number, to: number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += Number(values.data[row * length + t]);
  return sum / (to - from);
}
