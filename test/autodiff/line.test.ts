/** @file Second derivatives along a direction, and gradients along a line in one run, against analytic values. */
import { describe, expect, test } from 'vitest';
import { hvp } from '../../src/autodiff/hvp.ts';
import { lineGradients, lineNames } from '../../src/autodiff/line.ts';
import { joinRules, quadrature } from '../../src/autodiff/quadrature.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import { f64, i64, type Tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { extend, feedAt, only } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';
import { drawn, numbers } from './support.ts';

async function run(graph: Graph, feeds: Record<string, Tensor>) {
  const session = await openSession(graph, { threads: 1 });
  return session.run(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!])));
}

/** A Llama's logit difference between two tokens at the last position, [batch]; `answer` [batch] is fed. */
function metric(): Graph {
  const { graph } = tinyLlama(4, { dtype: 'float64' });
  return only(
    extend(graph, (b) => {
      const last = b.op('Gather', ['logits', b.constant(i64([], [-1]))], { axis: { int: 1 } });
      const at = b.op('GatherElements', [last, b.op('Unsqueeze', ['answer', b.ints(1)])], {
        axis: { int: 1 },
      });
      b.input('answer', 'int64', ['batch']);
      return [b.op('Squeeze', [at, b.ints(1)], {}, 'm')];
    }),
    ['m'],
  );
}
const cut = 'blocks.0.hook_resid_post';
const r = random(6);
const states = [0, 1].map(() => drawn('float64', [2, 5, 16], r.normal)) as [Tensor, Tensor];
const answer = i64([2], [17, 99]);

describe('hvp', () => {
  test('of x₁²x₂ + 3x₂²: the Hessian times the direction', async () => {
    const b = graphBuilder();
    b.input('x', 'float64', [2]);
    const [one, two] = b.ops('Split', ['x', b.ints(1, 1)], 2) as [string, string];
    const cubic = b.op('Mul', [b.op('Mul', [one, one]), two]);
    const square = b.op('Mul', [b.op('Mul', [two, two]), b.constant(f64([], [3]))]);
    b.op('ReduceSum', [b.op('Add', [cubic, square])], { keepdims: { int: 0 } }, 'm');
    const graph = hvp(b.finish(['m']), { of: 'm', wrt: ['x'] });
    expect(graph.outputs).toEqual(['m', 'grad:x', 'hvp:x']);
    const out = await run(graph, { x: f64([2], [2, 5]), 'tangent:x': f64([2], [1, -1]) });
    expect(numbers(out['grad:x']!)).toEqual([20, 34]);
    // H = [[2x₂, 2x₁], [2x₁, 6]] = [[10, 4], [4, 6]].
    expect(numbers(out['hvp:x']!)).toEqual([6, -2]);
  });

  test('of a Llama: differences of gradients, at two sites at once', async () => {
    const site = 'blocks.1.hook_mlp_out';
    const graph = feedAt(metric(), [cut]);
    const wrt = [cut, site];
    const feeds = { [cut]: states[0], answer };
    const direction = drawn('float64', [2, 5, 16], r.normal);
    const zero = drawn('float64', [2, 5, 16], () => 0);
    const along = { [`tangent:${cut}`]: direction, [`tangent:${site}`]: zero };
    const out = await run(hvp(graph, { of: 'm', wrt }), { ...feeds, ...along });
    const h = 1e-5;
    const gradientAt = async (step: number) => {
      const moved = f64(
        [2, 5, 16],
        numbers(states[0]).map((v, i) => v + step * numbers(direction)[i]!),
      );
      return run(vjp(graph, { of: 'm', wrt }), { ...feeds, [cut]: moved });
    };
    const [up, down] = [await gradientAt(h), await gradientAt(-h)];
    for (const name of wrt) {
      const exact = numbers(out[`hvp:${name}`]!);
      const differences = numbers(up[`grad:${name}`]!).map(
        (v, i) => (v - numbers(down[`grad:${name}`]!)[i]!) / (2 * h),
      );
      const scale = Math.max(...exact.map(Math.abs));
      expect(scale).toBeGreaterThan(0.01);
      expect(Math.max(...exact.map((v, i) => Math.abs(v - differences[i]!))) / scale).toBeLessThan(1e-7);
    }
  });
});

describe('lineGradients', () => {
  const names = lineNames(cut);
  const line = async (rules: string[], graph = lineGradients(metric(), { of: 'm', at: cut })) => {
    const { points, weights } = joinRules(rules.map(quadrature));
    const out = await run(graph, {
      ...{ [names.from]: states[0], [names.to]: states[1], answer },
      [names.points]: f64([points.length], points),
      [names.weights]: f64([rules.length, points.length], weights.flat()),
    });
    return { points, out };
  };

  test('gives at every point the gradient that a run of its own gives, and their weighted means', async () => {
    const { points, out } = await line(['midpoint-3', 'left-2']);
    const graph = only(vjp(feedAt(metric(), [cut]), { of: 'm', wrt: [cut] }), [`grad:${cut}`]);
    const [from, to] = states.map(numbers) as [number[], number[]];
    const each = numbers(out[names.each]!);
    expect(out[names.each]!.shape).toEqual([points.length, 2, 5, 16]);
    const alone: number[][] = [];
    for (const alpha of points) {
      const x = f64(
        [2, 5, 16],
        from.map((v, i) => (1 - alpha) * v + alpha * to[i]!),
      );
      alone.push(numbers((await run(graph, { [cut]: x, answer }))[`grad:${cut}`]!));
    }
    const worst = (a: number[], b: number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
    expect(worst(each, alone.flat())).toBeLessThan(1e-12);
    const { weights } = joinRules(['midpoint-3', 'left-2'].map(quadrature));
    const means = weights.flatMap((w) =>
      alone[0]!.map((_, i) => w.reduce((s, share, j) => s + share * alone[j]![i]!, 0)),
    );
    expect(worst(numbers(out[names.mean]!), means)).toBeLessThan(1e-12);
  });

  test('with many points, integrated gradients add up to the change of the metric (completeness)', async () => {
    const { out } = await line(['midpoint-200']);
    const forward = feedAt(metric(), [cut]);
    const ends = await Promise.all(
      states.map(async (x) => numbers((await run(forward, { [cut]: x, answer })).m!)),
    );
    const mean = numbers(out[names.mean]!);
    const [from, to] = states.map(numbers) as [number[], number[]];
    for (const example of [0, 1]) {
      const at = Array.from({ length: 80 }, (_, i) => example * 80 + i);
      const total = at.reduce((s, i) => s + mean[i]! * (to[i]! - from[i]!), 0);
      const change = ends[1]![example]! - ends[0]![example]!;
      expect(Math.abs(total / change - 1)).toBeLessThan(1e-3);
    }
  });

  test('takes the rules of relevance as well', async () => {
    const plain = await line(['left-1']);
    const relp = await line(['left-1'], lineGradients(metric(), { of: 'm', at: cut, rules: 'relp' }));
    expect(numbers(relp.out[names.mean]!)).not.toEqual(numbers(plain.out[names.mean]!));
  });

  test('needs a batch with a name', () => {
    const b = graphBuilder();
    b.input('x', 'float64', [2, 3]);
    b.op('ReduceSum', ['x', b.ints(1)], { keepdims: { int: 0 } }, 'm');
    expect(() => lineGradients(b.finish(['m']), { of: 'm', at: 'x' })).toThrow(
      expect.objectContaining({ code: 'graph.shape', where: 'x' }),
    );
  });
});
