import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { i64, type Tensor } from '../../src/core/tensor.ts';
import { feedAt, only, read } from '../../src/graph/interventions.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import type { Weight } from '../../src/graph/types.ts';
import { buildModel } from '../../src/models/build/model.ts';
import { openHuggingFaceSource } from '../../src/models/huggingface.ts';
import { type TinyOptions, tinyLlama } from '../../src/models/tiny.ts';
import type { Model, ModelShape } from '../../src/models/types.ts';
import { countParameters } from '../../src/models/weights.ts';
import { openSession } from '../../src/runtime/session.ts';
import { sourceWeights } from '../support/source-weights.ts';

const oracle = JSON.parse(readFileSync('test/oracles/tiny-llama/logits.json', 'utf8')) as {
  ids: number[][];
  scaling: { factor: number };
  logits: number[][];
  scaled: number[][];
};

/** Weights of the oracle's folder in memory, as float64. */
async function oracleWeights(): Promise<{ shape: ModelShape; weights: Map<string, Weight> }> {
  const source = await openHuggingFaceSource('test/oracles/tiny-llama');
  const weights = sourceWeights(source, 'float64');
  source.close();
  return { shape: source.shape, weights };
}

/** Logits at the positions and tokens that the oracle wrote down. */
async function logitsOf(shape: ModelShape, weights: Map<string, Weight>): Promise<number[][]> {
  const graph = buildModel(shape, weights, { dtype: 'float64' });
  const session = await openSession(graph, { threads: 1 });
  const { logits } = await session.run({ tokens: i64([2, 40], oracle.ids.flat()) });
  await session.release();
  const rows = [0, 1].flatMap((b) => [0, 1, 17, 39].map((t) => (b * 40 + t) * shape.vocabulary));
  return rows.map((at) => Array.from({ length: 32 }, (_, i) => Number(logits!.data[at + 9 * i])));
}

const worst = (a: number[][], b: number[][]) =>
  Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i]![j]!))));

const run = async (model: Model, ids: number[][], names: string[] = []) => {
  const session = await openSession(read(model.graph, names), { threads: 1 });
  const out = await session.run({ tokens: i64([ids.length, ids[0]!.length], ids.flat()) });
  await session.release();
  return out;
};
const numbers = (t: Tensor | undefined) => Array.from(t!.data as ArrayLike<number>);
const someTokens = (count: number, seed = 1) => {
  const stream = random(seed);
  return Array.from({ length: count }, () => stream.integer(256));
};

describe('against transformers in float64, on a random Llama', () => {
  test('plain rotary embedding, shared keys, wide heads, own unembedding: logits to 1e-6', async () => {
    const { shape, weights } = await oracleWeights();
    expect(worst(await logitsOf(shape, weights), oracle.logits)).toBeLessThan(1.5e-6);
  });
  test("llama3's stretched rotary embedding, and it makes a difference", async () => {
    const { shape, weights } = await oracleWeights();
    const scaled = await configured({ rope_parameters: { rope_theta: 500, ...oracle.scaling } });
    expect(scaled.ropeFactors).toBeDefined();
    expect(worst(await logitsOf(scaled, weights), oracle.scaled)).toBeLessThan(1.5e-6);
    expect(worst(await logitsOf(shape, weights), oracle.scaled)).toBeGreaterThan(0.01);
  });
});

