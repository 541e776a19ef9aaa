/** @file Building graphs: a thin layer that names values and keeps nodes in order. */
import { GraphError } from '../core/errors.ts';
import { type DType, i64, type Tensor } from '../core/tensor.ts';
import type { Attribute, Dim, Graph, GraphInput, Node, Weight } from './types.ts';

/** ai.onnx operator set of the graphs we build. */
export const OPSET = 18;

export interface GraphBuilder {
  input(name: string, dtype: DType, shape: readonly Dim[]): string;
  /** Registers a weight or constant under `name` and returns the name. */
  weight(name: string, weight: Weight): string;
  /** A small constant; equal int64 constants share one name. */
  constant(value: Tensor, hint?: string): string;
  /** int64 constant vector, as Reshape, Slice, Unsqueeze and the like want it. */
  ints(...values: number[]): string;
  /** Adds a node with one output and returns the output's name (`name` if given, a fresh one otherwise). */
  op(op: string, inputs: readonly string[], attributes?: Record<string, Attribute>, name?: string): string;
  /** Adds a node with several outputs and returns their names. */
  ops(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[] | number,
    attributes?: Record<string, Attribute>,
    domain?: string,
  ): string[];
  /** Gives `value` a second name by an Identity node: how sites get their names. */
  site(name: string, value: string): string;
  /** A name that nothing has yet, from a hint. */
  fresh(hint: string): string;
  /** Keeps a name for a node that will be added by other means. */
  reserve(name: string): void;
  finish(outputs: readonly string[]): Graph;
}

/**
 * A builder, empty or going on from `base` (whose parts are shared, never changed).
 * @throws GraphError `graph.name-taken` when a value is defined twice.
 */
export function graphBuilder(base?: Graph): GraphBuilder {
  const inputs: GraphInput[] = base ? [...base.inputs] : [];
  const nodes: Node[] = base ? [...base.nodes] : [];
  const weights = new Map<string, Weight>(base?.weights);
  const taken = new Set<string>([
    ...inputs.map((i) => i.name),
    ...weights.keys(),
    ...nodes.flatMap((n) => n.outputs),
  ]);
  const counters = new Map<string, number>();

  const define = (name: string): string => {
    if (taken.has(name)) {
      throw new GraphError('graph.name-taken', `the graph already has a value named "${name}"`, {
        where: name,
      });
    }
    taken.add(name);
    return name;
  };
  const fresh = (hint: string): string => {
    let count = counters.get(hint) ?? 0;
    while (taken.has(`${hint}_${count}`)) count++;
    counters.set(hint, count + 1);
    return `${hint}_${count}`;
  };

  const builder: GraphBuilder = {
    fresh,
    reserve(name) {
      define(name);
    },
    input(name, dtype, shape) {
      inputs.push({ name: define(name), dtype, shape });
      return name;
    },
    weight(name, weight) {
      weights.set(define(name), weight);
      return name;
    },
    constant: (value, hint = 'constant') => builder.weight(fresh(hint), value),
    ints(...values) {
      const name = `ints:${values.join(',')}`;
      return taken.has(name) ? name : builder.weight(name, i64([values.length], values));
    },
    op(op, ins, attributes = {}, name) {
      const output = define(name ?? fresh(op));
      nodes.push({ op, domain: '', inputs: ins, outputs: [output], attributes });
      return output;
    },
    ops(op, ins, outputs, attributes = {}, domain = '') {
      const names =
        typeof outputs === 'number' ? Array.from({ length: outputs }, () => fresh(op)) : [...outputs];
      for (const name of names) if (name !== '') define(name);
      nodes.push({ op, domain, inputs: ins, outputs: names, attributes });
      return names;
    },
    site: (name, value) => builder.op('Identity', [value], {}, name),
    finish: (outputs) => ({
      ...{ inputs, outputs, nodes, weights, opset: base?.opset ?? OPSET },
      ...(base?.frozen ? { frozen: base.frozen } : {}),
      ...(base?.declared ? { declared: base.declared } : {}),
      ...(base?.notes ? { notes: base.notes } : {}),
    }),
  };
  return builder;
}
