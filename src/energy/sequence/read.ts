/** @file Reading texts for the sequence clock: activations and first-order potentials of all features, one backward pass a text. */
import { vjp } from '../../autodiff/vjp.ts';
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { chunks, exampleFeeds, type Pairs, range } from '../../circuits/examples.ts';
import { type FeatureState, featureState, passesBy } from '../../circuits/feature-state.ts';
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
      const gradient_BTD = out[gradient]!.data as Float32Array;
      for (const text of textsOf(dictionary, state, gradient_BTD, scale)) {
        visit({ ...text, text: from + text.text });
      }
      options.advance?.(to - from);
    }
  } finally {
    await session.release();
    await opened.release();
  }
}

/**
 * What the clock reads of states that are there already: the one place that says which positions count.
 * @param gradient_BTD ∂m/∂x at the state
 */
export function textsOf(
  dictionary: Dictionary,
  state: FeatureState,
  gradient_BTD: ArrayLike<number>,
  scale: number,
): ReadText[] {
  const { examples, positions, width, k, x_BTD } = state;
  const V = potentials(dictionary, state, gradient_BTD, scale);
  const [rowSlots, rowWidth] = [positions * k, positions * width];
  return range(0, examples).map((b) => ({
    text: b,
    positions,
    read_T: Uint8Array.from({ length: positions }, (_, t) => {
      const at = b * rowWidth + t * width;
      return passesBy(dictionary, t, x_BTD.subarray(at, at + width)) ? 0 : 1;
    }),
    slots: k,
    indices_TK: state.indices_BTK.subarray(b * rowSlots, (b + 1) * rowSlots),
    q_TK: state.values_BTK.subarray(b * rowSlots, (b + 1) * rowSlots),
    V_TK: V.subarray(b * rowSlots, (b + 1) * rowSlots),
  }));
}

/** Activation and potential of one feature at every position of a text; 0 where it is off or nothing is read. */
export interface FeatureSeries {
  readonly q_T: Float64Array;
  readonly V_T: Float64Array;
}

/** The series of some features over a text. */
export function seriesOf(
  { positions, slots, indices_TK, q_TK, V_TK }: ReadText,
  features: Iterable<number>,
): Map<number, FeatureSeries> {
  const empty = () => ({ q_T: new Float64Array(positions), V_T: new Float64Array(positions) });
  const series = new Map(Array.from(features, (feature) => [feature, empty()]));
  indices_TK.forEach((feature, at) => {
    const own = q_TK[at] === 0 ? undefined : series.get(feature);
    if (!own) return;
    const t = Math.floor(at / slots);
    own.q_T[t] = q_TK[at]!;
    own.V_T[t] = V_TK[at]!;
  });
  return series;
}

/** f ∂L/∂f = −scale · f (∂m/∂x · d_i) of every active entry. */
function potentials(
  { W_dec_FD, width }: Dictionary,
  { k, indices_BTK, values_BTK }: FeatureState,
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
export function stepsOf({ read_T }: { readonly read_T: ArrayLike<number> }): number[] {
  return range(0, Math.max(0, read_T.length - 1)).filter((t) => read_T[t]! && read_T[t + 1]!);
}
