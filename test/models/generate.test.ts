import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { f32 } from '../../src/core/tensor.ts';
import { replaceAt } from '../../src/graph/interventions.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import { buildModel } from '../../src/models/build/model.ts';
import {
  type Ended,
  type GeneratedToken,
  type GenerateOptions,
  generate,
  incrementalText,
} from '../../src/models/generate.ts';
import { openHuggingFaceSource } from '../../src/models/huggingface.ts';
import { longestText } from '../../src/models/rotary.ts';
import { sample } from '../../src/models/sampling.ts';
import { modelSites } from '../../src/models/sites.ts';
import { openSteps, type Rewriting } from '../../src/models/steps.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { byteTokenizer } from '../../src/models/tokenizer.ts';
import type { Model } from '../../src/models/types.ts';
import { sourceWeights } from '../support/source-weights.ts';

const threads = 1;
const oracles = 'test/oracles/families';
const cases = readdirSync(oracles).filter((name) => existsSync(`${oracles}/${name}/config.json`));

/** A model of the oracles of families in memory, or nothing when it is no decoder. */
async function decoder(name: string): Promise<Model | undefined> {
  const source = await openHuggingFaceSource(`${oracles}/${name}`);
  try {
    const { shape } = source;
    if (shape.kind !== undefined) return undefined;
    const graph = buildModel(shape, sourceWeights(source, 'float32'));
    const sites = modelSites(shape);
    return {
      name,
      source: '',
      note: '',
      parameters: 0,
      hash: '',
      shape,
      graph,
      tokenizer: byteTokenizer(shape.vocabulary),
      sites,
    };
  } finally {
    source.close();
  }
}
const decoders: Model[] = [];
for (const name of cases) {
  const model = await decoder(name);
  if (model) decoders.push(model);
}

/** Largest difference of logits along a text, as a share of the largest logit, between steps with and without cache. */
async function difference(model: Model, lengths: readonly number[], rewriting?: Rewriting): Promise<number> {
  const positions = lengths.at(-1)!;
  const stream = random(7);
  const ids = Array.from({ length: positions }, () => stream.integer(model.shape.vocabulary));
  const options = { threads, positions, ...(rewriting ? { rewriting } : {}) };
  const [kept, whole] = await Promise.all([
    openSteps(model, options),
    openSteps(model, { ...options, cache: false }),
  ]);
  let [most, largest] = [0, 0];
  for (const length of lengths) {
    const a = await kept.after(ids.slice(0, length));
    const b = await whole.after(ids.slice(0, length));
    for (let i = 0; i < b.length; i++) {
      most = Math.max(most, Math.abs(a[i]! - b[i]!));
      largest = Math.max(largest, Math.abs(b[i]!));
    }
  }
  await kept.close();
  await whole.close();
  return most / largest;
}
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** What generate() yields, and why it ended. */
async function all(
  model: Model,
  options: Partial<GenerateOptions>,
): Promise<{ tokens: GeneratedToken[]; ended: Ended }> {
  const tokens: GeneratedToken[] = [];
  const run = generate(model, { input: [1, 2, 3], count: 12, threads, ...options });
  for (;;) {
    const { done, value } = await run.next();
    if (done) return { tokens, ended: value };
    tokens.push(value);
  }
}
const idsOf = ({ tokens }: { tokens: readonly GeneratedToken[] }) => tokens.map((token) => token.id);

describe('with the key–value cache', () => {
  test('there are decoders of nine families to try', () =>
    expect(new Set(decoders.map((model) => model.shape.family)).size).toBeGreaterThanOrEqual(9));
  test.each(decoders)('$name: logits of every step are those of the whole text', async (model) => {
    const longest = Math.min(longestText(model.shape), 40);
    expect(await difference(model, [5, ...upTo(6, longest)])).toBeLessThan(1e-4);
  });
  test.each(decoders)('$name: every size of the step graph is known beforehand', ({ shape, graph }) => {
    const types = inferShapes(buildModel(shape, graph.weights, { cache: true }));
    const unknown = [...types].filter(([, type]) => type.shape.some((dim) => String(dim).includes('?')));
    expect(unknown.map(([name]) => name)).toEqual([]);
  });
  test('a prompt longer than one run of it', async () => {
    const model = tinyLlama(3, { tied: false, context: 1200, layers: 1 });
    expect(await difference(model, [1100, 1101, 1110])).toBeLessThan(1e-4);
  });
  test('in float64 to the last digits', async () => {
    expect(await difference(tinyLlama(3, { dtype: 'float64', tied: false }), upTo(1, 20))).toBeLessThan(
      1e-12,
    );
  });
  test.each(['hook_k', 'hook_rot_k', 'hook_v', 'hook_q', 'hook_z', 'hook_pattern'])(
    'under an edit of attention at %s',
    async (site) => {
      const rewriting: Rewriting = {
        apply: (graph) =>
          replaceAt(graph, `blocks.0.attn.${site}`, (b, x) =>
            b.op('Mul', [x, b.input('factor', 'float32', [])]),
          ),
        feeds: { factor: f32([], [0.3]) },
      };
      const model = tinyLlama(5, { tied: false });
      expect(await difference(model, upTo(3, 20), rewriting)).toBeLessThan(1e-4);
      const edited = await openSteps(model, { threads, positions: 4, rewriting });
      const plain = await openSteps(model, { threads, positions: 4 });
      expect([...(await edited.after([1, 2, 3]))]).not.toEqual([...(await plain.after([1, 2, 3]))]);
      await edited.close();
      await plain.close();
    },
  );
  test('models of images say nothing about next tokens', async () => {
    const source = await openHuggingFaceSource(`${oracles}/${cases.find((name) => name.startsWith('vit'))}`);
    const { shape } = source;
    const vision = { ...tinyLlama(1), shape, graph: buildModel(shape, sourceWeights(source, 'float32')) };
    source.close();
    await expect(openSteps(vision, { threads, positions: 4 })).rejects.toMatchObject({
      code: 'model.no-logits',
    });
  });
});

