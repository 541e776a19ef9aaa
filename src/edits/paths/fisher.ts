/** @file Fisher metric of a language model's output over strengths of features at one cut, exact, by tangents (JVP). */
import { jvp } from '../../autodiff/jvp.ts';
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { encodeState } from '../../circuits/encode-state.ts';
import { activeFeatures, type FeatureState } from '../../circuits/feature-state.ts';
import { tokenStates } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EditError, RuntimeError, throwIfAborted } from '../../core/errors.ts';
import { f32, f64, type Tensor } from '../../core/tensor.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { extend, feedAt, only } from '../../graph/interventions.ts';
import { inferShapes } from '../../graph/shapes.ts';
import { type Graph, isCarried } from '../../graph/types.ts';
import type { Session } from '../../runtime/session.ts';

/** A network with a dictionary at one cut, and the text whose predictions are to stay. */
export interface FisherSource {
  readonly network: Network;
  readonly dictionary: Dictionary;
  /** Token ids, all of one length. */
  readonly windows: readonly Int32Array[];
  readonly threads: number;
}

/** Opened once; holds the states of the text and the networks that carry tangents. */
export interface Fisher {
  /** Predicted positions that the metric is the mean over: all but the first of each window. */
  readonly tokens: number;
  /**
   * G at α, row-major [n, n], in nats: G_ij = mean over positions of J_iᵀ(diag p − ppᵀ)J_j, J_i = ∂logits/∂α_i, of
   * x′ = x − Σ_i (1 − α_i) f_i d_i. Generalised Gauss–Newton and Fisher metric at once, since the output is a softmax (Martens
   * 2020, §9.2); KL(α ‖ α + δ) = ½ δᵀGδ + O(δ³). All of the vocabulary is summed: nothing is sampled or left out.
   */
  at(features: readonly number[], alpha_N: Float64Array): Promise<Float64Array>;
  release(): Promise<void>;
}

const P = 'probabilities';
const GRAM = 'gram';
const tangentOf = (name: string) => `tangent:${name}`;

/**
 * Opens the networks above the dictionary's cut. Per window, one run carries the tangents of all features that are active in it
 * beside one state, from the cut to the last one; a second run unembeds them and multiplies each pair.
 * @throws CircuitError `circuit.not-a-place`, `circuit.width`, EditError `edit.metric` (a site that is no complete cut)
 */
export async function openFisher(source: FisherSource, run: RunOptions): Promise<Fisher> {
  const { network, dictionary, windows, threads } = source;
  const site = dictionary.site;
  const width = widthOfCut(network, site);
  const positions = windows[0]?.length ?? 0;
  const shape = { examples: windows.length, positions, width };
  const ids_BT = Int32Array.from(windows.flatMap((window) => Array.from(window)));
  const [states] = await tokenStates(network, [{ ids_BT, positions }], [site], {
    ...run,
    advance: undefined,
  });
  const state = await encodeState(dictionary, states![site]!, shape, threads);
  const last = network.cuts.at(-1)!;
  const opened = await Promise.all([
    site === last ? undefined : run.open(carrying(network.graph, site, last)),
    run.open(predicting(network.graph, last)),
    run.open(multiplying(network.graph, last)),
  ]);
  const [carry, predict, multiply] = opened;
  const numbers = floatsOf(network.graph, last) === 'float64' ? f64 : f32;

  const carried = carrier(carry, site, last);
  return {
    tokens: windows.length * (positions - 1),
    async at(features, alpha_N) {
      const n = features.length;
      const G = new Float64Array(n * n);
      for (let b = 0; b < windows.length; b++) {
        throwIfAborted(run.signal);
        const { x_TD, tangents } = windowAt(dictionary, state, b, features, alpha_N);
        const moving = tangents.flatMap((tangent, i) => (tangent ? [i] : []));
        if (moving.length > 0) {
          const together = new Float64Array(moving.length * x_TD.length);
          moving.forEach((i, k) => {
            together.set(tangents[i]!, k * x_TD.length);
          });
          const moved = await carried(
            numbers([1, positions, width], x_TD),
            numbers([moving.length, positions, width], together),
          );
          const { [P]: p } = await predict.run({ [last]: moved.state });
          const all = {
            [last]: repeated(moved.state, moving.length),
            [tangentOf(last)]: moved.tangent,
            [P]: p!,
          };
          // Where only a product follows the last cut, tangents need no state.
          const { [GRAM]: gram } = await multiply.run(
            Object.fromEntries(multiply.inputs.map((name) => [name, all[name]!])),
          );
          moving.forEach((i, k) => {
            moving.forEach((j, l) => {
              G[i * n + j]! += Number(gram!.data[k * moving.length + l]) / (windows.length * (positions - 1));
            });
          });
        }
        run.advance?.(1);
      }
      return G;
    },
    async release() {
      for (const session of opened) await session?.release();
    },
  };
}

