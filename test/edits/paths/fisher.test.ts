import { describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/circuits/cuts.ts';
import { tokenStates } from '../../../src/circuits/forward.ts';
import { random } from '../../../src/core/random.ts';
import { f64, tensor } from '../../../src/core/tensor.ts';
import { neurons } from '../../../src/dictionaries/neurons.ts';
import { openFisher } from '../../../src/edits/paths/fisher.ts';
import { graphBuilder } from '../../../src/graph/build.ts';
import { feedAt, only } from '../../../src/graph/interventions.ts';
import { tinyLlama } from '../../../src/models/tiny.ts';
import { openSession } from '../../../src/runtime/session.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 64,
};
const windowsOf = (seed: number, count: number, length: number) => {
  const stream = random(seed);
  return Array.from({ length: count }, () => Int32Array.from({ length }, () => stream.integer(256)));
};

test.each([
  ['blocks.0.hook_resid_post', 3],
  ['blocks.2.hook_resid_post', 3],
] as const)('KL(α ‖ α + δ) = ½ δᵀGδ on a tiny Llama in float64, cut %s', async (site, layers) => {
  const model = tinyLlama(3, { layers, dtype: 'float64' });
  const network = networkOf(model);
  const windows = windowsOf(4, 3, 7);
  const dictionary = neurons(16, site, model.hash);
  const features = [1, 5, 6, 12];
  const n = features.length;
  const alpha_N = Float64Array.of(1, 0.6, 0.2, 1.3);
  const fisher = await openFisher({ network, dictionary, windows, threads: 1 }, run);
  const G = await fisher.at(features, alpha_N);
  await fisher.release();
  expect(fisher.tokens).toBe(3 * 6);

  // The same predictions by plain runs.
  const ids_BT = Int32Array.from(windows.flatMap((w) => Array.from(w)));
  const [states] = await tokenStates(network, [{ ids_BT, positions: 7 }], [site], run);
  const session = await openSession(only(feedAt(network.graph, [site]), ['logits']), { threads: 1 });
  const logProbabilities = async (alpha: ArrayLike<number>) => {
    const x = Float64Array.from(states![site]!, (value, at) => {
      const t = Math.floor(at / 16) % 7;
      const i = features.indexOf(at % 16);
      return t > 0 && i >= 0 ? alpha[i]! * value : value;
    });
    const { logits } = await session.run({ [site]: tensor('float64', [3, 7, 16], x) });
    const V = logits!.shape[2]!;
    return Array.from({ length: 3 * 7 }, (_, row) => {
      const z = Array.from(logits!.data.slice(row * V, (row + 1) * V), Number);
      const all = Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0));
      return z.map((value) => value - all);
    });
  };
  const before = await logProbabilities(alpha_N);
  const kl = async (delta: readonly number[]) => {
    const after = await logProbabilities(alpha_N.map((a, i) => a + delta[i]!));
    let sum = 0;
    before.forEach((row, r) => {
      if (r % 7 === 0) return;
      row.forEach((value, v) => {
        sum += Math.exp(value) * (value - after[r]![v]!);
      });
    });
    return sum / (3 * 6);
  };
  const stream = random(9);
  for (let draw = 0; draw < 4; draw++) {
    const delta = Array.from({ length: n }, () => 1e-3 * stream.normal());
    const both = ((await kl(delta)) + (await kl(delta.map((d) => -d)))) / 2;
    let half = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) half += (delta[i]! * G[i * n + j]! * delta[j]!) / 2;
    expect(Math.abs(half - both) / both).toBeLessThan(1e-4);
  }
  await session.release();
});

