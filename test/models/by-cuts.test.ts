/** @file From cut to cut: the same values and gradients as the whole network at once. */
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/vjp.ts';
import { f32, i64, type Tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { extend, only, read } from '../../src/graph/interventions.ts';
import { landmarks } from '../../src/graph/landmarks.ts';
import type { Graph } from '../../src/graph/types.ts';
import { gradientsByCuts, runByCuts } from '../../src/models/by-cuts.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { runOnce } from '../../src/runtime/session.ts';

const tokens = i64([2, 5], [7, 60, 3, 200, 9, 1, 2, 3, 4, 5]);
const numbers = (t: Tensor | undefined) => Array.from(t!.data as Float32Array, Number);
const relative = (a: Tensor | undefined, b: Tensor | undefined): number => {
  const [x, y] = [numbers(a), numbers(b)];
  const scale = Math.max(...y.map(Math.abs));
  return Math.max(...x.map((v, i) => Math.abs(v - y[i]!))) / scale;
};

/** A Llama with the sum of squares of its logits, and its cuts. */
function llama(dtype: 'float32' | 'float64' = 'float32'): { graph: Graph; cuts: string[] } {
  const model = tinyLlama(5, { layers: 3, dtype });
  const graph = extend(model.graph, (b) => [
    b.op('ReduceSumSquare', ['logits'], { keepdims: { int: 0 } }, 'metric'),
  ]);
  return { graph, cuts: ['hook_embed', ...[0, 1, 2].map((i) => `blocks.${i}.hook_resid_post`)] };
}

describe('by cuts', () => {
  test('a run gives the outputs of the whole graph and the states at the cuts', async () => {
    const { graph, cuts } = llama();
    const found = await runByCuts(only(graph, ['logits']), { tokens }, { cuts, threads: 1 });
    const whole = await runOnce(only(read(graph, cuts), ['logits', ...cuts]), { tokens }, { threads: 1 });
    for (const name of ['logits', ...cuts]) expect(relative(found[name], whole[name])).toBeLessThan(1e-6);
    expect(Object.keys(found).sort()).toEqual(['logits', ...cuts].sort());
  });

  test.each([
    ['float32', 2e-6],
    ['float64', 1e-12],
  ] as const)(
    'gradients at every cut, inside of blocks and of tied weights equal the whole backward pass (%s)',
    async (dtype, bar) => {
      const { graph, cuts } = llama(dtype);
      const wrt = ['blocks.1.attn.hook_z', 'blocks.0.mlp.W_in', 'W_E'];
      const found = await gradientsByCuts(graph, { tokens }, { of: 'metric', cuts, wrt, threads: 1 });
      const names = [...cuts, ...wrt];
      const backward = vjp(graph, { of: 'metric', wrt: names });
      const whole = await runOnce(
        only(backward, ['metric', ...names.map((n) => `grad:${n}`)]),
        { tokens },
        { threads: 1 },
      );
      expect(relative(found.value, whole.metric)).toBeLessThan(bar);
      for (const name of names) {
        expect(found.gradients[name]!.shape).toEqual(whole[`grad:${name}`]!.shape);
        expect(relative(found.gradients[name], whole[`grad:${name}`])).toBeLessThan(bar);
      }
      expect(Object.keys(found.states).sort()).toEqual([...cuts].sort());
    },
  );

  test('a cotangent weighs the elements of a result', async () => {
    const { graph, cuts } = llama();
    const cotangent = f32(
      [2, 5, 256],
      Array.from({ length: 2560 }, (_, i) => Math.sin(i)),
    );
    const found = await gradientsByCuts(graph, { tokens }, { of: 'logits', cuts, cotangent, threads: 1 });
    const backward = only(
      vjp(graph, { of: 'logits', wrt: cuts, cotangent: 'input' }),
      cuts.map((c) => `grad:${c}`),
    );
    const whole = await runOnce(backward, { tokens, 'cotangent:logits': cotangent }, { threads: 1 });
    for (const cut of cuts) expect(relative(found.gradients[cut], whole[`grad:${cut}`])).toBeLessThan(1e-6);
  });

  test('cuts that landmarks() finds will do; those behind what is differentiated are left out', async () => {
    const { graph } = llama();
    const cuts = landmarks(only(graph, ['logits'])).stream;
    const of = 'blocks.1.hook_resid_post';
    const found = await gradientsByCuts(graph, { tokens }, { of, cuts, threads: 1 });
    expect(Object.keys(found.gradients).sort()).toEqual(
      ['blocks.0.hook_resid_mid', 'blocks.0.hook_resid_post', 'blocks.1.hook_resid_mid'].sort(),
    );
  });

  test('a value that computation goes around is refused as a cut', async () => {
    const b = graphBuilder();
    b.input('x', 'float32', [2]);
    b.op('Exp', ['x'], {}, 'a');
    b.op('Neg', ['a'], {}, 'side');
    b.op('Add', ['a', 'side'], {}, 'y');
    const run = runByCuts(b.finish(['y']), { x: f32([2], [1, 2]) }, { cuts: ['a', 'side'], threads: 1 });
    await expect(run).rejects.toMatchObject({ code: 'graph.not-a-cut', where: 'side' });
  });

  test('stops when it is told to', async () => {
    const { graph, cuts } = llama();
    const run = runByCuts(graph, { tokens }, { cuts, threads: 1, signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
  });
});
