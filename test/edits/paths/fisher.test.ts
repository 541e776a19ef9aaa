import { describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/circuits/cuts.ts';
import { tokenStates } from '../../../src/circuits/forward.ts';
import { random } from '../../../src/core/random.ts';
import { f64, tensor } from '../../../src/core/tensor.ts';
import { neurons } from '../../../src/dictionaries/neurons.ts';
import { openFisher } from '../../../src/edits/paths/fisher.ts';
import { openRowFisher } from '../../../src/edits/paths/fisher-rows.ts';
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

describe('the Fisher metric of rows, in closed form', () => {
  // logits = x W + b: J_i = f_i d_i W, G = mean over rows of Σ_c p_c (J_ic − p·J_i)(J_jc − p·J_j).
  const [D, F, N] = [3, 2, 2];
  const x_ND = [0.3, -1, 0.5, 1.2, 0.1, -0.7];
  const features_NF = [1.5, 0, 0.4, 2];
  const W_dec_FD = [1, 0, 0.5, -0.3, 0.8, 0];
  const W_DC = [0.4, -0.2, 0.9, 1.1, 0.3, -0.5, -0.6, 0.7, 0.2];
  const alpha = [0.5, 1.4];
  const graphOf = (C: number) => {
    const b = graphBuilder();
    b.input('x', 'float64', ['batch', D]);
    b.site('hidden', 'x');
    const W = Float64Array.from({ length: D * C }, (_, at) => W_DC[Math.floor(at / C) * 3 + (at % C)]!);
    b.op('MatMul', ['hidden', b.constant(f64([D, C], W), 'W')], {}, 'logits');
    return b.finish(['logits']);
  };
  /** Score form: Σ_c p_c ∂log p_c/∂α_i ∂log p_c/∂α_j, written out. */
  const scores = (C: number) => {
    const G = [0, 0, 0, 0];
    for (let row = 0; row < N; row++) {
      const write = (i: number, d: number) => features_NF[row * F + i]! * W_dec_FD[i * D + d]!;
      const through = (v: (d: number) => number, c: number) =>
        [0, 1, 2].reduce((sum, d) => sum + v(d) * W_DC[d * 3 + c]!, 0);
      const at = (d: number) =>
        x_ND[row * D + d]! - (1 - alpha[0]!) * write(0, d) - (1 - alpha[1]!) * write(1, d);
      const z = Array.from({ length: C }, (_, c) => through(at, c));
      // One logit is a softmax of [z, 0].
      const full = C === 1 ? [z[0]!, 0] : z;
      const all = full.reduce((sum, value) => sum + Math.exp(value), 0);
      const J = [0, 1].map((i) => {
        const moved = Array.from({ length: C }, (_, c) => through((d) => write(i, d), c));
        return C === 1 ? [moved[0]!, 0] : moved;
      });
      full.forEach((value, c) => {
        const p = Math.exp(value) / all;
        const score = J.map(
          (Ji) => Ji[c]! - full.reduce((sum, v, k) => sum + (Math.exp(v) / all) * Ji[k]!, 0),
        );
        for (const i of [0, 1]) for (const j of [0, 1]) G[i * 2 + j]! += (p * score[i]! * score[j]!) / N;
      });
    }
    return G;
  };
  test.each([1, 2, 3])('%d logits', async (C) => {
    const fisher = await openRowFisher(
      {
        graph: graphOf(C),
        site: 'hidden',
        logits: 'logits',
        x_ND,
        features_NF,
        W_dec_FD,
        width: D,
        features: F,
      },
      run,
    );
    const G = await fisher.at([0, 1], Float64Array.from(alpha));
    scores(C).forEach((value, at) => {
      expect(G[at]).toBeCloseTo(value, 12);
    });
    await fisher.release();
  });
  test('rows that do not go together are refused', async () => {
    const source = { graph: graphOf(2), site: 'hidden', logits: 'logits', x_ND, features_NF, width: D };
    await expect(openRowFisher({ ...source, W_dec_FD, features: 3 }, run)).rejects.toMatchObject({
      code: 'edit.shape',
    });
  });
});
