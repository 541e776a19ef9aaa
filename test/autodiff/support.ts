/** @file Measuring derivative rules: gradients against central differences, tangents against gradients, curvature. */

import { jvp } from '../../src/autodiff/jvp.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { UntangleError } from '../../src/core/errors.ts';
import { type Random, random } from '../../src/core/random.ts';
import { type DType, emptyArray, sizeOf, type Tensor, tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder, OPSET } from '../../src/graph/build.ts';
import { only } from '../../src/graph/interventions.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import type { Dim, Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

export type Float = 'float32' | 'float64';

/** A small network under test: `inputs` are differentiated, `fixed` are given as they are. */
export interface Case {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly fixed?: Readonly<Record<string, Tensor>>;
  /** Named sizes instead of numbers, per input. */
  readonly dims?: Readonly<Record<string, readonly Dim[]>>;
  readonly build: (b: GraphBuilder, dtype: Float) => string;
  /** Where inputs are drawn from (default: normal). */
  readonly draw?: (r: Random, input: string) => number;
  readonly seed?: number;
  /** Compares gradients along one random direction instead of element by element: for many random cases. */
  readonly alongOne?: boolean;
  /** Only the first derivative is defined at the point. */
  readonly firstOrder?: boolean;
  /** The type to measure in, where the kernels for float64 compute in float32. */
  readonly dtype?: Float;
  /** Operator set, for operators newer than the one we build with. */
  readonly opset?: number;
  /** What is made of the graph before it is measured (taken apart, so that float64 has kernels). */
  readonly prepare?: (graph: Graph) => Graph;
}

export interface Measured {
  readonly dtype: Float;
  /** Largest |gradient − central difference| over the largest gradient. */
  readonly gradient: number;
  /** |⟨λ, Jv⟩ − ⟨Jᵀλ, v⟩| over ‖Jᵀλ‖‖v‖. */
  readonly adjoint: number;
  /** Same as `gradient` for the gradient's own derivative along a random direction. */
  readonly curvature: number;
  /** Largest difference between the second derivative by vjp of vjp and by jvp of vjp, relative to the largest. */
  readonly symmetry: number;
}

/** float64 where onnxruntime has the kernels, else float32. */
export async function measure(spec: Case): Promise<Measured> {
  if (spec.dtype) return measureIn(spec, spec.dtype);
  try {
    return await measureIn(spec, 'float64');
  } catch (error) {
    if (!(error instanceof UntangleError) || error.code !== 'runtime.session') throw error;
    return measureIn(spec, 'float32');
  }
}

/** The network of a case, its output named `result`. */
export function graphOf(spec: Case, dtype: Float): Graph {
  const b = graphBuilder();
  for (const [name, shape] of Object.entries(spec.inputs)) b.input(name, dtype, spec.dims?.[name] ?? shape);
  for (const [name, t] of Object.entries(spec.fixed ?? {})) b.input(name, t.dtype, t.shape);
  b.site('result', spec.build(b, dtype));
  const built: Graph = { ...b.finish(['result']), opset: spec.opset ?? OPSET };
  return spec.prepare?.(built) ?? built;
}

