/** @file Relevance rules: hand-derived coefficients of small graphs, and conservation through a whole transformer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import { f64, i64, type Tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import { only, read } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';
import { dot, drawn, numbers } from './support.ts';

async function run(graph: Graph, feeds: Record<string, Tensor>) {
  const session = await openSession(graph, { threads: 1 });
  return session.run(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!])));
}
const points = [-1.5, -0.3, 0, 0.4, 2];
const x = f64([points.length], points);
const z = f64([points.length], [3, -1, 2, 0.5, -2]);

/** Coefficients of x (and z) of the result that `build` makes. */
async function coefficients(
  build: (b: GraphBuilder) => string,
  wrt = ['x'],
): Promise<Record<string, number[]>> {
  const b = graphBuilder();
  b.input('x', 'float64', ['n']);
  b.input('z', 'float64', ['n']);
  b.site('y', build(b));
  const graph = vjp(b.finish(['y']), { of: 'y', wrt, cotangent: 'ones', rules: 'relp' });
  const out = await run(
    only(
      graph,
      wrt.map((name) => `grad:${name}`),
    ),
    { x, z },
  );
  return Object.fromEntries(wrt.map((name) => [name, numbers(out[`grad:${name}`]!)]));
}
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
const close = (a: number[], b: number[]) => a.forEach((v, i) => void expect(v).toBeCloseTo(b[i]!, 12));

describe('hand-derived coefficients', () => {
  const half = (b: GraphBuilder) => b.constant(f64([], [0.5]));
  const cases: [string, (b: GraphBuilder) => string, (v: number) => number][] = [
    ['tanh: tanh(x)/x, 1 at 0', (b) => b.op('Tanh', ['x']), (v) => (v === 0 ? 1 : Math.tanh(v) / v)],
    ['relu: 1 where on', (b) => b.op('Relu', ['x']), (v) => (v > 0 ? 1 : 0)],
    ['x·sigmoid(x): the gate', (b) => b.op('Mul', ['x', b.op('Sigmoid', ['x'])]), sigmoid],
    ['sigmoid(x)·x', (b) => b.op('Mul', [b.op('Sigmoid', ['x']), 'x']), sigmoid],
    [
      'sigmoid of 2x times x/2',
      (b) => b.op('Mul', [b.op('Sigmoid', [b.op('Add', ['x', 'x'])]), b.op('Mul', ['x', half(b)])]),
      (v) => 0.5 * sigmoid(2 * v),
    ],
    [
      'QuickGelu, taken apart',
      (b) => b.ops('QuickGelu', ['x'], 1, { alpha: { float: 2 } }, 'com.microsoft')[0]!,
      (v) => sigmoid(2 * v),
    ],
    ['x·x: x, half from each', (b) => b.op('Mul', ['x', 'x']), (v) => v],
    [
      '3x − x/2: linear as it is',
      (b) => b.op('Sub', [b.op('Mul', ['x', b.constant(f64([], [3]))]), b.op('Mul', ['x', half(b)])]),
      () => 2.5,
    ],
  ];
  test.each(cases)('%s', async (_name, build, wanted) => {
    close((await coefficients(build)).x!, points.map(wanted));
  });

  test('a gate of two values passes half to each: ½ silu(z)·x has ½ silu(z) and ½ sigmoid(z)·x', async () => {
    const out = await coefficients(
      (b) => b.op('Mul', [b.op('Mul', ['z', b.op('Sigmoid', ['z'])]), 'x']),
      ['x', 'z'],
    );
    close(
      out.x!,
      numbers(z).map((v) => 0.5 * v * sigmoid(v)),
    );
    close(
      out.z!,
      numbers(z).map((v, i) => 0.5 * sigmoid(v) * points[i]!),
    );
  });

  test('a denominator is a constant; a bilinear product passes half to each side', async () => {
    const quotient = await coefficients((b) => b.op('Div', ['x', b.op('Exp', ['x'])]));
    close(
      quotient.x!,
      points.map((v) => Math.exp(-v)),
    );
    const b = graphBuilder();
    b.input('x', 'float64', [2, 2]);
    b.input('z', 'float64', [2, 2]);
    b.op('MatMul', ['x', 'z'], {}, 'y');
    const graph = vjp(b.finish(['y']), { of: 'y', wrt: ['x', 'z'], cotangent: 'ones', rules: 'relp' });
    const out = await run(only(graph, ['grad:x', 'grad:z']), {
      x: f64([2, 2], [1, 2, 3, 4]),
      z: f64([2, 2], [5, 6, 7, 8]),
    });
    expect(numbers(out['grad:x']!)).toEqual([5.5, 7.5, 5.5, 7.5]);
    expect(numbers(out['grad:z']!)).toEqual([2, 2, 3, 3]);
  });

  test('RMS norm: its scale is a constant, so that the coefficient of x is w / scale', async () => {
    const b = graphBuilder();
    b.input('x', 'float64', ['n', 3]);
    const mean = b.op('ReduceMean', [b.op('Mul', ['x', 'x']), b.ints(-1)]);
    const w = b.constant(f64([3], [2, -1, 3]));
    b.op('Mul', [b.op('Div', ['x', b.op('Sqrt', [mean])]), w], {}, 'y');
    const graph = vjp(b.finish(['y']), { of: 'y', wrt: ['x'], cotangent: 'ones', rules: 'relp' });
    const out = await run(only(graph, ['grad:x']), { x: f64([1, 3], [1, 2, -2]) });
    close(
      numbers(out['grad:x']!),
      [2, -1, 3].map((v) => v / Math.sqrt(3)),
    );
  });
});

