import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { vjp } from '../../src/autodiff/vjp.ts';
import { i64, type Tensor, zeros } from '../../src/core/tensor.ts';
import { openSafetensors } from '../../src/files/safetensors.ts';
import { feedAt, only, read } from '../../src/graph/interventions.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import type { Graph } from '../../src/graph/types.ts';
import { buildModel } from '../../src/models/build/model.ts';
import { openGgufSource } from '../../src/models/gguf-source.ts';
import { openHuggingFaceSource } from '../../src/models/huggingface.ts';
import { lastLogits } from '../../src/models/predict.ts';
import { runModel } from '../../src/models/run.ts';
import { modelSites, residualCuts } from '../../src/models/sites.ts';
import type { WeightSource } from '../../src/models/source.ts';
import { openTokenizer } from '../../src/models/tokenizer.ts';
import { families, type Model, type ModelShape } from '../../src/models/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { sourceWeights } from '../support/source-weights.ts';

/** Written by test/oracles/families.py with transformers. */
const oracles = 'test/oracles/families';
const cases = readdirSync(oracles).filter((name) => existsSync(`${oracles}/${name}/config.json`));

/** Largest deviation from the reference, as a share of its largest number. */
const BAR = 1e-4;

async function expectedOf(name: string): Promise<Record<string, Tensor>> {
  const file = await openSafetensors(`${oracles}/${name}/expected.safetensors`);
  const tensors = Object.fromEntries(file.names.map((tensor) => [tensor, file.read(tensor)]));
  file.close();
  return tensors;
}