describe('generate', () => {
  const model = tinyLlama(6, { tied: false });
  test('takes the likeliest token each time, with and without cache', async () => {
    const [a, b] = [await all(model, {}), await all(model, { cache: false })];
    expect(idsOf(a)).toHaveLength(12);
    expect(a.ended).toBe('length');
    expect(idsOf(b)).toEqual(idsOf(a));
    for (const [i, token] of a.tokens.entries())
      expect(token.logProbability).toBeCloseTo(b.tokens[i]!.logProbability, 4);
  });
  test('draws the same tokens from the same seed, others from another', async () => {
    const sampling = { temperature: 1.5, topK: 200, topP: 0.99 };
    const [a, b, c] = await Promise.all([1, 1, 2].map((seed) => all(model, { sampling, seed })));
    expect(idsOf(b!)).toEqual(idsOf(a!));
    expect(idsOf(c!)).not.toEqual(idsOf(a!));
    expect(idsOf(await all(model, { sampling, seed: 1, cache: false }))).toEqual(idsOf(a!));
  });
  test('ends at a stop token, which is not part of the text', async () => {
    const free = idsOf(await all(model, {}));
    const at = free.findIndex((id, i) => i > 0 && free.indexOf(id) === i);
    const { tokens, ended } = await all(model, { stop: [free[at]!] });
    expect(ended).toBe('stop');
    expect(idsOf({ tokens })).toEqual(free.slice(0, at));
  });
  test('ends where the model takes no longer text', async () => {
    const short = tinyLlama(6, { tied: false, context: 8 });
    const { tokens, ended } = await all(short, {});
    expect(ended).toBe('context');
    expect(tokens).toHaveLength(6);
  });
  test('ends with what there is when interrupted, and closes when the reader leaves', async () => {
    const controller = new AbortController();
    const run = generate(model, { input: 'ab', count: 50, threads, signal: controller.signal });
    await run.next();
    controller.abort();
    expect(await run.next()).toEqual({ done: true, value: 'interrupted' });
    const left = generate(model, { input: 'ab', count: 50, threads });
    await left.next();
    expect((await left.return('interrupted')).done).toBe(true);
    expect((await left.next()).done).toBe(true);
  });
  test('shows whole characters only: pieces of the bytes of one are held back', () => {
    const show = incrementalText(byteTokenizer());
    expect([...new TextEncoder().encode('aé🙂b')].map(show)).toEqual(['a', '', 'é', '', '', '', '🙂', 'b']);
  });
  test('keeps the spaces that a tokenizer drops at the beginning of a text', () => {
    const words = ['▁Hello', '▁world', '!', '▁again'];
    const decode = (ids: readonly number[]) =>
      ids
        .map((id) => words[id]!.replace('▁', ' '))
        .join('')
        .replace(/^ /, '');
    const show = incrementalText({ ...byteTokenizer(), decode });
    expect([0, 1, 2, 3].map(show)).toEqual(['Hello', ' world', '!', ' again']);
  });
  test.each([
    [{ input: '' }, 'model.no-tokens'],
    [{ input: 'x'.repeat(65) }, 'model.too-long'],
    [{ input: [999] }, 'model.unknown-token'],
  ])('%j gives %s', (options, code) => expect(all(model, options)).rejects.toMatchObject({ code }));
});

describe('sampling', () => {
  const logits = Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05));
  const shares = (sampling: Parameters<typeof sample>[1]) => {
    const stream = random(3);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[sample(logits, sampling, stream)]! += 1 / 20_000;
    return counts;
  };
  const near = (counts: number[], expected: number[]) =>
    expected.forEach((p, i) => {
      expect(Math.abs(counts[i]! - p)).toBeLessThan(p === 0 ? 1e-12 : 0.015);
    });
  test('draws by the probabilities', () => near(shares({ temperature: 1 }), [0.5, 0.3, 0.15, 0.05]));
  test('temperature ½ squares them', () => {
    const squares = [0.25, 0.09, 0.0225, 0.0025].map((p) => p / 0.365);
    near(shares({ temperature: 0.5 }), squares);
  });
  test('top-k keeps the k likeliest', () => near(shares({ temperature: 1, topK: 2 }), [0.625, 0.375, 0, 0]));
  test('top-p keeps those that hold p together, the one that crosses it included', () => {
    near(shares({ temperature: 1, topP: 0.8 }), [0.625, 0.375, 0, 0]);
    near(shares({ temperature: 1, topP: 0.81 }), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]);
    near(shares({ temperature: 1, topP: 0.01 }), [1, 0, 0, 0]);
  });
  test('temperature 0 takes the likeliest, of equals the first', () => {
    expect(sample(Float32Array.of(1, 3, 3), { temperature: 0 }, random(0))).toBe(1);
  });
});