/** @throws EditError `edit.metric` (a site that is no complete cut); CircuitError `circuit.not-a-place` */
function widthOfCut(network: Network, site: string): number {
  const { width, complete } = placeOf(network, site);
  if (complete) return width;
  throw new EditError(
    'edit.metric',
    `"${site}" is no complete cut: what passes beside it is not known there`,
    { where: site, hint: 'take a dictionary of the residual stream' },
  );
}

/** State of a window under the edit, and the tangents f_i d_i of the features that are active in it. */
function windowAt(
  dictionary: Dictionary,
  state: FeatureState,
  b: number,
  features: readonly number[],
  alpha_N: Float64Array,
) {
  const { positions, width } = state;
  const size = positions * width;
  const x_TD = Float64Array.from(state.x_BTD.subarray(b * size, (b + 1) * size));
  const tangents = features.map(() => undefined as Float64Array | undefined);
  for (let t = 0; t < positions; t++) {
    const active = activeFeatures(state, b, t);
    features.forEach((feature, i) => {
      const f = active.get(feature);
      if (f === undefined) return;
      tangents[i] ??= new Float64Array(size);
      const tangent = tangents[i]!;
      for (let d = 0; d < width; d++) {
        const write = f * dictionary.W_dec_FD[feature * width + d]!;
        tangent[t * width + d] = write;
        x_TD[t * width + d]! -= (1 - alpha_N[i]!) * write;
      }
    });
  }
  return { x_TD, tangents };
}

/** State and tangents at the last cut; without a network, what they are. */
function carrier(carry: Session | undefined, site: string, last: string) {
  let oneState = true;
  return async (state: Tensor, tangent: Tensor): Promise<{ state: Tensor; tangent: Tensor }> => {
    if (!carry) return { state, tangent };
    const feeds = (copies: number) => ({
      [site]: repeated(state, copies),
      [tangentOf(site)]: tangent,
    });
    const many = tangent.shape[0]!;
    const out = await carry.run(feeds(oneState ? 1 : many)).catch((error: unknown) => {
      if (!(error instanceof RuntimeError) || error.code !== 'runtime.failed' || !oneState) throw error;
      oneState = false;
      return carry.run(feeds(many));
    });
    return { state: first(out[last]!), tangent: out[tangentOf(last)]! };
  };
}

/** [1, …] as [copies, …]. */
const repeated = (value: Tensor, copies: number): Tensor => {
  const numbers = value.dtype === 'float64' ? f64 : f32;
  const data = value.data as Float64Array;
  const all = new Float64Array(copies * data.length);
  for (let k = 0; k < copies; k++) all.set(data, k * data.length);
  return numbers([copies, ...value.shape.slice(1)], all);
};

/** The first of several copies. */
const first = (value: Tensor): Tensor => {
  const size = value.data.length / value.shape[0]!;
  return { ...value, shape: [1, ...value.shape.slice(1)], data: value.data.slice(0, size) };
};

/**
 * The network from `from` to `to` with tangents, as many as one likes (their first axis). Elementwise operators and products let
 * one state stand beside many tangents, which halves the work; reshapes that flatten the batch do not, and then the state is
 * repeated.
 */
function tangents(graph: Graph, from: string, to: string): Graph {
  const moved = jvp(only(feedAt(graph, [from]), [to]), { of: [to], wrt: [from] });
  return {
    ...moved,
    inputs: moved.inputs.map((input) =>
      input.name === tangentOf(from) && !isCarried(input)
        ? { ...input, shape: ['tangents', ...input.shape.slice(1)] }
        : input,
    ),
  };
}

const carrying = (graph: Graph, site: string, last: string): Graph =>
  only(tangents(graph, site, last), [last, tangentOf(last)]);

/** Element type of a value of a network. */
const floatsOf = (graph: Graph, value: string): 'float32' | 'float64' =>
  inferShapes(graph).get(value)?.dtype === 'float64' ? 'float64' : 'float32';

/** Probabilities of the next token from the last cut. */
const predicting = (graph: Graph, last: string): Graph =>
  only(
    extend(only(feedAt(graph, [last]), ['logits']), (b) => [
      b.op('Softmax', ['logits'], { axis: { int: -1 } }, P),
    ]),
    [P],
  );

/** Σ over positions and tokens of p (J_i − p·J_i)(J_j − p·J_j), [tangents, tangents]. */
function multiplying(graph: Graph, last: string): Graph {
  const J = tangentOf('logits');
  const moved = only(tangents(graph, last, 'logits'), [J]);
  const whole = extend(moved, (b) => {
    const p = b.input(P, floatsOf(graph, last), [1, 'position', 'vocabulary']);
    const mean = b.op('ReduceSum', [b.op('Mul', [J, p]), b.ints(-1)], { keepdims: { int: 1 } });
    const centred = b.op('Mul', [b.op('Sub', [J, mean]), b.op('Sqrt', [p])]);
    const rows = b.op('Reshape', [centred, b.ints(0, -1)]);
    return [b.op('Gemm', [rows, rows], { transB: { int: 1 } }, GRAM)];
  });
  return only(whole, [GRAM]);
}
