/** @file Measuring derivative rules: gradients against central differences, tangents against gradients, curvature. */

import { jvp } from '../../src/autodiff/jvp.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { UntangleError } from '../../src/core/errors.ts';
import { type Random, random } from '../../src/core/random.ts';
import { type DType, emptyArray, sizeOf, type Tensor, tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder, OPSET } from '../../src/graph/build.ts';
import { only } from '../../src/graph/interventions.ts';
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
}

/** float64 where onnxruntime has the kernels, else float32 with wider steps. */
export async function measure(spec: Case): Promise<Measured> {
  try {
    return await measureIn(spec, 'float64');
  } catch (error) {
    if (!(error instanceof UntangleError) || error.code !== 'runtime.session') throw error;
    return measureIn(spec, 'float32');
  }
}

export async function measureIn(spec: Case, dtype: Float): Promise<Measured> {
  const r = random(spec.seed ?? 1);
  const names = Object.keys(spec.inputs);
  const fixed = spec.fixed ?? {};
  const b = graphBuilder();
  for (const [name, shape] of Object.entries(spec.inputs)) b.input(name, dtype, spec.dims?.[name] ?? shape);
  for (const [name, t] of Object.entries(fixed)) b.input(name, t.dtype, t.shape);
  b.site('result', spec.build(b, dtype));
  const built: Graph = { ...b.finish(['result']), opset: spec.opset ?? OPSET };
  const graph = spec.prepare?.(built) ?? built;

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

  const h = dtype === 'float64' ? 1e-5 : 1e-2;
  const value = async (at: Record<string, Tensor>) => dot((await run({ ...fixed, ...at })).result!, lambda);
  const exact: number[] = [];
  const differences: number[] = [];
  for (const name of names) {
    const t = point[name]!;
    const g = grad[`grad:${name}`]!;
    if (`${g.shape}` !== `${t.shape}`)
      throw new Error(`grad:${name} is [${g.shape}], ${name} is [${t.shape}]`);
    for (let i = 0; i < t.data.length; i++) {
      const up = await value({ ...point, [name]: moved(t, i, h) });
      const down = await value({ ...point, [name]: moved(t, i, -h) });
      differences.push((up - down) / (2 * h));
      exact.push(Number(g.data[i]));
    }
  }

  const forward = jvp(graph, { of: ['result'], wrt: names });
  const runForward = await runner(only(forward, ['tangent:result']));
  const tangents = Object.fromEntries(names.map((n) => [`tangent:${n}`, direction[n]!]));
  const forwardFeeds = usedFeeds(runForward.inputs, { ...fixed, ...point, ...tangents });
  const tangent = (await runForward(forwardFeeds))['tangent:result']!;
  const left = dot(tangent, lambda);
  const right = names.reduce((sum, n) => sum + dot(grad[`grad:${n}`]!, direction[n]!), 0);
  const scale = norm(exact) * Math.sqrt(names.reduce((s, n) => s + dot(direction[n]!, direction[n]!), 0));

  const second = jvp(reverse, { of: gradients, wrt: names });
  const runSecond = await runner(
    only(
      second,
      gradients.map((g) => `tangent:${g}`),
    ),
  );
  const turned = await runSecond(
    usedFeeds(runSecond.inputs, { ...fixed, ...point, ...tangents, ...cotangent }),
  );
  const stepped = async (s: number) =>
    runReverse(
      reverseFeeds(Object.fromEntries(names.map((n) => [n, along(point[n]!, direction[n]!, s * h)]))),
    );
  const [ahead, behind] = [await stepped(1), await stepped(-1)];
  const exact2 = gradients.flatMap((g) => numbers(turned[`tangent:${g}`]!));
  const differences2 = gradients.flatMap((g) => {
    const back = numbers(behind[g]!);
    return numbers(ahead[g]!).map((v, i) => (v - back[i]!) / (2 * h));
  });
  return {
    dtype,
    gradient: worst(exact, differences),
    adjoint: Math.abs(left - right) / Math.max(scale, 1e-300),
    curvature: worst(exact2, differences2, Math.max(1, largest(exact))),
  };
}

/** Limits that `measure` must keep, per dtype: gradient and curvature, adjoint. */
export const limits = {
  float64: { difference: 1e-7, adjoint: 1e-12 },
  float32: { difference: 1e-3, adjoint: 1e-5 },
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

const along = (t: Tensor, direction: Tensor, by: number): Tensor => {
  const data = t.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) + by * Number(direction.data[i]);
  return { ...t, data } as Tensor;
};

export const numbers = (t: Tensor): number[] => Array.from(t.data as Float64Array, Number);
export const dot = (a: Tensor, b: Tensor): number =>
  numbers(a).reduce((sum, v, i) => sum + v * Number(b.data[i]), 0);
const norm = (values: readonly number[]) => Math.sqrt(values.reduce((s, v) => s + v * v, 0));
const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs), 0);

/** NaN counts as infinitely wrong. */
function worst(a: readonly number[], b: readonly number[], floor = 1e-3): number {
  if (a.length !== b.length || a.some((v) => !Number.isFinite(v))) return Number.POSITIVE_INFINITY;
  return largest(a.map((v, i) => v - b[i]!)) / Math.max(largest(a), largest(b), floor);
}
