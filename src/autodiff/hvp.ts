/** @file Hessian–vector products: the tangent of a gradient (forward over reverse, Griewank & Walther 2008, §5.1). */
import { only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { jvp } from './jvp.ts';
import { type VjpOptions, vjp } from './vjp.ts';

/**
 * The graph with inputs `tangent:${name}` and outputs `grad:${name}` and `hvp:${name}`, for each of `wrt`, of the shape
 * of their values: hvp = Σ_other ∂²m/∂name∂other · tangent:other, where m is `of` weighed as in vjp.
 * @throws what vjp and jvp throw
 */
export function hvp(graph: Graph, options: VjpOptions): Graph {
  const gradients = options.wrt.map((name) => `grad:${name}`);
  const stop = options.stop ? { stop: options.stop } : {};
  const second = jvp(vjp(graph, options), { of: gradients, wrt: options.wrt, ...stop });
  const named = {
    ...second,
    nodes: [
      ...second.nodes,
      ...options.wrt.map((name) => ({
        ...{ op: 'Identity', domain: '', inputs: [`tangent:grad:${name}`], outputs: [`hvp:${name}`] },
        attributes: {},
      })),
    ],
  };
  return only(named, [...graph.outputs, ...gradients, ...options.wrt.map((name) => `hvp:${name}`)]);
}
