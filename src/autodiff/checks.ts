/** @file Self-check of differentiation on a small attention block in float64: differences, adjointness, curvature. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { f64, sizeOf, type Tensor } from '../core/tensor.ts';
import { graphBuilder } from '../graph/build.ts';
import { only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { jvp } from './jvp.ts';
import { vjp } from './vjp.ts';

/** Runs a graph once; given by the caller, since this room does not run anything. */
export type RunGraph = (
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  threads: number,
) => Promise<Readonly<Record<string, Tensor>>>;

const area = 'autodiff';
/** Step of the central differences, and how many random directions are compared. */
const STEP = 1e-5;
const DIRECTIONS = 3;
const SHAPE = [2, 4, 6];

/** Gradient against central differences, jvp against vjp, and the Hessian's symmetry. */
export const autodiffChecks = (run: RunGraph): Check[] => [
  { area, rows: (context) => rows((graph, feeds) => run(graph, feeds, context.threads)) },
];

async function rows(
  run: (graph: Graph, feeds: Record<string, Tensor>) => Promise<Readonly<Record<string, Tensor>>>,
): Promise<CheckRow[]> {
  const r = random(20);
  const draw = () => f64(SHAPE, Array.from({ length: sizeOf(SHAPE) }, r.normal));
  const graph = block(r.normal);
  const reverse = vjp(graph, { of: 'metric', wrt: ['x'] });
  const gradient = only(reverse, ['grad:x']);
  const forward = only(jvp(graph, { of: ['metric'], wrt: ['x'] }), ['tangent:metric']);
  const second = only(jvp(reverse, { of: ['grad:x'], wrt: ['x'] }), ['tangent:grad:x']);

  const x = draw();
  const grad = (await run(gradient, { x }))['grad:x']!;
  const metricAt = async (at: Tensor) => sum((await run(graph, { x: at })).metric!);
  const hessian = async (v: Tensor) => (await run(second, { x, 'tangent:x': v }))['tangent:grad:x']!;
  let [difference, adjoint, symmetry] = [0, 0, 0];
  for (let i = 0; i < DIRECTIONS; i++) {
    const [v, w] = [draw(), draw()];
    const slope = dot(grad, v);
    const up = await metricAt(moved(x, v, STEP));
    const down = await metricAt(moved(x, v, -STEP));
    difference = Math.max(difference, relative(slope, (up - down) / (2 * STEP)));
    const tangent = sum((await run(forward, { x, 'tangent:x': v }))['tangent:metric']!);
    adjoint = Math.max(adjoint, relative(slope, tangent));
    symmetry = Math.max(symmetry, relative(dot(await hessian(v), w), dot(await hessian(w), v)));
  }
  return [
    checkRow(area, 'gradient against central differences, relative (float64)', difference, 1e-7),
    checkRow(area, '⟨λ, Jv⟩ against ⟨Jᵀλ, v⟩, relative (float64)', adjoint, 1e-12),
    checkRow(area, 'symmetry of the Hessian by jvp of vjp, relative (float64)', symmetry, 1e-10),
  ];
}

/** A block with normalisation, attention, a gated layer and one number per example. */
function block(normal: () => number): Graph {
  const b = graphBuilder();
  const width = SHAPE.at(-1)!;
  const x = b.input('x', 'float64', ['batch', 'position', width]);
  const map = (value: string, columns: number) => {
    const rows = width;
    const weight = f64(
      [rows, columns],
      Array.from({ length: rows * columns }, () => normal() / Math.sqrt(rows)),
    );
    return b.op('MatMul', [value, b.constant(weight)]);
  };
  const squares = b.op('ReduceMean', [b.op('Mul', [x, x]), b.ints(-1)]);
  const normed = b.op('Div', [x, b.op('Sqrt', [b.op('Add', [squares, b.constant(f64([], [1e-5]))])])]);
  const keys = b.op('Transpose', [map(normed, width)], { perm: { ints: [0, 2, 1] } });
  const pattern = b.op('Softmax', [b.op('MatMul', [map(normed, width), keys])]);
  const mixed = b.op('Add', [x, b.op('MatMul', [pattern, map(normed, width)])]);
  const gate = map(mixed, width);
  const gated = b.op('Mul', [b.op('Mul', [gate, b.op('Sigmoid', [gate])]), map(mixed, width)]);
  const likely = b.op('LogSoftmax', [b.op('Add', [mixed, gated])]);
  const first = b.op('Slice', [likely, b.ints(0), b.ints(1), b.ints(2)]);
  b.op('ReduceSum', [first, b.ints(1, 2)], { keepdims: { int: 0 } }, 'metric');
  return b.finish(['metric']);
}

const values = (t: Tensor) => t.data as Float64Array;
const sum = (t: Tensor) => values(t).reduce((a, b) => a + b, 0);
const dot = (a: Tensor, b: Tensor) => values(a).reduce((s, v, i) => s + v * values(b)[i]!, 0);
const moved = (x: Tensor, v: Tensor, by: number) =>
  f64(
    x.shape,
    values(x).map((a, i) => a + by * values(v)[i]!),
  );
const relative = (a: number, b: number) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), 1e-300);