describe('an explicit softmax', () => {
  // Tokens → table → cut x → logits = x W. On neurons J_i = x_i W_i, G = mean over positions of Σ_c p_c s_ic s_jc with the
  // scores s_ic = ∂ log p_c/∂α_i written out.
  const [D, C, T] = [3, 4, 3];
  const stream = random(6);
  const table = Float64Array.from({ length: 5 * D }, () => stream.normal());
  const W_DC = Float64Array.from({ length: D * C }, () => stream.normal());
  const b = graphBuilder();
  b.input('tokens', 'int64', ['batch', 'position']);
  b.site('x', b.op('Gather', [b.constant(f64([5, D], table), 'table'), 'tokens']));
  b.op('MatMul', ['x', b.constant(f64([D, C], W_DC), 'W')], {}, 'logits');
  const places = [
    { site: 'x', depth: 0, width: D, complete: true },
    { site: 'part', depth: 0.5, width: D, complete: false },
  ];
  const network = { graph: b.finish(['logits']), cuts: ['x'], width: D, places };
  const windows = [Int32Array.of(0, 3, 1), Int32Array.of(2, 4, 4)];
  const features = [0, 2];
  const alpha = [0.4, 1.7];

  test('has the metric of its closed form', async () => {
    const dictionary = neurons(D, 'x', '');
    const fisher = await openFisher({ network, dictionary, windows, threads: 1 }, run);
    const G = await fisher.at(features, Float64Array.from(alpha));
    await fisher.release();
    const want = [0, 0, 0, 0];
    for (const window of windows)
      for (let t = 1; t < T; t++) {
        // The states reach the dictionary in float32.
        const x = Array.from({ length: D }, (_, d) => Math.fround(table[window[t]! * D + d]!));
        const edited = x.map((value, d) =>
          features.includes(d) ? alpha[features.indexOf(d)]! * value : value,
        );
        const z = Array.from({ length: C }, (_, c) =>
          edited.reduce((sum, value, d) => sum + value * W_DC[d * C + c]!, 0),
        );
        const all = z.reduce((sum, value) => sum + Math.exp(value), 0);
        const p = z.map((value) => Math.exp(value) / all);
        const scores = features.map((d) => {
          const J = p.map((_, c) => x[d]! * W_DC[d * C + c]!);
          const mean = J.reduce((sum, value, c) => sum + p[c]! * value, 0);
          return J.map((value) => value - mean);
        });
        for (const i of [0, 1])
          for (const j of [0, 1])
            for (let c = 0; c < C; c++) want[i * 2 + j]! += (p[c]! * scores[i]![c]! * scores[j]![c]!) / 4;
      }
    want.forEach((value, at) => {
      expect(G[at]).toBeCloseTo(value, 12);
    });
  });
  test('is the same where the network flattens its batch, so that one state cannot stand beside many tangents', async () => {
    const metricOf = async (flattens: boolean) => {
      const deep = graphBuilder();
      deep.input('tokens', 'int64', ['batch', 'position']);
      deep.site('x', deep.op('Gather', [deep.constant(f64([5, D], table), 'table'), 'tokens']));
      const M = deep.constant(f64([D, D], W_DC.slice(0, D * D)), 'M');
      const rows = flattens ? deep.op('Reshape', ['x', deep.ints(-1, D)]) : 'x';
      const bent = deep.op('Tanh', [deep.op('MatMul', [rows, M])]);
      deep.site('y', flattens ? deep.op('Reshape', [bent, deep.op('Shape', ['x'])]) : bent);
      deep.op('MatMul', ['y', deep.constant(f64([D, C], W_DC), 'W')], {}, 'logits');
      const two = { ...network, graph: deep.finish(['logits']), cuts: ['x', 'y'] };
      const more = [...places, { site: 'y', depth: 1, width: D, complete: true }];
      const opened = await openFisher(
        { network: { ...two, places: more }, dictionary: neurons(D, 'x', ''), windows, threads: 1 },
        run,
      );
      const G = await opened.at(features, Float64Array.from(alpha));
      await opened.release();
      return G;
    };
    const [flat, plain] = [await metricOf(true), await metricOf(false)];
    flat.forEach((value, at) => {
      expect(value).toBeCloseTo(plain[at]!, 12);
    });
    expect(Math.abs(plain[1]!)).toBeGreaterThan(1e-3);
  });
  test('features that are active nowhere cost nothing and change nothing', async () => {
    const silent = { ...neurons(D, 'x', ''), sinkNorm: 0 };
    const fisher = await openFisher({ network, dictionary: silent, windows, threads: 1 }, run);
    expect(Array.from(await fisher.at(features, Float64Array.of(1, 1)))).toEqual([0, 0, 0, 0]);
    await fisher.release();
  });
  test('a dictionary that does not sit at a complete cut is refused', async () => {
    const dictionary = neurons(D, 'part', '');
    await expect(openFisher({ network, dictionary, windows, threads: 1 }, run)).rejects.toMatchObject({
      code: 'edit.metric',
    });
  });
});
