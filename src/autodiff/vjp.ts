/** @file Reverse differentiation as a rewrite: a graph with its gradients beside it (vector–Jacobian products). */
import { GraphError } from '../core/errors.ts';
import { requireValues } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { valueNames } from '../graph/uses.ts';
import { activity, isFloating } from './active.ts';
import type { Emitter } from './emit.ts';
import { lower } from './lower.ts';
import { linearised, relevanceRuleOf } from './relevance.ts';
import type { VjpContext } from './rule.ts';
import { ruleOf } from './rules/table.ts';
import { broadcastTo, zerosLike } from './shaping.ts';

export interface VjpOptions {
  /** The value that is differentiated. */
  readonly of: string;
  /** Values whose gradients are wanted: inputs, weights or anything in between. */
  readonly wrt: readonly string[];
  /**
   * What weighs the elements of `of`: 'ones', 'input' (an input `cotangent:${of}` of its shape), or the name of
   * a value of its shape. By default 'ones' for a scalar or one number per example, else 'input'.
   */
  readonly cotangent?: string;
  /** Values held constant: no gradient flows through them (stop-gradient), beside those that the graph has frozen. */
  readonly stop?: readonly string[];
  /** Backward rules: of the gradient (the default), or of linear relevance (relevance.ts). */
  readonly rules?: 'gradient' | 'relp';
}

/** Values that the graph itself holds constant. */
export function frozenIn(graph: Graph): string[] {
  const known = new Set(valueNames(graph));
  return (graph.frozen ?? []).filter((name) => known.has(name));
}

/**
 * The graph with outputs `grad:${name}` for each of `wrt`, each of the shape of its value:
 * Σ cotangent ∘ ∂of/∂name, zeros where `of` does not depend on it. A value in `wrt` that lies behind another
 * one counts through it as well (total derivatives).
 * Reverse accumulation after Griewank & Walther 2008, §3.2.
 * @throws GraphError `graph.unknown-site`, `graph.not-differentiable` for integers, `graph.no-rule`.
 */
export function vjp(
  given: Graph,
  { of, wrt, cotangent, stop: stops = [], rules = 'gradient' }: VjpOptions,
): Graph {
  const weights = cotangent === undefined || cotangent === 'ones' || cotangent === 'input' ? [] : [cotangent];
  requireValues(given, [of, ...wrt, ...stops, ...weights]);
  const graph = rules === 'relp' ? linearised(given) : given;
  const ruleFor = rules === 'relp' ? relevanceRuleOf : ruleOf;
  const stop = [...stops, ...frozenIn(graph)];
  const { e, active } = lower(graph, (current, known) => {
    const typeOf = (name: string) => known.type(name).dtype;
    const found = activity(current, typeOf, [of], wrt, stop, ruleFor);
    requireFloating([of, ...wrt], typeOf);
    return found;
  });

  const gradients = new Map<string, string>([[of, seed(e, of, cotangent)]]);
  const add = (name: string, gradient: string) => {
    const sum = gradients.get(name);
    gradients.set(name, sum === undefined ? gradient : e.add(sum, gradient));
  };
  const stopped = new Set(stop);
  const makers = new Map(active.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  for (let i = active.nodes.length - 1; i >= 0; i--) {
    const node = active.nodes[i]!;
    const reached = (name: string | undefined) =>
      name !== undefined && name !== '' && gradients.has(name) && !stopped.has(name);
    if (!node.outputs.some(reached)) continue;
    const context: VjpContext = {
      e,
      node,
      wants: (k) => active.values.has(node.inputs[k] ?? ''),
      takesPart: (name) => active.values.has(name),
      maker: (name) => makers.get(name),
      hasGrad: (k) => reached(node.outputs[k]),
      grad(k = 0) {
        const name = node.outputs[k]!;
        return reached(name) ? broadcastTo(e, gradients.get(name)!, name) : zerosLike(e, name);
      },
      smallGrad(k = 0) {
        const name = node.outputs[k]!;
        return reached(name) ? gradients.get(name)! : e.number(0, name);
      },
    };
    const rule = ruleFor(node);
    if (rule?.kind !== 'rule') continue;
    rule.vjp(context).forEach((gradient, k) => {
      if (gradient !== undefined && context.wants(k)) add(node.inputs[k]!, gradient);
    });
  }

  const outputs = [...new Set(wrt)].map((name) => {
    const gradient = gradients.get(name);
    const full = gradient === undefined ? zerosLike(e, name) : broadcastTo(e, gradient, name);
    return e.op('Identity', [full], {}, `grad:${name}`);
  });
  return e.finish([...new Set([...graph.outputs, ...outputs])]);
}

/** The gradient of `of` with respect to itself, weighted. */
function seed(e: Emitter, of: string, cotangent: string | undefined): string {
  const { dtype, shape } = e.type(of);
  const choice = cotangent ?? (shape.length <= 1 ? 'ones' : 'input');
  if (choice === 'ones') return e.number(1, of);
  if (choice === 'input') return e.input({ name: `cotangent:${of}`, dtype, shape });
  return choice;
}

/** @throws GraphError `graph.not-differentiable` */
export function requireFloating(names: readonly string[], typeOf: (name: string) => string): void {
  for (const name of names) {
    if (isFloating(typeOf(name) as 'float32')) continue;
    throw new GraphError('graph.not-differentiable', `"${name}" is ${typeOf(name)}: it has no derivative`, {
      where: name,
      hint: 'differentiate with respect to a floating-point value, such as the embeddings of the tokens',
    });
  }
}
