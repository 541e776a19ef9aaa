/** @file Freezing: what is held constant lets no gradient through, and attention and normalisation are found. */
import { describe, expect, test } from 'vitest';
import {
  attentionPatterns,
  freezeAttention,
  freezeNormalisation,
  normalisationScales,
} from '../../src/autodiff/freeze.ts';
import { jvp } from '../../src/autodiff/jvp.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import { f64, type Tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import { freeze, only, read, replaceAt, standingAt } from '../../src/graph/interventions.ts';
import { addValue } from '../../src/graph/interventions-values.ts';
import type { Graph } from '../../src/graph/types.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';
import { drawn, numbers } from './support.ts';

async function run(graph: Graph, feeds: Record<string, Tensor>) {
  const session = await openSession(graph, { threads: 1 });
  return session.run(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!])));
}

/** m = Σ s·x with s = exp(x): gradient s·x + s, or s when s is frozen. */
function gated(): Graph {
  const b = graphBuilder();
  b.input('x', 'float64', ['n']);
  b.op('Exp', ['x'], {}, 's');
  b.op('Mul', ['s', 'x'], {}, 'y');
  b.op('ReduceSum', ['y'], { keepdims: { int: 0 } }, 'm');
  return b.finish(['m']);
}
const x = f64([3], [0, 1, -2]);
const gradient = async (graph: Graph) =>
  numbers((await run(only(vjp(graph, { of: 'm', wrt: ['x'] }), ['grad:x']), { x }))['grad:x']!);

describe('freeze', () => {
  test('holds a value constant in both directions, and does not change runs', async () => {
    const frozen = freeze(gated(), ['s']);
    const s = numbers(x).map(Math.exp);
    (await gradient(frozen)).forEach((g, i) => void expect(g).toBeCloseTo(s[i]!, 12));
    const forward = only(jvp(frozen, { of: ['m'], wrt: ['x'] }), ['tangent:m']);
    const tangent = await run(forward, { x, 'tangent:x': f64([3], [1, 0, 0]) });
    expect(numbers(tangent['tangent:m']!)[0]).toBeCloseTo(s[0]!, 12);
    expect((await run(frozen, { x })).m).toEqual((await run(gated(), { x })).m);
  });

  test('acts on what stands at the site: what comes later is not frozen', async () => {
    const add = (g: Graph) => addValue(g, 's', { value: 'x' });
    const s = numbers(x).map(Math.exp);
    // Frozen first, then added: (s + x)·x with s constant: s + 2x. Added first: all of s + x is constant.
    const first = await gradient(add(freeze(gated(), ['s'])));
    first.forEach((g, i) => void expect(g).toBeCloseTo(s[i]! + 2 * numbers(x)[i]!, 12));
    const last = freeze(add(gated()), ['s']);
    expect(last.frozen).toEqual([standingAt(last, 's')]);
    (await gradient(last)).forEach((g, i) => void expect(g).toBeCloseTo(s[i]! + numbers(x)[i]!, 12));
  });

  test('survives other rewrites', () => {
    const frozen = freeze(gated(), ['s']);
    expect(replaceAt(read(frozen, ['y']), 'x', (b, v) => b.op('Neg', [v])).frozen).toEqual(['s']);
    expect(() => freeze(gated(), ['t'])).toThrow(expect.objectContaining({ code: 'graph.unknown-site' }));
  });
});

describe('on a model of ours', () => {
  const { graph } = tinyLlama(3, { dtype: 'float64' });
  test('attention patterns and normalisation scales are the sites of that name', () => {
    expect(attentionPatterns(graph)).toEqual([0, 1].map((i) => `blocks.${i}.attn.hook_pattern`));
    const scales = [0, 1].flatMap((i) => [`blocks.${i}.ln1.hook_scale`, `blocks.${i}.ln2.hook_scale`]);
    expect(normalisationScales(graph)).toEqual([...scales, 'ln_final.hook_scale']);
  });
});

describe('on any graph', () => {
  const r = random(1);
  const weight = (b: GraphBuilder, ...shape: number[]) =>
    b.constant(drawn('float64', shape, r.normal) as Tensor, 'w');
  /** Attention with a layer norm, in primitives or with the operator, without names. */
  const free = (fused: boolean): Graph => {
    const b = graphBuilder();
    b.input('x', 'float64', ['batch', 'position', 4]);
    let normed: string;
    if (fused) {
      normed = b.op('LayerNormalization', ['x', weight(b, 4), weight(b, 4)]);
    } else {
      const middle = b.op('Sub', ['x', b.op('ReduceMean', ['x', b.ints(-1)])]);
      const variance = b.op('ReduceMean', [b.op('Mul', [middle, middle]), b.ints(-1)]);
      const root = b.op('Pow', [
        b.op('Add', [variance, b.constant(f64([], [1e-5]))]),
        b.constant(f64([], [-0.5])),
      ]);
      normed = b.op('Mul', [middle, root], {}, 'normed');
    }
    const [q, k, v] = [0, 1, 2].map(() => b.op('MatMul', [normed, weight(b, 4, 4)])) as [
      string,
      string,
      string,
    ];
    const scores = b.op('MatMul', [q, b.op('Transpose', [k], { perm: { ints: [0, 2, 1] } })]);
    const pattern = b.op('Softmax', [scores]);
    const kept = b.op('Identity', [pattern]);
    b.op('MatMul', [kept, v], {}, 'z');
    b.op('Softmax', [b.op('MatMul', ['z', weight(b, 4, 4)])], {}, 'likely');
    return b.finish(['likely']);
  };

  test('patterns and scales are found by what they are made of; the last softmax is no pattern', () => {
    expect(attentionPatterns(free(false))).toEqual(['Softmax_0']);
    expect(normalisationScales(free(false))).toEqual(['Pow_0']);
    expect(normalisationScales(free(true))).toEqual([]);
    expect(freezeNormalisation(free(true)).frozen).toHaveLength(1);
  });

  test.each([false, true])('with both frozen z is linear in x up to a shift (fused: %s)', async (fused) => {
    const frozen = only(freezeAttention(freezeNormalisation(free(fused))), ['z']);
    const [x, v] = [0, 1].map(() => drawn('float64', [2, 3, 4], r.normal));
    const second = jvp(vjp(frozen, { of: 'z', wrt: ['x'], cotangent: 'input' }), {
      of: ['grad:x'],
      wrt: ['x'],
    });
    const out = await run(only(second, ['tangent:grad:x']), { x: x!, 'tangent:x': v!, 'cotangent:z': x! });
    expect(Math.max(...numbers(out['tangent:grad:x']!).map(Math.abs))).toBe(0);
    const open = jvp(vjp(only(free(fused), ['z']), { of: 'z', wrt: ['x'], cotangent: 'input' }), {
      of: ['grad:x'],
      wrt: ['x'],
    });
    const curved = await run(only(open, ['tangent:grad:x']), { x: x!, 'tangent:x': v!, 'cotangent:z': x! });
    expect(Math.max(...numbers(curved['tangent:grad:x']!).map(Math.abs))).toBeGreaterThan(0.01);
  });
});
