/** @file Collateral of edits of pooled rows on plain text: states at the cut are edited, the network above runs on them. */
import type { Network } from '../../circuits/cuts.ts';
import { chunks } from '../../circuits/examples.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { CircuitError, throwIfAborted } from '../../core/errors.ts';
import { random } from '../../core/random.ts';
import { i64, type Tensor, tensor } from '../../core/tensor.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { feedAt, only } from '../../graph/interventions.ts';
import { comparison, REFERENCE } from '../measure.ts';
import { meanWithInterval } from '../scores.ts';
import { editPositions, type ReadStates, readStates } from './positions.ts';
import type { Collateral, PooledEdit } from './problem.ts';

/** Measures edits one after another. */
export interface TextCollateral {
  measure(edit: PooledEdit): Promise<Collateral>;
  release(): Promise<void>;
}

/** One run's windows: where they stand, and what the untouched network says. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly ids: readonly number[];
  readonly states: ReadStates;
  readonly logits: Tensor;
}

/**
 * Runs the windows once as they are and keeps states and logits; an edit then costs one run of the network above the cut.
 * Edits act at the positions that the dictionary reads.
 * @param windows token ids, all of one length
 * @throws CircuitError `circuit.no-text`
 */
export async function openTextCollateral(
  network: Network,
  dictionary: Dictionary,
  windows: readonly Int32Array[],
  threads: number,
  options: RunOptions,
): Promise<TextCollateral> {
  const length = windows[0]?.length ?? 0;
  if (length < 3) {
    throw new CircuitError('circuit.no-text', 'there is no plain text to measure edits on', {
      hint: 'give more text, or longer windows',
    });
  }
  const { site, width: D } = dictionary;
  const original = await options.open(only(network.graph, [site, 'logits']));
  const runs: Run[] = [];
  try {
    for (const { from, to } of chunks(windows.length, options.tokensPerRun / length)) {
      throwIfAborted(options.signal);
      const ids = windows.slice(from, to).flatMap((w) => Array.from(w));
      const out = await original.run({ tokens: i64([to - from, length], ids) });
      const shape = { examples: to - from, positions: length, width: D };
      const x_BTD = Float32Array.from(out[site]!.data as Float32Array);
      const [states] = await readStates(dictionary, [x_BTD], shape, threads);
      runs.push({ from, to, ids, states: states!, logits: out.logits! });
    }
  } finally {
    await original.release();
  }
  const compared = await options.open(comparison(feedAt(network.graph, [site])));
  return {
    async measure(edit) {
      const kl_W: number[] = [];
      const loss_W: number[] = [];
      let [moved, rows] = [0, 0];
      for (const run of runs) {
        throwIfAborted(options.signal);
        const { x_BTD, move } = editPositions(dictionary, run.states, edit);
        moved += run.states.read.length * move;
        rows += run.states.read.length;
        const out = await compared.run({
          [site]: tensor('float32', [run.to - run.from, length, D], x_BTD),
          [REFERENCE]: run.logits,
          next: i64([run.to - run.from, length, 1], [...run.ids.slice(1), 0]),
        });
        for (let w = 0; w < run.to - run.from; w++) {
          kl_W.push(windowMean(out.kl!, w, length, length));
          loss_W.push(windowMean(out.loss!, w, length, length - 1));
        }
      }
      return {
        kl: meanWithInterval(kl_W, random(0).fork('collateral')),
        kl_W,
        perplexity: Math.exp(loss_W.reduce((a, b) => a + b, 0) / loss_W.length),
        deltaX: rows === 0 ? 0 : moved / rows,
      };
    },
    release: () => compared.release(),
  };
}

/** Mean over a window's positions from the second on: the first passes every dictionary by. */
function windowMean(values: Tensor, window: number, length: number, to: number): number {
  let sum = 0;
  for (let t = 1; t < to; t++) sum += Number(values.data[window * length + t]);
  return sum / (to - 1);
}
