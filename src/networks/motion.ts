/**
 * @file Networks that learn how a mechanical system moves: a plain one, one that learns H and moves along its
 * symplectic gradient (Greydanus, Dzamba & Yosinski 2019, arXiv:1906.01563), and one whose every step is symplectic.
 */
import { vjp } from '../autodiff/vjp.ts';
import { random } from '../core/random.ts';
import { type GraphBuilder, graphBuilder } from '../graph/build.ts';
import { extend, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Objective } from './learner.ts';
import { type FloatType, floats, perceptron } from './perceptron.ts';
import { symplecticLayers } from './symplectic.ts';

/** Input of every motion network: [batch, 2n], the n positions and then the n momenta. */
export const STATE = 'state';
/** The scalar that a Hamiltonian network learns, [batch]. */
export const ENERGY = 'energy';

/** A network that says how a state changes. */
export interface MotionNetwork {
  readonly kind: 'plain' | 'hamiltonian' | 'symplectic';
  /** Positions (and as many momenta). */
  readonly dimension: number;
  readonly dtype: FloatType;
  /** From `state` [batch, 2n] to `output` [batch, 2n]. */
  readonly graph: Graph;
  /** `rates`: dq/dt and dp/dt; `next`: the state one step later. */
  readonly output: 'rates' | 'next';
  /** Names of its weights. */
  readonly parameters: readonly string[];
}

export interface MotionOptions {
  readonly dimension: number;
  /** Width of the two hidden layers; 200 by default, as published. */
  readonly hidden?: number;
  readonly seed: number;
  readonly dtype?: FloatType;
}

/** The baseline: a perceptron from the state to its rates of change. */
export function plainNetwork({
  dimension,
  hidden = 200,
  seed,
  dtype = 'float32',
}: MotionOptions): MotionNetwork {
  const b = graphBuilder();
  const x = b.input(STATE, dtype, ['batch', 2 * dimension]);
  const shape = { inputs: 2 * dimension, hidden: [hidden, hidden], outputs: 2 * dimension };
  const value = perceptron(b, x, shape, { chance: random(seed).fork('plain'), dtype });
  const graph = b.finish([b.site('rates', value)]);
  return { kind: 'plain', dimension, dtype, graph, output: 'rates', parameters: parametersOf(graph) };
}

/**
 * A perceptron from the state to a scalar H, and the motion dq/dt = ∂H/∂p, dp/dt = −∂H/∂q (arXiv:1906.01563, eq. 1):
 * its gradient is taken in the graph, so that learning differentiates a derivative.
 */
export function hamiltonianNetwork({
  dimension,
  hidden = 200,
  seed,
  dtype = 'float32',
}: MotionOptions): MotionNetwork {
  const b = graphBuilder();
  const x = b.input(STATE, dtype, ['batch', 2 * dimension]);
  const shape = { inputs: 2 * dimension, hidden: [hidden, hidden], outputs: 1 };
  const value = perceptron(b, x, shape, { chance: random(seed).fork('hamiltonian'), dtype });
  const energy = b.op('Squeeze', [value, b.ints(1)], {}, ENERGY);
  const scalar = b.finish([energy]);
  const parameters = parametersOf(scalar);
  const graph = extend(vjp(scalar, { of: ENERGY, wrt: [STATE] }), (g) => [
    g.op('MatMul', [`grad:${STATE}`, symplecticUnit(g, dimension, dtype)], {}, 'rates'),
  ]);
  return {
    ...{ kind: 'hamiltonian', dimension, dtype, output: 'rates', parameters },
    graph: only(graph, ['rates', ENERGY]),
  };
}

/** Layers that are symplectic whatever their weights: the state one step later. */
export function symplecticNetwork({
  dimension,
  hidden = 50,
  seed,
  dtype = 'float32',
  layers = 6,
}: MotionOptions & { readonly layers?: number }): MotionNetwork {
  const b = graphBuilder();
  const x = b.input(STATE, dtype, ['batch', 2 * dimension]);
  const chance = random(seed).fork('symplectic');
  const graph = b.finish([
    b.site('next', symplecticLayers(b, x, { dimension, hidden, layers, chance, dtype })),
  ]);
  return { kind: 'symplectic', dimension, dtype, graph, output: 'next', parameters: parametersOf(graph) };
}

/** The mean squared error of a network's output against `target` [batch, 2n], plus ½·decay·|θ|² of its maps and biases. */
export function motionObjective(
  { graph, output, parameters, dtype, dimension }: MotionNetwork,
  decay = 0,
): Objective {
  const loss = extend(graph, (b) => {
    const total = (value: string, of: 'ReduceMean' | 'ReduceSum') =>
      b.op(of, [b.op('Mul', [value, value])], { keepdims: { int: 0 } });
    const target = b.input('target', dtype, ['batch', 2 * dimension]);
    const error = total(b.op('Sub', [output, target]), 'ReduceMean');
    if (decay === 0) return [b.site('loss', error)];
    const size = parameters.map((name) => total(name, 'ReduceSum')).reduce((x, y) => b.op('Add', [x, y]));
    const half = b.constant(floats(dtype, [], [decay / 2]), 'decay');
    return [b.op('Add', [error, b.op('Mul', [size, half])], {}, 'loss')];
  });
  return { graph: only(loss, ['loss']), loss: 'loss', parameters };
}

/** Ωᵀ, so that the row (∂H/∂q, ∂H/∂p) times it is (∂H/∂p, −∂H/∂q). */
function symplecticUnit(b: GraphBuilder, n: number, dtype: FloatType): string {
  const data = new Float64Array(4 * n * n);
  for (let i = 0; i < n; i++) {
    data[(n + i) * 2 * n + i] = 1;
    data[i * 2 * n + n + i] = -1;
  }
  return b.constant(floats(dtype, [2 * n, 2 * n], data), 'unit');
}

/** Names of the weights that are learned: the constants of a builder have other names. */
const parametersOf = (graph: Graph): string[] =>
  [...graph.weights].filter(([name]) => /^[Wab]_/.test(name)).map(([name]) => name);