export async function measureIn(spec: Case, dtype: Float): Promise<Measured> {
  const r = random(spec.seed ?? 1);
  const names = Object.keys(spec.inputs);
  const fixed = spec.fixed ?? {};
  const graph = graphOf(spec, dtype);

  const draw = spec.draw ?? ((random) => random.normal());
  const point = Object.fromEntries(names.map((n) => [n, drawn(dtype, spec.inputs[n]!, () => draw(r, n))]));
  const run = await runner(graph);
  const y = (await run({ ...fixed, ...point })).result!;
  const lambda = drawn(dtype, y.shape, () => r.normal());
  const direction = Object.fromEntries(
    names.map((n) => [n, drawn(dtype, spec.inputs[n]!, () => r.normal())]),
  );

  const reverse = vjp(graph, { of: 'result', wrt: names, cotangent: 'input' });
  const gradients = names.map((n) => `grad:${n}`);
  const runReverse = await runner(only(reverse, gradients));
  const cotangent = { 'cotangent:result': lambda };
  const reverseFeeds = (at: Record<string, Tensor>) =>
    usedFeeds(runReverse.inputs, { ...fixed, ...at, ...cotangent });
  const grad = await runReverse(reverseFeeds(point));

  const value = async (at: Record<string, Tensor>) => dot((await run({ ...fixed, ...at })).result!, lambda);
  const exact: number[] = [];
  const differences: number[] = [];
  for (const name of names) {
    const t = point[name]!;
    const g = grad[`grad:${name}`]!;
    if (`${g.shape}` !== `${t.shape}`)
      throw new Error(`grad:${name} is [${g.shape}], ${name} is [${t.shape}]`);
    for (let i = 0; i < t.data.length && !spec.alongOne; i++) {
      const at = async (by: number) => [await value({ ...point, [name]: moved(t, i, by) })];
      differences.push(...(await slope(dtype, at)));
      exact.push(Number(g.data[i]));
    }
  }

  if (spec.alongOne) {
    const moving = (by: number) =>
      Object.fromEntries(names.map((n) => [n, shifted(point[n]!, direction[n]!, by)]));
    differences.push(...(await slope(dtype, async (by) => [await value(moving(by))])));
    exact.push(names.reduce((sum, n) => sum + dot(grad[`grad:${n}`]!, direction[n]!), 0));
  }

  const forward = jvp(graph, { of: ['result'], wrt: names });
  const runForward = await runner(only(forward, ['tangent:result']));
  const tangents = Object.fromEntries(names.map((n) => [`tangent:${n}`, direction[n]!]));
  const forwardFeeds = usedFeeds(runForward.inputs, { ...fixed, ...point, ...tangents });
  const tangent = (await runForward(forwardFeeds))['tangent:result']!;
  const left = dot(tangent, lambda);
  const right = names.reduce((sum, n) => sum + dot(grad[`grad:${n}`]!, direction[n]!), 0);
  const lengths = names.map((n) => dot(grad[`grad:${n}`]!, grad[`grad:${n}`]!));
  const length = Math.sqrt(lengths.reduce((a, b) => a + b, 0));
  const scale = length * Math.sqrt(names.reduce((s, n) => s + dot(direction[n]!, direction[n]!), 0));

  const first = {
    dtype,
    gradient: relativeError(exact, differences, spec.alongOne ? Math.max(1, scale / 10) : undefined),
    adjoint: Math.abs(left - right) / Math.max(scale, 1e-300),
  };
  if (spec.firstOrder) return { ...first, curvature: 0, symmetry: 0 };

  const second = jvp(reverse, { of: gradients, wrt: names });
  const runSecond = await runner(
    only(
      second,
      gradients.map((g) => `tangent:${g}`),
    ),
  );
  const all = { ...fixed, ...point, ...tangents, ...cotangent };
  const turned = await runSecond(usedFeeds(runSecond.inputs, all));
  const along = async (s: number) => {
    const at = names.map((n) => [n, shifted(point[n]!, direction[n]!, s)]);
    const found = await runReverse(reverseFeeds(Object.fromEntries(at)));
    return gradients.flatMap((g) => numbers(found[g]!));
  };
  const exact2 = gradients.flatMap((g) => numbers(turned[`tangent:${g}`]!));
  const floor = Math.max(1, largest(exact));

  const twice = twiceReverse(reverse, names);
  const runTwice = await runner(only(twice, gradients));
  const reversed = await runTwice(usedFeeds(runTwice.inputs, all));
  return {
    ...first,
    curvature: relativeError(exact2, await slope(dtype, along), floor),
    symmetry: relativeError(
      exact2,
      gradients.flatMap((g) => numbers(reversed[g]!)),
      floor,
    ),
  };
}

