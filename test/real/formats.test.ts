import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { i64 } from '../../src/core/tensor.ts';
import { exportFolder } from '../../src/models/export-folder.ts';
import { exportOnnx } from '../../src/models/export-onnx.ts';
import { openTokenModel } from '../../src/models/open.ts';
import { LAST_LOGITS, lastLogits } from '../../src/models/predict.ts';
import type { Model } from '../../src/models/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { compareTokens, referenceKinds } from '../support/token-ids.ts';

const prompts = ['When Mary and John went to the store, John gave a drink to', 'The keys to the cabinet'];

describe.runIf(await hasRealModel())('SmolLM2', () => {
  const folder = temporaryFolder();
  let model: Model;
  let before: Float32Array[];
  const home = process.env.UNTANGLE_HOME;

  /** Logits after each prompt. */
  async function answers(of: Model): Promise<Float32Array[]> {
    const session = await openSession(lastLogits(of), { threads: 2 });
    try {
      const all: Float32Array[] = [];
      for (const prompt of prompts) {
        const ids = of.tokenizer.encode(prompt);
        const out = await session.run({
          tokens: i64([1, ids.length], ids),
          last: i64([1], [ids.length - 1]),
        });
        all.push(Float32Array.from(out[LAST_LOGITS]!.data as Float32Array));
      }
      return all;
    } finally {
      await session.release();
    }
  }
  /** Largest distance as a share of the largest logit. */
  const distance = (a: Float32Array[], b: Float32Array[]): number => {
    let [most, largest] = [0, 0];
    a.forEach((row, i) => {
      row.forEach((x, j) => {
        most = Math.max(most, Math.abs(x - b[i]![j]!));
        largest = Math.max(largest, Math.abs(x));
      });
    });
    return most / largest;
  };

  beforeAll(async () => {
    model = await realModel();
    before = await answers(model);
    // What is written here is opened once: its conversion goes with it.
    process.env.UNTANGLE_HOME = join(folder, 'home');
  });
  afterAll(() => {
    if (home === undefined) delete process.env.UNTANGLE_HOME;
    else process.env.UNTANGLE_HOME = home;
  });

  test('its tokenizer from GGUF gives the ids of the Rust library for ten thousand strings', () => {
    const { first, ...found } = compareTokens(referenceKinds.smollm2!, model.tokenizer);
    expect(first).toBeUndefined();
    const { ids, sha256, decoded } = referenceKinds.smollm2!;
    expect(found).toEqual({ ids, sha256, decoded });
  });

  test('written as safetensors and opened again it gives the same logits', async () => {
    const target = join(folder, 'smollm2');
    await exportFolder(model, target, { progress: silent });
    const again = await openTokenModel(target, { progress: silent });
    expect(again.hash).toBe(model.hash);
    expect(distance(await answers(again), before)).toBeLessThan(1e-4);
  }, 120_000);

  test('exported as ONNX and opened again it gives the same logits under the same names', async () => {
    const path = join(folder, 'smollm2.onnx');
    await exportOnnx(model, path, { progress: silent });
    const again = await openTokenModel(path, { progress: silent });
    expect({ hash: again.hash, shape: again.shape, sites: again.sites }).toEqual({
      hash: model.hash,
      shape: model.shape,
      sites: model.sites,
    });
    expect(distance(await answers(again), before)).toBeLessThan(1e-4);
  }, 120_000);
});
