/** @file Self-check of differentiation: attention in float64 (differences, adjointness, curvature), images in float32. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { f64, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../graph/build.ts';
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
const BLOCKS = 30;

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

  const shares = vjp(graph, { of: 'state', wrt: ['x'], cotangent: 'ones', rules: 'relp' });

  const x = draw();
  const relevance = await run(only(shares, ['state', 'grad:x']), { x });
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
  const begun = performance.now();
  vjp(block(r.normal, BLOCKS), { of: 'metric', wrt: ['x'] });
  const seconds = (performance.now() - begun) / 1000;
  return [
    checkRow(area, 'gradient against central differences, relative (float64)', difference, 1e-7),
    checkRow(area, '⟨λ, Jv⟩ against ⟨Jᵀλ, v⟩, relative (float64)', adjoint, 1e-12),
    checkRow(area, 'symmetry of the Hessian by jvp of vjp, relative (float64)', symmetry, 1e-10),
    checkRow(
      area,
      'relevance (RelP) of the input against the state that it adds up to, relative (float64)',
      relative(dot(relevance['grad:x']!, x), sum(relevance.state!)),
      1e-12,
    ),
    checkRow(
      area,
      '⟨λ, Jv⟩ against ⟨Jᵀλ, v⟩ of images: convolution, pools, resize, relative (float32)',
      await images(run),
      1e-4,
    ),
    checkRow(area, `gradients of ${BLOCKS} blocks written as a graph, seconds`, seconds, 2),
  ];
}

/** ⟨λ, Jv⟩ against ⟨Jᵀλ, v⟩ of a small network of images. */
async function images(run: Parameters<typeof rows>[0]): Promise<number> {
  const r = random(21);
  const draw = (shape: readonly number[]) =>
    tensor('float32', shape, Float32Array.from({ length: sizeOf(shape) }, r.normal));
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 3, 9, 8]);
  const strided = { strides: { ints: [2, 1] }, pads: { ints: [1, 1, 1, 1] } };
  const convolved = b.op('Conv', [x, b.constant(draw([4, 3, 3, 3]))], strided);
  const pooled = b.op('MaxPool', [convolved], { kernel_shape: { ints: [2, 2] } });
  const averaged = b.op('AveragePool', [pooled], { kernel_shape: { ints: [2, 2] } });
  const scales = b.constant(tensor('float32', [4], Float32Array.of(1, 1, 2, 1.5)));
  b.op('Resize', [averaged, '', scales], { mode: { string: 'linear' } }, 'y');
  const graph = b.finish(['y']);
  const at = draw([2, 3, 9, 8]);
  const v = draw(at.shape);
  const lambda = draw((await run(graph, { x: at })).y!.shape);
  const reverse = only(vjp(graph, { of: 'y', wrt: ['x'], cotangent: 'input' }), ['grad:x']);
  const forward = only(jvp(graph, { of: ['y'], wrt: ['x'] }), ['tangent:y']);
  const grad = (await run(reverse, { x: at, 'cotangent:y': lambda }))['grad:x']!;
  const tangent = (await run(forward, { x: at, 'tangent:x': v }))['tangent:y']!;
  return relative(dot(tangent, lambda), dot(grad, v));
}

/** Blocks with normalisation, attention and a gated layer, and one number per example. */
function block(normal: () => number, count = 1): Graph {
  const b = graphBuilder();
  let x = b.input('x', 'float64', ['batch', 'position', SHAPE.at(-1)!]);
  for (let i = 0; i < count; i++) x = layer(b, x, normal);
  const likely = b.op('LogSoftmax', [b.site('state', x)]);
  const first = b.op('Slice', [likely, b.ints(0), b.ints(1), b.ints(2)]);
  b.op('ReduceSum', [first, b.ints(1, 2)], { keepdims: { int: 0 } }, 'metric');
  return b.finish(['metric']);
}

function layer(b: GraphBuilder, x: string, normal: () => number): string {
  const width = SHAPE.at(-1)!;
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
  return b.op('Add', [mixed, gated]);
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
