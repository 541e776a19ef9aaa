/** @file Whole graphs: analytic gradients, sums over consumers, stops, curvature, and what cannot be differentiated. */
import { describe, expect, test } from 'vitest';
import { jvp } from '../../src/autodiff/jvp.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import { f64, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import { only } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { dot, drawn, limits, measureIn, numbers } from './support.ts';

async function evaluate(graph: Graph, feeds: Record<string, Tensor>) {
  const session = await openSession(graph, { threads: 1 });
  const out = await session.run(feeds);
  await session.release();
  return out;
}

const scalarGraph = (build: (b: GraphBuilder, x: string) => string, shape: (number | string)[] = [2]) => {
  const b = graphBuilder();
  b.site('m', build(b, b.input('x', 'float64', shape)));
  return b.finish(['m']);
};

describe('vjp', () => {
  test('of Σ x² is 2x, weighted by ones by default', async () => {
    const g = scalarGraph((b, x) => b.op('ReduceSumSquare', [x], { keepdims: { int: 0 } }));
    const out = await evaluate(vjp(g, { of: 'm', wrt: ['x'] }), { x: f64([2], [3, -4]) });
    expect(numbers(out['grad:x']!)).toEqual([6, -8]);
    expect(numbers(out.m!)).toEqual([25]);
  });

  test('adds up what several consumers send', async () => {
    const g = scalarGraph((b, x) => b.op('Add', [b.op('Mul', [x, x]), b.op('Add', [x, b.op('Exp', [x])])]));
    const out = await evaluate(vjp(g, { of: 'm', wrt: ['x'] }), { x: f64([2], [0, 1]) });
    expect(numbers(out['grad:x']!)[0]).toBe(2);
    expect(numbers(out['grad:x']!)[1]).toBeCloseTo(3 + Math.E, 12);
  });

  test('of one number per example keeps examples apart', async () => {
    const g = scalarGraph(
      (b, x) => b.op('ReduceSum', [b.op('Mul', [x, x]), b.ints(1)], { keepdims: { int: 0 } }),
      ['batch', 2],
    );
    const out = await evaluate(only(vjp(g, { of: 'm', wrt: ['x'] }), ['grad:x']), {
      x: f64([3, 2], [1, 2, 3, 4, 5, 6]),
    });
    expect(out['grad:x']!.shape).toEqual([3, 2]);
    expect(numbers(out['grad:x']!)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  test('asks for a cotangent when there is more than one number per example, or takes one from the graph', async () => {
    const g = scalarGraph((b, x) => b.op('Mul', [x, b.site('weights', b.op('Exp', [x]))]), ['batch', 2]);
    const asked = vjp(g, { of: 'm', wrt: ['x'] });
    expect(asked.inputs.map((i) => i.name)).toEqual(['x', 'cotangent:m']);
    expect(asked.inputs[1]).toMatchObject({ shape: ['batch', 2] });
    const given = only(vjp(g, { of: 'm', wrt: ['x'], cotangent: 'weights' }), ['grad:x']);
    const at = f64([1, 2], [0, 1]);
    const out = await evaluate(given, { x: at });
    expect(numbers(out['grad:x']!)[1]).toBeCloseTo(2 * Math.E * Math.E, 12);
  });

  test('with respect to inner values is total: through all that follows', async () => {
    const g = scalarGraph((b, x) => {
      const h = b.site('h', b.op('Exp', [x]));
      return b.op('Mul', [h, b.site('k', b.op('Mul', [h, h]))]);
    });
    const out = await evaluate(vjp(g, { of: 'm', wrt: ['h', 'k', 'x'] }), { x: f64([2], [0, Math.log(2)]) });
    expect(numbers(out['grad:k']!)).toEqual([1, 2]);
    expect(numbers(out['grad:h']!)).toEqual([3, 12]);
    expect(numbers(out['grad:x']!)).toEqual([3, 24]);
  });

  test('with respect to weights, and zeros where nothing depends', async () => {
    const b = graphBuilder();
    const x = b.input('x', 'float64', ['batch', 2]);
    b.input('other', 'float64', [3]);
    b.weight('W', f64([2, 1], [3, 5]));
    b.op('ReduceSum', [b.op('MatMul', [x, 'W'])], { keepdims: { int: 0 } }, 'm');
    const g = vjp(b.finish(['m']), { of: 'm', wrt: ['W', 'other'] });
    const out = await evaluate(only(g, ['grad:W', 'grad:other']), {
      x: f64([2, 2], [1, 2, 3, 4]),
    });
    expect(numbers(out['grad:W']!)).toEqual([4, 6]);
    expect(numbers(out['grad:other']!)).toEqual([0, 0, 0]);
  });

  test('lets nothing through values that are stopped', async () => {
    const g = scalarGraph((b, x) => b.op('Mul', [x, b.site('gate', b.op('Sigmoid', [x]))]));
    const feeds = { x: f64([2], [0, 2]) };
    const free = await evaluate(vjp(g, { of: 'm', wrt: ['x'] }), feeds);
    const frozen = await evaluate(vjp(g, { of: 'm', wrt: ['x', 'gate'], stop: ['gate'] }), feeds);
    const sigmoid = 1 / (1 + Math.exp(-2));
    expect(numbers(frozen['grad:x']!)).toEqual([0.5, sigmoid]);
    expect(numbers(frozen['grad:gate']!)).toEqual([0, 2]);
    expect(numbers(free['grad:x']!)[1]).toBeCloseTo(sigmoid + 2 * sigmoid * (1 - sigmoid), 12);
    const forward = jvp(g, { of: ['m'], wrt: ['x'], stop: ['gate'] });
    const tangent = await evaluate(only(forward, ['tangent:m']), { ...feeds, 'tangent:x': f64([2], [1, 1]) });
    expect(numbers(tangent['tangent:m']!)).toEqual([0.5, sigmoid]);
  });

  test('never transposes a weight: the gradient of a product is one product with the weight as it lies', () => {
    const b = graphBuilder();
    const x = b.input('x', 'float32', ['batch', 'position', 4]);
    b.weight('W', tensor('float32', [4, 3], new Float32Array(12)));
    b.op('MatMul', [x, 'W'], {}, 'y');
    const g = vjp(b.finish(['y']), { of: 'y', wrt: ['x'] });
    const readers = g.nodes.filter((n) => n.inputs.includes('W')).map((n) => n.op);
    expect(readers).toEqual(['MatMul', 'FusedMatMul']);
  });
});

describe('composed', () => {
  test('jvp of vjp of ½ xᵀAx is A v (A symmetric)', async () => {
    const a = [2, -1, 0.5, -1, 3, 0.25, 0.5, 0.25, 1];
    const b = graphBuilder();
    const x = b.input('x', 'float64', [3]);
    b.weight('A', f64([3, 3], a));
    const half = b.constant(f64([], [0.5]));
    b.op('Mul', [half, b.op('MatMul', [x, b.op('MatMul', ['A', x])])], {}, 'm');
    const hvp = jvp(vjp(b.finish(['m']), { of: 'm', wrt: ['x'] }), { of: ['grad:x'], wrt: ['x'] });
    const v = [1, -2, 3];
    const out = await evaluate(only(hvp, ['tangent:grad:x']), { 'tangent:x': f64([3], v) });
    const expected = [0, 1, 2].map((i) => v.reduce((s, vj, j) => s + a[3 * i + j]! * vj, 0));
    for (const [i, value] of numbers(out['tangent:grad:x']!).entries())
      expect(value).toBeCloseTo(expected[i]!, 12);
  });

  test('vjp of vjp agrees with jvp of vjp: the Hessian is symmetric', async () => {
    const b = graphBuilder();
    const x = b.input('x', 'float64', [4]);
    b.weight('W', drawn('float64', [4, 4], random(3).normal));
    b.op('ReduceLogSumExp', [b.op('Tanh', [b.op('MatMul', [x, 'W'])])], { keepdims: { int: 0 } }, 'm');
    const first = vjp(b.finish(['m']), { of: 'm', wrt: ['x'] });
    const r = random(4);
    const [u, v, at] = [0, 1, 2].map(() => drawn('float64', [4], r.normal)) as [Tensor, Tensor, Tensor];
    const hvp = await evaluate(only(jvp(first, { of: ['grad:x'], wrt: ['x'] }), ['tangent:grad:x']), {
      x: at,
      'tangent:x': v,
    });
    const hvp2 = await evaluate(only(jvp(first, { of: ['grad:x'], wrt: ['x'] }), ['tangent:grad:x']), {
      x: at,
      'tangent:x': u,
    });
    expect(dot(hvp['tangent:grad:x']!, u)).toBeCloseTo(dot(hvp2['tangent:grad:x']!, v), 12);
  });

  test('a two-layer network with normalisation, attention and loss', async () => {
    const found = await measureIn(
      {
        inputs: { x: [2, 3, 4], Q: [4, 4], K: [4, 4], V: [4, 4], U: [4, 6], D: [6, 4], w: [4] },
        dims: { x: ['batch', 'position', 4] },
        fixed: { answer: i64([2, 1], [1, 3]) },
        build(b) {
          const normed = b.op('LayerNormalization', ['x', 'w'], { epsilon: { float: 1e-3 } });
          const [q, k, v] = ['Q', 'K', 'V'].map((m) => b.op('MatMul', [normed, m]));
          const scores = b.op('MatMul', [q!, b.op('Transpose', [k!], { perm: { ints: [0, 2, 1] } })]);
          const mixed = b.op('Add', ['x', b.op('MatMul', [b.op('Softmax', [scores]), v!])]);
          const hidden = b.op('MatMul', [b.op('Softplus', [b.op('MatMul', [mixed, 'U'])]), 'D']);
          const last = b.op('Gather', [b.op('Add', [mixed, hidden]), b.constant(i64([], [-1]))], {
            axis: { int: 1 },
          });
          return b.op('GatherElements', [b.op('LogSoftmax', [last]), 'answer'], { axis: { int: 1 } });
        },
      },
      'float64',
    );
    expect(found.gradient).toBeLessThan(limits.float64.difference);
    expect(found.adjoint).toBeLessThan(limits.float64.adjoint);
    expect(found.curvature).toBeLessThan(limits.float64.difference);
  });
});

test.each(['Sign', 'Floor', 'Ceil', 'Round', 'Hardmax'])('%s passes no gradient on', async (op) => {
  const g = scalarGraph((b, x) => b.op('Add', [b.op(op, [x]), b.op('Mul', [x, x])]));
  const out = await evaluate(only(vjp(g, { of: 'm', wrt: ['x'] }), ['grad:x']), { x: f64([2], [0.3, -1.6]) });
  expect(numbers(out['grad:x']!)).toEqual([0.6, -3.2]);
});

describe('what cannot be differentiated', () => {
  test('an operator without a rule is named with the path from the metric', () => {
    const g = scalarGraph((b, x) => b.op('Exp', [b.site('h', b.op('Det', [x], {}, 'volume'))]));
    const attempt = () => vjp(g, { of: 'm', wrt: ['x'] });
    expect(attempt).toThrow(/Det.*"volume".*m ← .*h ← volume/);
    expect(attempt).toThrow(expect.objectContaining({ code: 'graph.no-rule', where: 'volume' }));
  });

  test('control flow, training and amounts that only the run knows say so, with the node and the page', () => {
    const chosen = scalarGraph((b, x) => {
      const branch = (op: string, name: string) => {
        const inner = graphBuilder();
        return { graph: inner.finish([inner.op(op, [x], {}, name)]) };
      };
      const go = b.op('Greater', [
        b.op('ReduceSum', [x], { keepdims: { int: 0 } }),
        b.constant(f64([], [0])),
      ]);
      return b.op('If', [go], { then_branch: branch('Exp', 'a'), else_branch: branch('Neg', 'b') }, 'choice');
    });
    expect(() => vjp(chosen, { of: 'm', wrt: ['x'] })).toThrow(
      expect.objectContaining({
        code: 'graph.no-rule',
        where: 'choice',
        message: expect.stringMatching(/^If "choice"/),
        hint: expect.stringMatching(/docs\/operators\.md/),
      }),
    );
    const training = scalarGraph((b, x) => {
      const on = b.constant(tensor('bool', [], Uint8Array.of(1)));
      return b.ops('Dropout', [x, '', on], ['kept'])[0]!;
    });
    expect(() => vjp(training, { of: 'm', wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'graph.no-rule', where: 'kept' }),
    );
  });

  test('integers have no derivative', () => {
    const b = graphBuilder();
    b.input('tokens', 'int64', ['batch']);
    b.weight('E', f64([3, 1], [1, 2, 3]));
    b.op('Gather', ['E', 'tokens'], {}, 'y');
    expect(() => vjp(b.finish(['y']), { of: 'y', wrt: ['tokens'] })).toThrow(
      expect.objectContaining({ code: 'graph.not-differentiable', where: 'tokens' }),
    );
  });

  test('a value that does not exist is answered with the nearest names', () => {
    const g = scalarGraph((b, x) => b.op('Exp', [x]));
    expect(() => vjp(g, { of: 'mm', wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'graph.unknown-site' }),
    );
  });
});
