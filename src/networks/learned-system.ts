/** @file A learned Hamiltonian as a mechanical system, for every integrator and diagnostic of `mechanics/`. */
import { NetworkError } from '../core/errors.ts';
import { isExternal } from '../graph/types.ts';
import { hamiltonian } from '../mechanics/build.ts';
import type { General } from '../mechanics/types.ts';
import type { MotionNetwork } from './motion.ts';

/**
 * The system whose H is what a Hamiltonian network has learned, in float64: the same perceptron written as a formula, so
 * that its gradients, tangents and brackets are those of `mechanics/`. It need not split into T(p) + V(q): take an
 * integrator for general systems, such as the implicit midpoint rule.
 * @throws NetworkError `network.no-hamiltonian` for another kind of network
 */
export function learnedSystem({ kind, graph, dimension, parameters }: MotionNetwork): General {
  if (kind !== 'hamiltonian') {
    throw new NetworkError('network.no-hamiltonian', `a ${kind} network has learned no Hamiltonian`, {
      hint: 'learn the motion with hamiltonianNetwork',
    });
  }
  const layers = parameters
    .filter((name) => name.startsWith('W_'))
    .map((name) => ({ W: matrixOf(graph, name), b: matrixOf(graph, name.replace('W', 'b')) }));
  return hamiltonian({
    name: 'learned',
    dimension,
    energy(o, q, p) {
      let x = [...Array.from(q), ...Array.from(p)];
      for (const { W, b } of layers) {
        const sums = Array.from({ length: W!.columns }, (_, j) =>
          x.reduce(
            (sum, value, i) => o.add(sum, o.mul(W!.data[i * W!.columns + j]!, value)),
            o.constant(b?.data[j] ?? 0),
          ),
        );
        // Only the last layer has no bias, and no tanh behind it.
        x = b ? sums.map((sum) => o.tanh(sum)) : sums;
      }
      return x[0]!;
    },
  });
}

/** A weight in memory as plain numbers; undefined when the graph has none of this name. */
function matrixOf(graph: MotionNetwork['graph'], name: string) {
  const weight = graph.weights.get(name);
  if (!weight || isExternal(weight) || !('data' in weight)) return undefined;
  return { data: Float64Array.from(weight.data as Float64Array), columns: weight.shape.at(-1)! };
}