/** The gradient of ⟨gradient, direction⟩, the directions being the inputs that jvp would add. */
export function twiceReverse(reverse: Graph, names: readonly string[]): Graph {
  // The first gradient makes room for the second of the same name.
  const renamed = (name: string) => (name.startsWith('grad:') ? `first:${name}` : name);
  const first: Graph = {
    ...reverse,
    outputs: reverse.outputs.map(renamed),
    nodes: reverse.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
  };
  const b = graphBuilder(first);
  const types = inferShapes(first);
  const parts = names.map((name) => {
    const { dtype, shape } = types.get(name)!;
    const direction = b.input(`tangent:${name}`, dtype, shape);
    const product = b.op('Mul', [renamed(`grad:${name}`), direction]);
    return b.op('ReduceSum', [product], { keepdims: { int: 0 } });
  });
  b.site('along', b.op('Sum', parts));
  return vjp(b.finish(['along']), { of: 'along', wrt: names });
}

/** Weights of central differences of order 2 and 8 (Fornberg 1988, table 1). */
const STENCIL = { float64: [1 / 2], float32: [4 / 5, -1 / 5, 4 / 105, -1 / 280] };
/** Steps: in float32 wide, so that rounding is small; the high order keeps the rest small too. */
const STEP = { float64: 1e-5, float32: 0.04 };

/** Central differences at 0 of a function of one number with several values. */
async function slope(dtype: Float, at: (by: number) => Promise<number[]>): Promise<number[]> {
  const h = STEP[dtype];
  let total: number[] = [];
  for (const [i, weight] of STENCIL[dtype].entries()) {
    const [up, down] = [await at((i + 1) * h), await at(-(i + 1) * h)];
    total = up.map((v, k) => (total[k] ?? 0) + (weight * (v - down[k]!)) / h);
  }
  return total;
}

/** Limits that `measure` must keep, per dtype: gradient and curvature, adjoint. */
export const limits = {
  float64: { difference: 1e-7, adjoint: 1e-12, symmetry: 1e-10 },
  float32: { difference: 1e-4, adjoint: 1e-5, symmetry: 1e-4 },
} as const;

type Run = ((feeds: Record<string, Tensor>) => Promise<Record<string, Tensor>>) & {
  inputs: readonly string[];
};

async function runner(graph: Graph): Promise<Run> {
  const session = await openSession(graph, { threads: 1 });
  return Object.assign((feeds: Record<string, Tensor>) => session.run(feeds), { inputs: session.inputs });
}

/** Derivatives of linear operators do not read the point: give only what is asked for. */
const usedFeeds = (inputs: readonly string[], all: Record<string, Tensor>) =>
  Object.fromEntries(inputs.map((name) => [name, all[name]!]));

export function drawn(dtype: DType, shape: readonly number[], next: () => number): Tensor {
  const data = emptyArray(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = next();
  return tensor(dtype, shape, data);
}

const moved = (t: Tensor, at: number, by: number): Tensor => {
  const data = t.data.slice();
  data[at] = Number(data[at]) + by;
  return { ...t, data } as Tensor;
};

const shifted = (t: Tensor, direction: Tensor, by: number): Tensor => {
  const data = t.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) + by * Number(direction.data[i]);
  return { ...t, data } as Tensor;
};

export const numbers = (t: Tensor): number[] => Array.from(t.data as Float64Array, Number);
export const dot = (a: Tensor, b: Tensor): number =>
  numbers(a).reduce((sum, v, i) => sum + v * Number(b.data[i]), 0);
const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs), 0);

/** Largest difference over the largest number (or `floor`). NaN counts as infinitely wrong. */
export function relativeError(a: readonly number[], b: readonly number[], floor = 1e-3): number {
  if (a.length !== b.length || a.some((v) => !Number.isFinite(v))) return Number.POSITIVE_INFINITY;
  return largest(a.map((v, i) => v - b[i]!)) / Math.max(largest(a), largest(b), floor);
}