/** The shape that the oracle's config has with some fields changed. */
async function configured(changes: Record<string, unknown>): Promise<ModelShape> {
  const { cpSync, mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const folder = mkdtempSync(`${tmpdir()}/untangle-`);
  try {
    cpSync('test/oracles/tiny-llama', folder, { recursive: true });
    const config = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as Record<string, unknown>;
    writeFileSync(`${folder}/config.json`, JSON.stringify({ ...config, ...changes }));
    const source = await openHuggingFaceSource(folder);
    source.close();
    return source.shape;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.each<TinyOptions>([{}, { dtype: 'float64', kvHeads: 4 }, { kvHeads: 1, tied: false, layers: 1 }])(
  'tinyLlama(1, %o)',
  (options) => {
    const model = tinyLlama(1, options);
    const tolerance = options.dtype === 'float64' ? 1e-12 : 1e-4;

    test('every site is a value of the graph with the shape that its entry says', () => {
      const shapes = inferShapes(model.graph);
      for (const site of model.sites) expect(shapes.get(site.name)?.shape, site.name).toEqual(site.shape);
    });

    test('every site that TransformerLens has for a Llama is there', () => {
      const names = new Set(model.sites.map((s) => s.name));
      for (let i = 0; i < model.shape.layers; i++) {
        for (const name of [
          ...['resid_pre', 'attn_out', 'resid_mid', 'mlp_out', 'resid_post'].map((n) => `hook_${n}`),
          ...['q', 'k', 'v', 'rot_q', 'rot_k', 'attn_scores', 'pattern', 'z'].map((n) => `attn.hook_${n}`),
          ...['pre', 'pre_linear', 'post'].map((n) => `mlp.hook_${n}`),
          ...['ln1', 'ln2'].flatMap((n) => [`${n}.hook_scale`, `${n}.hook_normalized`]),
        ])
          expect(names).toContain(`blocks.${i}.${name}`);
      }
      for (const name of ['hook_embed', 'ln_final.hook_scale', 'ln_final.hook_normalized'])
        expect(names).toContain(name);
    });

    test('later tokens change nothing before them', async () => {
      const ids = someTokens(9);
      const V = model.shape.vocabulary;
      const a = numbers((await run(model, [ids])).logits);
      const b = numbers((await run(model, [[...ids.slice(0, 6), 1, 2, 3]])).logits);
      const far = (from: number, to: number) =>
        Math.max(...range(from, to).map((i) => Math.abs(a[i]! - b[i]!)));
      expect(far(0, 6 * V)).toBeLessThan(tolerance);
      expect(far(6 * V, 9 * V)).toBeGreaterThan(0.1);
    });

    test('an example gives the same alone and in a batch', async () => {
      const [a, b] = [someTokens(7, 2), someTokens(7, 3)];
      const both = numbers((await run(model, [a, b])).logits);
      const alone = numbers((await run(model, [b])).logits);
      expect(Math.max(...alone.map((x, i) => Math.abs(x - both[alone.length + i]!)))).toBeLessThan(tolerance);
    });

    test('run from any cut on, the graph gives the logits of the whole', async () => {
      const ids = someTokens(8);
      const cuts = model.sites.map((s) => s.name).filter((n) => /hook_(embed|resid_\w+)$/.test(n));
      const whole = await run(model, [ids], cuts);
      for (const cut of cuts) {
        const rest = only(feedAt(model.graph, [cut]), ['logits']);
        expect(rest.inputs.map((i) => i.name)).toEqual([cut]);
        const session = await openSession(rest, { threads: 1 });
        const { logits } = await session.run({ [cut]: whole[cut]! });
        await session.release();
        const [x, y] = [numbers(logits), numbers(whole.logits)];
        expect(Math.max(...x.map((v, i) => Math.abs(v - y[i]!))), cut).toBeLessThan(tolerance);
      }
    });

    test('sites hold what their names say: patterns are distributions, scores of later keys are masked', async () => {
      const at = 'blocks.0';
      const names = ['hook_attn_scores', 'hook_pattern'].map((n) => `${at}.attn.${n}`);
      const out = await run(
        model,
        [someTokens(5)],
        [...names, `${at}.hook_resid_pre`, `${at}.ln1.hook_scale`],
      );
      const [scores, pattern] = names.map((n) => numbers(out[n]));
      for (let row = 0; row < scores!.length / 5; row++) {
        const query = row % 5;
        const ps = pattern!.slice(5 * row, 5 * row + 5);
        expect(ps.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        expect(ps.slice(query + 1).every((p) => p === 0)).toBe(true);
        expect(scores!.slice(5 * row + query + 1, 5 * row + 5).every((s) => s < -1e29)).toBe(true);
      }
      const x = numbers(out[`${at}.hook_resid_pre`]).slice(0, 16);
      const scale = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / 16 + 1e-5);
      expect(numbers(out[`${at}.ln1.hook_scale`])[0]).toBeCloseTo(scale, 5);
    });

    test('queries and keys are rotated by the angle of their position: length stays, position 0 is untouched', async () => {
      const names = ['hook_q', 'hook_rot_q', 'hook_k', 'hook_rot_k'].map((n) => `blocks.0.attn.${n}`);
      const out = await run(model, [someTokens(6)], names);
      const { headWidth } = model.shape;
      for (const [before, after] of [names.slice(0, 2), names.slice(2)]) {
        const [q, r] = [numbers(out[before!]), numbers(out[after!])];
        const perPosition = q.length / 6;
        expect(r.slice(0, perPosition)).toEqual(q.slice(0, perPosition));
        for (let h = 0; h < q.length; h += headWidth)
          expect(Math.hypot(...r.slice(h, h + headWidth))).toBeCloseTo(
            Math.hypot(...q.slice(h, h + headWidth)),
            4,
          );
        // Pair 0 turns by one radian per position.
        const at = 3 * perPosition;
        const [a, b] = [q[at]!, q[at + headWidth / 2]!];
        expect(r[at]).toBeCloseTo(a * Math.cos(3) - b * Math.sin(3), 4);
        expect(r[at + headWidth / 2]).toBeCloseTo(b * Math.cos(3) + a * Math.sin(3), 4);
      }
    });
  },
);

describe('tinyLlama', () => {
  test('equal seeds give equal models, others do not', () => {
    expect(tinyLlama(3).hash).toBe(tinyLlama(3).hash);
    expect(tinyLlama(3).hash).not.toBe(tinyLlama(4).hash);
    expect(tinyLlama(3, { layers: 1 }).hash).not.toBe(tinyLlama(3).hash);
  });
  test('float64 is the float32 model, not rounded', async () => {
    const ids = [someTokens(6)];
    const a = numbers((await run(tinyLlama(5), ids)).logits);
    const b = numbers((await run(tinyLlama(5, { dtype: 'float64' }), ids)).logits);
    expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(1e-3);
  });
  test('counts its parameters', () => {
    const { shape, parameters } = tinyLlama(1);
    // 256·16 + 2·(16·(16 + 8 + 8 + 16) + 3·16·24 + 2·16) + 16
    expect(parameters).toBe(4096 + 2 * (768 + 1152 + 32) + 16);
    expect(parameters).toBe(countParameters(shape));
  });
});

test('a missing or misshapen weight is named', () => {
  const { shape, graph } = tinyLlama(1);
  const without = new Map(graph.weights);
  without.delete('blocks.1.mlp.W_in');
  expect(() => buildModel(shape, without)).toThrow(/blocks\.1\.mlp\.W_in/);
  expect(() => buildModel({ ...shape, mlpWidth: 25 }, graph.weights)).toThrow(
    expect.objectContaining({ code: 'model.tensor-shape' }),
  );
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