function built(source: WeightSource): { shape: ModelShape; graph: Graph } {
  try {
    return { shape: source.shape, graph: buildModel(source.shape, sourceWeights(source, 'float32')) };
  } finally {
    source.close();
  }
}

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(graph, { threads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function deviation(ours: Tensor | undefined, theirs: Tensor): number {
  const [a, b] = [ours!.data as Float32Array, theirs.data as Float32Array];
  expect(a.length).toBe(b.length);
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return most / largest;
}

const isInput = (name: string) => name === 'tokens' || name === 'pixels';
const inputOf = (values: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => isInput(name)));

test('there is a case for every family', async () => {
  const found = new Set<string>();
  for (const name of cases) {
    const source = await openHuggingFaceSource(`${oracles}/${name}`);
    found.add(source.shape.family);
    source.close();
  }
  expect([...found].sort()).toEqual([...families].sort());
});

describe.each(cases)('%s against transformers', (name) => {
  test('logits, and values inside by their TransformerLens names', async () => {
    const { graph, shape } = built(await openHuggingFaceSource(`${oracles}/${name}`));
    const expected = await expectedOf(name);
    const names = Object.keys(expected).filter((n) => !isInput(n) && !n.endsWith('_long'));
    const out = await run(read(graph, names), inputOf(expected));
    for (const n of names) expect(deviation(out[n], expected[n]!), n).toBeLessThan(BAR);
    expect(names.length).toBeGreaterThan(5);
    const sites = new Set(modelSites(shape).map((site) => site.name));
    const inside = names.filter((n) => n.startsWith('blocks.'));
    expect(inside.filter((n) => !sites.has(n))).toEqual([]);
  });

  test('every site is a value of the graph with the shape that its entry says', async () => {
    const { graph, shape } = built(await openHuggingFaceSource(`${oracles}/${name}`));
    const shapes = inferShapes(graph);
    for (const site of modelSites(shape)) expect(shapes.get(site.name)?.shape, site.name).toEqual(site.shape);
    for (const cut of residualCuts(shape)) expect(shapes.has(cut), cut).toBe(true);
  });

  test('the gradient at the first cut is that of small steps', async () => {
    const { graph, shape } = built(await openHuggingFaceSource(`${oracles}/${name}`));
    const feeds = inputOf(await expectedOf(name));
    const [cut, of] = [residualCuts(shape)[0]!, graph.outputs[0]!];
    const values = await run(read(graph, [cut]), feeds);
    const cotangent = zeros('float32', values[of]!.shape);
    const direction = zeros('float32', values[cut]!.shape);
    for (let i = 0; i < cotangent.data.length; i++) cotangent.data[i] = Math.sin(1 + i);
    for (let i = 0; i < direction.data.length; i++) direction.data[i] = Math.cos(1 + 2 * i);
    const backward = vjp(only(graph, [of]), { of, wrt: [cut] });
    const { [`grad:${cut}`]: gradient } = await run(backward, { ...feeds, [`cotangent:${of}`]: cotangent });
    const along = dot(gradient!, direction);
    const rest = only(feedAt(graph, [cut]), [of]);
    const others = Object.fromEntries(
      rest.inputs.filter((i) => i.name !== cut).map((i) => [i.name, feeds[i.name]!]),
    );
    const metricAt = async (step: number) => {
      const moved = (values[cut]!.data as Float32Array).map(
        (x, i) => x + step * (direction.data[i] as number),
      );
      const out = await run(rest, { ...others, [cut]: { ...values[cut]!, data: moved } as Tensor });
      return dot(out[of]!, cotangent);
    };
    const step = 2e-3;
    const slope = ((await metricAt(step)) - (await metricAt(-step))) / (2 * step);
    expect(Math.abs(along)).toBeGreaterThan(0.01);
    expect(Math.abs(slope - along) / Math.max(1, Math.abs(along))).toBeLessThan(0.02);
  });
});

const dot = (a: Tensor, b: Tensor): number => {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Number(a.data[i]) * Number(b.data[i]);
  return sum;
};

test('LongRoPE takes its other factors for texts longer than the original context', async () => {
  const { graph } = built(await openHuggingFaceSource(`${oracles}/phi3`));
  const { tokens_long, logits_long } = await expectedOf('phi3');
  const out = await run(graph, { tokens: tokens_long! });
  expect(deviation(out.logits, logits_long!)).toBeLessThan(BAR);
});

const inGguf = cases.filter((name) => existsSync(`${oracles}/${name}/model.gguf`));

describe.each(inGguf)('%s from GGUF', (name) => {
  test('gives the logits of transformers', async () => {
    const source = openGgufSource(`${oracles}/${name}/model.gguf`);
    expect(source.precision).toBe({ llama2: '', gpt_neox_serial: '16-bit (F16)' }[name] ?? '16-bit (BF16)');
    const { graph } = built(source);
    const expected = await expectedOf(name);
    const [of] = graph.outputs;
    const out = await run(graph, inputOf(expected));
    expect(deviation(out[of!], expected[of!]!)).toBeLessThan(BAR);
  });
});

test('an encoder guesses the masked token, between its start and end tokens', async () => {
  const source = await openHuggingFaceSource(`${oracles}/bert`);
  const files = source.tokenizer!;
  const { graph, shape } = built(source);
  const tokenizer = openTokenizer(
    { ...files, config: { ...(files.config as object), mask_token: '[UNK]' } },
    'bert',
  );
  const model: Model = {
    ...{ name: 'bert', source: '', note: '', parameters: 0, hash: '', shape, graph, tokenizer },
    sites: modelSites(shape),
  };
  const { tokens, predictions } = await runModel(model, { input: '12[UNK]3', threads: 1, top: 3 });
  expect(tokens.map((t) => t.text)).toEqual(['[CLS]', '1', '2', '[UNK]', '3', '[SEP]']);
  const { logits } = await run(graph, {
    tokens: i64(
      [1, 6],
      tokens.map((t) => t.id),
    ),
  });
  const row = (logits!.data as Float32Array).subarray(3 * shape.vocabulary, 4 * shape.vocabulary);
  expect(predictions[0]!.id).toBe(row.indexOf(Math.max(...row)));
  const vision = await openHuggingFaceSource(`${oracles}/vit`);
  const images = { ...model, shape: vision.shape, graph: built(vision).graph };
  expect(() => lastLogits(images)).toThrow(expect.objectContaining({ code: 'model.no-logits' }));
});
