/** @file Reading texts for the sequence clock: activations and first-order potentials of all features, one backward pass a text. */
import { vjp } from '../../autodiff/vjp.ts';
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { chunks, exampleFeeds, type Pairs, range } from '../../circuits/examples.ts';
import { featureState, passesBy } from '../../circuits/feature-state.ts';
import { METRIC, metricGraph } from '../../circuits/metric.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { throwIfAborted } from '../../core/errors.ts';
import { encoder } from '../../dictionaries/encoder.ts';
import { type Dictionary, inPlace } from '../../dictionaries/types.ts';
import { only } from '../../graph/interventions.ts';

/**
 * Texts of equal length (the clean side of pairs; `textPairs` makes them of windows), and how L comes from the network's
 * metric: L = −scale · metric, so that a feature that raises the metric has V < 0. 1 for prompts of a task; the number of
 * predicted tokens where the metric is minus a mean loss, so that L is the loss summed over the text.
 */
export interface Texts {
  readonly pairs: Pairs;
  readonly scale: number;
}

/** One text read in the dictionary: [T, K] slots of features that may be active (value 0: not). */
export interface ReadText {
  readonly text: number;
  readonly positions: number;
  /** 1 where the dictionary reads the position; the first one and attention sinks pass by. */
  readonly read_T: Uint8Array;
  readonly slots: number;
  readonly indices_TK: Int32Array;
  /** q: activations. */
  readonly q_TK: Float32Array;
  /** V ≈ f ∂L/∂f, L the loss of the whole text: what comes before a position does not depend on it. */
  readonly V_TK: Float64Array;
}

/**
 * Hands every text to `visit`, in order, one at a time: nothing of size tokens × features is held.
 * @throws CircuitError `circuit.not-a-place`, `circuit.width`; DictionaryError `dictionary.not-in-place`
 */
export async function readTexts(
  network: Network,
  given: Dictionary,
  { pairs, scale }: Texts,
  options: RunOptions,
  visit: (text: ReadText) => void,
): Promise<void> {
  const dictionary = inPlace(given);
  const { site } = dictionary;
  const { width } = placeOf(network, site);
  const { examples, positions } = pairs;
  const gradient = `grad:${site}`;
  const graph = vjp(metricGraph(network), { of: METRIC, wrt: [site] });
  const session = await options.open(only(graph, [site, gradient]));
  const opened = await encoder(dictionary, options.threads ?? 1);
  try {
    for (const { from, to } of chunks(examples, options.tokensPerRun / positions)) {
      throwIfAborted(options.signal);
      const out = await session.run(exampleFeeds(pairs, 'clean', range(from, to)));
      const x = Float32Array.from(out[site]!.data as Float32Array);
      const shape = { examples: to - from, positions, width };
      const state = featureState(dictionary, x, await opened.encode(x), shape);
      const V = potentials(dictionary, state, out[gradient]!.data as Float32Array, scale);
      const [rowSlots, rowWidth] = [positions * state.k, positions * width];
      for (let b = 0; b < to - from; b++) {
        visit({
          text: from + b,
          positions,
          read_T: Uint8Array.from({ length: positions }, (_, t) => {
            const at = b * rowWidth + t * width;
            return passesBy(dictionary, t, x.subarray(at, at + width)) ? 0 : 1;
          }),
          slots: state.k,
          indices_TK: state.indices_BTK.subarray(b * rowSlots, (b + 1) * rowSlots),
          q_TK: state.values_BTK.subarray(b * rowSlots, (b + 1) * rowSlots),
          V_TK: V.subarray(b * rowSlots, (b + 1) * rowSlots),
        });
      }
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
    await opened.release();
  }
}

/** f ∂L/∂f = −scale · f (∂m/∂x · d_i) of every active entry. */
function potentials(
  { W_dec_FD, width }: Dictionary,
  { k, indices_BTK, values_BTK }: ReturnType<typeof featureState>,
  gradient_BTD: ArrayLike<number>,
  scale: number,
): Float64Array {
  return Float64Array.from(values_BTK, (f, at) => {
    if (f === 0) return 0;
    const row = Math.floor(at / k) * width;
    const feature = indices_BTK[at]! * width;
    let slope = 0;
    for (let d = 0; d < width; d++) slope += gradient_BTD[row + d]! * W_dec_FD[feature + d]!;
    return -scale * f * slope;
  });
}

/** Steps of a text: positions t with t and t + 1 read. */
export function stepsOf({ read_T }: Pick<ReadText, 'read_T'>): number[] {
  return range(0, Math.max(0, read_T.length - 1)).filter((t) => read_T[t]! && read_T[t + 1]!);
}
