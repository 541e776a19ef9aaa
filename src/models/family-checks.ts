/** @file Tiny random models of every family, run whole and from a cut on: the parts of the builder, without any file. */
import { i64, type Tensor } from '../core/tensor.ts';
import { feedAt, only, read } from '../graph/interventions.ts';
import { openSession } from '../runtime/session.ts';
import { residualCuts } from './sites.ts';
import { tinyLlama } from './tiny.ts';
import { type Family, families, type ModelShape } from './types.ts';

const gemma: Partial<ModelShape> = { normPlace: 'around', activation: 'gelu_tanh', embedScale: 4 };
const layered: Partial<ModelShape> = {
  norm: 'layer',
  gated: false,
  activation: 'gelu',
  biases: ['qkv', 'out', 'mlp'],
  kvHeads: 4,
};
const placed: Partial<ModelShape> = { ...layered, ropeBase: 0, positionTable: { rows: 66, first: 0 } };
const encoder: Partial<ModelShape> = {
  ...placed,
  kind: 'encoder',
  normPlace: 'after',
  head: 'masked',
  tokenTypes: { kinds: 2, separator: 3 },
  padding: 0,
};

/** What a tiny model of each family of text has that a tiny Llama has not. */
export const familyTraits: Readonly<Record<Exclude<Family, 'vit'>, Partial<ModelShape>>> = {
  llama: { ropeFactors: [1, 4] },
  mistral: { window: 4 },
  qwen2: { biases: ['qkv'] },
  qwen3: { headNorm: true },
  gemma2: { ...gemma, attentionCap: 5, logitCap: 3, window: 4, localLayers: [0] },
  gemma3: { ...gemma, headNorm: true, window: 4, localLayers: [0], ropeLocalBase: 100 },
  phi3: { ropeFactors: [1, 2], ropeLong: { after: 6, factors: [2, 4] }, ropeScale: 1.2 },
  gpt2: { ...placed, activation: 'gelu_tanh' },
  gpt_neox: { ...layered, parallel: true, ropeWidth: 2 },
  bert: encoder,
  roberta: { ...encoder, positionTable: { rows: 66, first: 1 }, tokenTypes: { kinds: 1 } },
};

/** Largest deviation, over all families of text, of logits run from the first block's end on from the whole run's. */
export async function familiesFromCut(threads: number): Promise<{ families: number; worst: number }> {
  const ids = [7, 60, 3, 200, 9, 1, 2, 3, 40, 0];
  const tokens = i64([1, ids.length], ids);
  const run = async (graph: Parameters<typeof openSession>[0], feeds: Record<string, Tensor>) => {
    const session = await openSession(graph, { threads });
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  };
  let worst = 0;
  const named = families.filter((family) => family !== 'vit');
  for (const family of named) {
    const { graph, shape } = tinyLlama(3, { family, ...familyTraits[family] });
    const cut = residualCuts(shape)[1]!;
    const whole = await run(read(graph, [cut]), { tokens });
    const rest = only(feedAt(graph, [cut]), ['logits']);
    const feeds = Object.fromEntries(
      rest.inputs.map(({ name }) => [name, name === cut ? whole[cut]! : tokens]),
    );
    const [a, b] = [(await run(rest, feeds)).logits!.data, whole.logits!.data];
    for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(Number(a[i]) - Number(b[i])));
  }
  return { families: named.length, worst };
}