describe('conservation', () => {
  const model = tinyLlama(5, { dtype: 'float64', layers: 3 });
  const tokens = i64([2, 6], [7, 60, 3, 200, 9, 1, 2, 3, 4, 5, 6, 7]);
  const cuts = ['hook_embed', ...[0, 1, 2].map((i) => `blocks.${i}.hook_resid_post`)];
  const relevance = async (rules: 'relp' | 'gradient', lambda: Tensor) => {
    const graph = vjp(read(model.graph, cuts), { of: 'logits', wrt: cuts, cotangent: 'input', rules });
    const out = await run(graph, { tokens, 'cotangent:logits': lambda });
    return { metric: dot(out.logits!, lambda), sums: cuts.map((cut) => dot(out[cut]!, out[`grad:${cut}`]!)) };
  };
  const lambda = drawn('float64', [2, 6, model.shape.vocabulary], random(2).normal);

  test('through a Llama, relevance at every cut adds up to the metric, to rounding', async () => {
    const { metric, sums } = await relevance('relp', lambda);
    for (const sum of sums) expect(Math.abs(sum / metric - 1)).toBeLessThan(1e-12);
  });

  test('gradient times state does not', async () => {
    const { metric, sums } = await relevance('gradient', lambda);
    expect(Math.max(...sums.map((sum) => Math.abs(sum / metric - 1)))).toBeGreaterThan(0.01);
  });

  test('any chain of bias-free layers keeps it; with biases the biases take their part', async () => {
    const layer = fc.constantFrom('Tanh', 'Relu', 'silu', 'gate', 'norm', 'bias');
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 5 }), fc.nat(999), async (layers, seed) => {
        const r = random(seed);
        const b = graphBuilder();
        let value = b.input('x', 'float64', ['n', 5]);
        const biases: string[] = [];
        const map = (of: string) => b.op('MatMul', [of, b.constant(drawn('float64', [5, 5], r.normal))]);
        for (const kind of layers) {
          const own = map(value);
          if (kind === 'silu') value = b.op('Mul', [own, b.op('Sigmoid', [own])]);
          else if (kind === 'gate')
            value = b.op(
              'Mul',
              [own, b.op('Sigmoid', [own])].map((v, i) => (i === 0 ? v : b.op('Mul', [v, map(value)]))),
            );
          else if (kind === 'norm') {
            const mean = b.op('ReduceMean', [b.op('Mul', [own, own]), b.ints(-1)]);
            value = b.op('Div', [own, b.op('Sqrt', [b.op('Add', [mean, b.constant(f64([], [0.01]))])])]);
          } else if (kind === 'bias') {
            biases.push(b.constant(drawn('float64', [5], r.normal), 'bias'));
            value = b.op('Add', [own, biases.at(-1)!]);
          } else value = b.op(kind, [own]);
        }
        b.op('Add', [value, 'x'], {}, 'y');
        const wrt = ['x', ...biases];
        const graph = vjp(b.finish(['y']), { of: 'y', wrt, cotangent: 'ones', rules: 'relp' });
        const at = drawn('float64', [3, 5], r.normal);
        const out = await run(graph, { x: at });
        const y = numbers(out.y!).reduce((a, v) => a + v, 0);
        const given = wrt.map((name) => {
          const weight = graph.weights.get(name);
          return dot(out[`grad:${name}`]!, weight && 'data' in weight ? weight : at);
        });
        const total = given.reduce((a, v) => a + v, 0);
        const scale = Math.max(1, ...given.map(Math.abs), ...numbers(out.y!).map(Math.abs));
        expect(Math.abs(total - y) / scale).toBeLessThan(1e-6);
      }),
      { numRuns: 25, seed: 8 },
    );
  });
});
