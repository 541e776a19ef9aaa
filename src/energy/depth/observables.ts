/** @file Observables of one cut: graphs that read a state and its costate and say one number an example. */
import { type Network, placeOf, requireWidth } from '../../circuits/cuts.ts';
import { dtypeAt } from '../../circuits/floats.ts';
import { METRIC, metricGraph } from '../../circuits/metric.ts';
import { EnergyError } from '../../core/errors.ts';
import { f32, f64, i64 } from '../../core/tensor.ts';
import { encodeInGraph } from '../../dictionaries/fragment.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { type GraphBuilder, graphBuilder } from '../../graph/build.ts';
import { extend, feedAt, only } from '../../graph/interventions.ts';
import { merged, prefixed, renamed } from '../../graph/merge.ts';
import { onnxType } from '../../graph/onnx-values.ts';
import { inferShapes } from '../../graph/shapes.ts';
import { type Graph, isCarried } from '../../graph/types.ts';

/** Names of the inputs of an observable, [batch, position, D] each; one that it does not depend on may be absent. */
export const STATE = 'state';
export const COSTATE = 'costate';

/**
 * A graph that reads STATE and COSTATE, and perhaps further inputs that the network reads (tokens), with one output, a number
 * an example [batch].
 */
export type Observable = Graph;

/** The name of an observable's number. @throws EnergyError `energy.not-an-observable` */
export function outputOf(observable: Observable): string {
  const [name, ...more] = observable.outputs;
  const shape = name === undefined ? undefined : inferShapes(observable).get(name)?.shape;
  if (name !== undefined && more.length === 0 && shape?.length === 1) return name;
  throw new EnergyError(
    'energy.not-an-observable',
    `an observable has one output with a number an example; this graph has [${observable.outputs.join(', ')}]${shape ? ` of shape [${shape.join(', ')}]` : ''}`,
    { where: name ?? '', hint: 'end it with a sum over positions and width' },
  );
}

/** What an observable of our own making computes in. */
export interface ObservableShape {
  readonly width: number;
  readonly dtype: 'float32' | 'float64';
}

/** The shape that observables at a cut of a network have. */
export const observableShape = (network: Network, site: string): ObservableShape => ({
  width: placeOf(network, site).width,
  dtype: dtypeAt(network.graph, site) === 'float64' ? 'float64' : 'float32',
});

/** An observable written with a builder. @param build adds nodes and returns the name of a number an example */
export function observable(
  { width, dtype }: ObservableShape,
  build: (b: GraphBuilder, state: string, costate: string) => string,
): Observable {
  const b = graphBuilder();
  const shape = ['batch', 'position', width];
  const value = build(b, b.input(STATE, dtype, shape), b.input(COSTATE, dtype, shape));
  return only(b.finish([value]), [value]);
}

const constants = {
  float32: f32,
  float64: f64,
} as const;

/** What stands at one position, [batch, D]. */
const rowAt = (b: GraphBuilder, value: string, position: number): string =>
  b.op('Gather', [value, b.constant(i64([], [position]), 'position')], { axis: { int: 1 } });

/** x_t·u or λ_t·u: a coordinate of the state or of the costate, or what either has along a direction. */
export const along = (
  shape: ObservableShape,
  side: typeof STATE | typeof COSTATE,
  position: number,
  direction_D: ArrayLike<number>,
): Observable =>
  observable(shape, (b, state, costate) => {
    const row = rowAt(b, side === STATE ? state : costate, position);
    const direction = b.constant(constants[shape.dtype]([shape.width], direction_D), 'direction');
    return b.op('ReduceSum', [b.op('Mul', [row, direction]), b.ints(-1)], { keepdims: { int: 0 } });
  });

/** f_i at a position: the activation of a feature, computed in float32, as dictionaries are. @throws CircuitError `circuit.width` */
export function featureObservable(
  shape: ObservableShape,
  dictionary: Dictionary,
  feature: number,
  position: number,
): Observable {
  requireWidth(dictionary, shape.width);
  return observable(shape, (b, state) => {
    const as = (value: string, dtype: 'float32' | 'float64') =>
      shape.dtype === 'float32' ? value : b.op('Cast', [value], { to: { int: onnxType[dtype] } });
    const features = encodeInGraph(b, as(rowAt(b, state, position), 'float32'), dictionary);
    const one = b.op('Gather', [features, b.constant(i64([], [feature]), 'feature')], { axis: { int: 1 } });
    return as(one, 'float64');
  });
}

/** p_j = λ_t·d_j: the momentum of a feature. @throws CircuitError `circuit.width` */
export function momentumObservable(
  shape: ObservableShape,
  dictionary: Dictionary,
  feature: number,
  position: number,
): Observable {
  requireWidth(dictionary, shape.width);
  const { width, W_dec_FD } = dictionary;
  return along(shape, COSTATE, position, W_dec_FD.subarray(feature * width, (feature + 1) * width));
}

/** a·b, example by example. */
export function product(a: Observable, b: Observable): Observable {
  const [left, right] = [apart(a, 'left/'), apart(b, 'right/')];
  const both = merged([left, right]);
  const added = extend(both, (builder) => [
    builder.op('Mul', [outputOf(left), outputOf(right)], {}, 'product'),
  ]);
  return only(added, ['product']);
}

/** The observable with every value but its inputs under a prefix. */
export const apart = (graph: Graph, prefix: string): Graph =>
  prefixed(graph, prefix, new Set(graph.inputs.map((input) => input.name)));

/** The block after a cut as a map of the state alone: its write g(x) = F(x) − x, [batch, position, D]. */
export function blockWrite(
  network: Network,
  block: number,
): { readonly graph: Graph; readonly write: string } {
  const [before, after] = [network.cuts[block], network.cuts[block + 1]];
  if (before === undefined || after === undefined) {
    throw new EnergyError('energy.no-block', `the network has no block ${block}`, {
      where: String(block),
      hint: `blocks are 0 to ${network.cuts.length - 2}`,
    });
  }
  const segment = renamed(only(feedAt(network.graph, [before]), [after]), new Map([[before, STATE]]));
  const written = extend(segment, (b) => [b.op('Sub', [after, STATE], {}, 'write')]);
  return { graph: only(written, ['write']), write: 'write' };
}

/** h(x, λ) = λᵀg(x): the Hamiltonian whose symplectic Euler step a residual block with its backward pass is. */
export function blockHamiltonian(network: Network, block: number): Observable {
  const { graph, write } = blockWrite(network, block);
  const shape = inferShapes(graph).get(write)!;
  const whole = extend(graph, (b) => {
    const costate = b.input(COSTATE, shape.dtype, ['batch', 'position', network.width]);
    const products = b.op('Mul', [costate, write]);
    return [b.op('ReduceSum', [products, b.ints(1, 2)], { keepdims: { int: 0 } }, 'h')];
  });
  return only(whole, ['h']);
}

/** m(x): the metric as a function of the state at a cut. */
export function metricObservable(network: Network, site: string): Observable {
  const fed = feedAt(metricGraph(network), [site]);
  return only(renamed(fed, new Map([[site, STATE]])), [METRIC]);
}

/** Which of the two inputs an observable reads. */
export const sidesOf = (graph: Observable): ReadonlySet<string> =>
  new Set(
    graph.inputs
      .filter((input) => !isCarried(input) && (input.name === STATE || input.name === COSTATE))
      .map((input) => input.name),
  );
