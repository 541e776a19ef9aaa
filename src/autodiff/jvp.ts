/** @file Forward differentiation as a rewrite: a graph with its tangents beside it (Jacobian–vector products). */
import { requireValues } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { activity } from './active.ts';
import { lower } from './lower.ts';
import type { JvpContext } from './rule.ts';
import { ruleOf } from './rules/table.ts';
import { zerosLike } from './shaping.ts';
import { frozenIn, requireFloating } from './vjp.ts';

export interface JvpOptions {
  /** Values whose tangents are wanted. */
  readonly of: readonly string[];
  /** Values that move: each gets an input `tangent:${name}` of its shape. */
  readonly wrt: readonly string[];
  /** Values held constant. */
  readonly stop?: readonly string[];
}

/**
 * The graph with inputs `tangent:${wrt}` and outputs `tangent:${of}`: Σ ∂of/∂wrt · tangent, zeros where
 * nothing depends. The tangent of a value in `wrt` that lies behind another one adds to what reaches it, so
 * that ⟨λ, jvp(v)⟩ = ⟨vjp(λ), v⟩ over all of `wrt`.
 * @throws GraphError `graph.unknown-site`, `graph.not-differentiable` for integers, `graph.no-rule`.
 */
export function jvp(graph: Graph, { of, wrt, stop: stops = [] }: JvpOptions): Graph {
  requireValues(graph, [...of, ...wrt, ...stops]);
  const stop = [...stops, ...frozenIn(graph)];
  const { e, active } = lower(graph, (current, known) => {
    const typeOf = (name: string) => known.type(name).dtype;
    const found = activity(current, typeOf, of, wrt, stop);
    requireFloating([...of, ...wrt], typeOf);
    return found;
  });

  const tangents = new Map<string, string>();
  for (const name of new Set(wrt)) {
    const { dtype, shape } = e.type(name);
    tangents.set(name, e.input({ name: `tangent:${name}`, dtype, shape }));
  }
  const stopped = new Set(stop);
  for (const node of active.nodes) {
    const rule = ruleOf(node);
    if (rule?.kind !== 'rule') continue;
    const context: JvpContext = {
      e,
      node,
      wants: (k) => tangents.has(node.inputs[k] ?? ''),
      tangent(k = 0) {
        const name = node.inputs[k]!;
        return tangents.get(name) ?? zerosLike(e, name);
      },
    };
    if (!node.inputs.some((_, k) => context.wants(k))) continue;
    rule.jvp(context).forEach((tangent, k) => {
      const name = node.outputs[k];
      if (tangent === undefined || !name || !active.values.has(name) || stopped.has(name)) return;
      const own = tangents.get(name);
      tangents.set(name, own === undefined ? tangent : e.add(own, tangent));
    });
  }

  const outputs = [...new Set(of)].map((name) => {
    const tangent = tangents.get(name) ?? zerosLike(e, name);
    const output = `tangent:${name}`;
    return tangent === output ? output : e.op('Identity', [tangent], {}, output);
  });
  return e.finish([...new Set([...graph.outputs, ...outputs])]);
}
