/** @file How surprised a model is by each token of a text: −log p, without logits leaving the graph. */
import { throwIfAborted } from '../../core/errors.ts';
import { i64 } from '../../core/tensor.ts';
import type { Window } from '../../data/windows.ts';
import { extend, only } from '../../graph/interventions.ts';
import type { Network } from '../cuts.ts';
import type { RunOptions } from '../run-options.ts';

const NATS = 'surprise';

/** −log p(token t | tokens before it) in nats for each window; the first token of a window has 0. */
export async function surprises(
  network: Network,
  windows: readonly Pick<Window, 'tokens'>[],
  { open, signal, advance }: RunOptions,
): Promise<Float64Array[]> {
  const graph = extend(network.graph, (b) => {
    const next = b.input('next', 'int64', ['batch', 'position']);
    const log = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const at = b.op('GatherElements', [log, b.op('Unsqueeze', [next, b.ints(2)])], { axis: { int: 2 } });
    return [b.op('Neg', [b.op('Squeeze', [at, b.ints(2)])], {}, NATS)];
  });
  const session = await open(only(graph, [NATS]));
  try {
    const all: Float64Array[] = [];
    for (const { tokens } of windows) {
      throwIfAborted(signal);
      const before = tokens.subarray(0, -1);
      const out = await session.run({
        tokens: i64([1, before.length], before),
        next: i64([1, before.length], tokens.subarray(1)),
      });
      all.push(Float64Array.of(0, ...(out[NATS]!.data as Float32Array)));
      advance?.(1);
    }
    return all;
  } finally {
    await session.release();
  }
}
