/** @file The small model of this package: its files, its tokens and logits beside the reference, its bits per byte. */
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { loadDocuments, textSource } from '../../src/data/text.ts';
import { openTokenModel } from '../../src/models/open.ts';
import { openPredictor } from '../../src/models/predict.ts';
import { runModel } from '../../src/models/run.ts';
import { modelBits } from '../../src/networks/bits.ts';
import { tinyRecipe } from '../../src/networks/recipe.ts';
import { tokenStream } from '../../src/networks/token-stream.ts';
import oracle from '../oracles/tiny_model.json' with { type: 'json' };

const context = { progress: silent };
const model = await openTokenModel('tiny', context);
const training = JSON.parse(readFileSync('models/tiny/training.json', 'utf8')) as {
  recipe: unknown;
  curve: { step: number; heldOut: number }[];
  heldOut: { tokens: number; bytes: number; bitsPerByte: Record<'model' | 'unigram' | 'trigram', number> };
};

describe('models/tiny', () => {
  test('is a Llama of 1 to 2 million parameters and at most 4,096 tokens, in at most 4 MB', () => {
    expect(model.parameters).toBeGreaterThan(1e6);
    expect(model.parameters).toBeLessThan(2e6);
    expect(model.shape.vocabulary).toBeLessThanOrEqual(4096);
    expect(statSync('models/tiny/model.safetensors').size).toBeLessThanOrEqual(4e6);
  });
  test('was trained by the recipe that the script has', () => expect(training.recipe).toEqual(tinyRecipe));
  test('has the tokens that the Python package tokenizers gives', async () => {
    const { documents } = await loadDocuments(textSource('tiny-held-out'), context);
    expect(oracle.texts.map((text) => model.tokenizer.encode(text))).toEqual(oracle.ids);
    // Python cuts by code point, JavaScript by half characters: the texts have none beyond the first plane.
    const cut = documents.map(({ text }) => model.tokenizer.encode(text.slice(0, 2000)));
    expect(cut).toEqual(oracle.heldOutIds);
    for (const text of oracle.texts) expect(model.tokenizer.decode(model.tokenizer.encode(text))).toBe(text);
  });
  test("has the logits of transformers' Llama", async () => {
    const predictor = await openPredictor(model, { threads: 1 });
    const [ours] = await predictor.afterTokens([oracle.prompt]);
    await predictor.close();
    const total = Math.log(oracle.logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const worst = oracle.logits.reduce(
      (most, logit, id) => Math.max(most, Math.abs(logit - total - ours![id]!)),
      0,
    );
    expect(worst).toBeLessThan(1e-4 * Math.max(...oracle.logits.map(Math.abs)));
  });
  test('knows what follows "The President of the United"', async () => {
    const { predictions } = await runModel(model, { input: 'The President of the United', threads: 1 });
    expect(predictions[0]!.text).toBe(' States');
  });
  test('needs fewer bits per byte of held-out text than a trigram and a unigram model', async () => {
    const { documents } = await loadDocuments(textSource('tiny-held-out'), context);
    const stream = tokenStream(documents, model.tokenizer);
    const part = stream.subarray(0, 48 * tinyRecipe.length);
    const options = { length: tinyRecipe.length, batch: 8, start: 0, threads: 2 };
    const { bitsPerByte } = training.heldOut;
    expect(bitsPerByte.model).toBeLessThan(bitsPerByte.trigram);
    expect(bitsPerByte.trigram).toBeLessThan(bitsPerByte.unigram);
    // The first 12,288 tokens; `npm run train:tiny` measures all of them.
    expect((await modelBits(model, part, options)).bitsPerByte).toBeCloseTo(1.3, 1);
  });
});
