/** @file An edit of SmolLM2 written as one ONNX file and run by plain onnxruntime, and one folded into its weights. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f64, tensor } from '../../src/core/tensor.ts';
import { encodePrompt } from '../../src/data/examples.ts';
import { applyEdit } from '../../src/edits/apply.ts';
import { parseChange } from '../../src/edits/edit-file.ts';
import { foldEdit } from '../../src/edits/export/fold.ts';
import { exportEdited } from '../../src/edits/export/onnx.ts';
import type { Edit } from '../../src/edits/kinds/registry.ts';
import { runModel } from '../../src/models/run.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { randomDictionary } from '../circuits/support/dictionaries.ts';
import { largestDifference } from '../circuits/support/tiny.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';
import { temporaryFolder } from '../support/temporary.ts';

const model = (await hasRealModel()) ? await realModel() : undefined;
const stream = random(1);
const normals = (n: number) => Float64Array.from({ length: n }, () => stream.normal());
const last = (data: ArrayLike<number>) => Array.from(data).slice(-49152);
const size = (values: ArrayLike<number>) => largestDifference(values, new Float32Array(values.length));

describe.runIf(model !== undefined)('an edit of SmolLM2', () => {
  const prompt = 'The nurse was tired because';
  const logits = async (of: NonNullable<typeof model>, edit: Edit) => {
    const rewriting = applyEdit(edit, of);
    const out = await runModel(of, { input: prompt, read: ['logits'], threads: 2, rewriting });
    return { logits: last(out.sites.logits!.data as Float32Array) };
  };

  test('exported: plain onnxruntime says what the edit in place says', async () => {
    const site = 'blocks.11.hook_resid_post';
    const shape = { site, width: 576, features: 512, k: 16 };
    const dictionary = { ...randomDictionary(random(2), shape, model!.hash), sinkNorm: 1e4 };
    const edit: Edit = {
      changes: [
        parseChange({ kind: 'scale', site: 'blocks.5.attn.hook_z', head: 3, by: 0.2 }, ''),
        parseChange({ kind: 'zero', dictionary: { dictionary }, features: [...Array(64).keys()] }, ''),
        parseChange(
          { kind: 'project', site, directions: f64([2, 576], normals(1152)), positions: { skipFirst: true } },
          '',
        ),
      ],
    };
    const path = join(temporaryFolder(), 'edited.onnx');
    const { files, inputs } = await exportEdited(model!, edit, path, { progress: silent });
    expect({ files: files.length, inputs }).toEqual({ files: 1, inputs: ['tokens'] });
    const { apply, feeds } = applyEdit(edit, model!);
    const ids = BigInt64Array.from(encodePrompt(model!.tokenizer, prompt), BigInt);
    const tokens = tensor('int64', [1, ids.length], ids);
    const inPlace = await runOnce(apply(model!.graph), { tokens, ...feeds }, { threads: 2 });
    const ours = inPlace.logits!.data as Float32Array;
    const plain = async (options: ort.InferenceSession.SessionOptions) => {
      const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 2, ...options });
      const out = await session.run({ tokens: new ort.Tensor('int64', ids, [1, ids.length]) });
      await session.release();
      return largestDifference(out.logits!.data as Float32Array, ours);
    };
    // Kernels on repacked weights round otherwise, for the model without an edit as well; our sessions leave them as they are.
    expect(await plain({ extra: { session: { disable_prepacking: '1' } } })).toBeLessThan(1e-5);
    expect((await plain({})) / size(ours)).toBeLessThan(1e-5);
    rmSync(path);
  }, 120_000);

  test('folded: the weights say what the edit in place says, to 1e-5 of the largest logit', async () => {
    const edit: Edit = {
      changes: [
        parseChange({ kind: 'zero', site: 'blocks.5.attn.hook_z', head: 3 }, ''),
        parseChange(
          { kind: 'project', site: 'blocks.9.hook_mlp_out', directions: f64([1, 576], normals(576)) },
          '',
        ),
        parseChange(
          { kind: 'steer', site: 'blocks.12.hook_resid_post', vector: f64([576], normals(576)) },
          '',
        ),
      ],
    };
    const [ours, folded] = [
      await logits(model!, edit),
      await logits(await foldEdit(model!, edit), { changes: [] }),
    ];
    expect(largestDifference(folded.logits, ours.logits) / size(ours.logits)).toBeLessThan(1e-5);
  }, 120_000);
});
