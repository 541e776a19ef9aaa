import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/tensor.ts';
import { rowNorms } from '../../../src/dictionaries/formats/format.ts';
import { forModel, openDictionary } from '../../../src/dictionaries/formats/open.ts';
import { meanActive } from '../../../src/dictionaries/formats/sparsity.ts';
import { openSafetensors, writeSafetensors } from '../../../src/files/safetensors.ts';
import { openTorch, writeTorch } from '../../../src/files/torch.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { apart, computed, context, expected, fixtures } from './support.ts';

const root = temporaryFolder();
let count = 0;
let place = '';
beforeEach(() => {
  place = join(root, String(count++));
});

/** A copy of a fixture to be spoilt. */
const copy = (name: string): string => {
  cpSync(join(fixtures, name), place, { recursive: true });
  return place;
};

/** Changes the tensors of a safetensors file. */
async function change(path: string, by: (tensors: Record<string, Tensor>) => void): Promise<void> {
  const file = await openSafetensors(path);
  const tensors = Object.fromEntries(file.names.map((name) => [name, file.read(name)]));
  file.close();
  by(tensors);
  await writeSafetensors(path, tensors);
}

const config = (path: string, values: Record<string, unknown>) =>
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...values }));

const open = (path: string, options = {}) => openDictionary(path, options, context);
const refusal = (code: string, message?: RegExp) =>
  expect.objectContaining({ code, ...(message ? { message: expect.stringMatching(message) } : {}) });

describe('tensors', () => {
  test('one too many, one too few', async () => {
    const weights = join(copy('saelens-standard'), 'sae_weights.safetensors');
    await change(weights, (t) => (t.threshold = t.b_enc!));
    await expect(open(place)).rejects.toEqual(refusal('dictionary.tensors', /has "threshold"/));
    await change(weights, (t) => {
      delete t.threshold;
      delete t.b_dec;
    });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.tensors', /lacks "b_dec"/));
  });

  test('a BatchTopK is never taken for ReLU: not as another class, not without its threshold', async () => {
    const path = join(copy('dl-batchtopk'), 'config.json');
    const said = JSON.parse(readFileSync(path, 'utf8')) as { trainer: object };
    config(path, { trainer: { ...said.trainer, dict_class: 'AutoEncoder' } });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.tensors'));
    rmSync(path);
    await expect(open(place)).rejects.toEqual(
      refusal('dictionary.unsupported', /AutoEncoderTopK or a BatchTopKSAE/),
    );
    await expect(open(join(fixtures, 'dl-batchtopk-unset'))).rejects.toEqual(
      refusal('dictionary.no-threshold'),
    );
  });

  test('a jumprelu of SAELens without thresholds', async () => {
    await change(join(copy('saelens-jumprelu'), 'sae_weights.safetensors'), (t) => delete t.threshold);
    await expect(open(place)).rejects.toEqual(refusal('dictionary.tensors', /lacks "threshold"/));
  });

  test('NaN', async () => {
    await change(join(copy('saelens-gated'), 'sae_weights.safetensors'), (t) => {
      (t.r_mag!.data as Float32Array)[3] = Number.NaN;
    });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.not-finite', /"r_mag"/));
  });
});

describe('orientation', () => {
  test('a transposed matrix is refused and said to be one', async () => {
    await change(join(copy('saelens-standard'), 'sae_weights.safetensors'), (t) => {
      t.W_enc = { ...t.W_enc!, shape: [40, 12] };
    });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.orientation', /transposed/));
  });

  test('sizes that contradict the configuration', async () => {
    config(join(copy('saelens-standard'), 'cfg.json'), { d_sae: 39 });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.orientation'));
  });

  test('a square one is read as its format says, which its activations show', async () => {
    const { dictionary } = await open(join(fixtures, 'saelens-square'));
    const { x, acts } = await expected('saelens-square');
    expect(dictionary.features).toBe(dictionary.width);
    expect(apart((await computed(dictionary, x)).acts, acts)).toBeLessThanOrEqual(1e-5);
  });
});

describe('normalisation', () => {
  test.each(['layer_norm', 'covariance_whitening', 'something-new'])('%s', async (normalize_activations) => {
    config(join(copy('saelens-standard'), 'cfg.json'), { normalize_activations });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.unsupported'));
  });

  test('a factor that the files do not hold is asked for, and folded when it is given', async () => {
    rmSync(join(copy('saelens-scaled-checkpoint'), 'activation_scaler.json'));
    await expect(open(place)).rejects.toEqual(
      refusal('dictionary.unsupported', /factor is not in its files/),
    );
    const { dictionary, provenance } = await open(place, { scale: 1.7 });
    const { x, acts } = await expected('saelens-scaled-checkpoint');
    expect(apart((await computed(dictionary, x)).acts, acts)).toBeLessThanOrEqual(1e-5);
    expect(provenance.notes.join()).toContain('1.7');
  });

  test('what the library folds is folded, and said: two readers get the same activations', async () => {
    const april = await open(join(fixtures, 'dl-standard-april'));
    const norms = rowNorms(april.dictionary.W_dec_FD, april.dictionary.features);
    expect([...norms].every((n) => Math.abs(n - 1) < 1e-5)).toBe(true);
    expect(april.provenance.notes.join()).toContain('decoder norms are folded in');
    const free = await open(join(fixtures, 'saelens-standard'));
    expect([...rowNorms(free.dictionary.W_dec_FD, 40)].some((n) => Math.abs(n - 1) > 0.1)).toBe(true);
    expect(free.provenance.notes).toEqual([]);
  });
});

describe('kinds without a place', () => {
  test.each([
    ['saelens-standard', 'cfg.json', { architecture: 'temporal' }],
    ['saelens-topk', 'cfg.json', { architecture: 'abstopk' }],
    ['saelens-standard', 'cfg.json', { architecture: '__proto__' }],
    ['saelens-topk', 'cfg.json', { k: 41 }],
    ['saelens-topk', 'cfg.json', { k: 2.5 }],
    ['saelens-old', 'cfg.json', { activation_fn_str: 'tanh-relu' }],
    ['saelens-old', 'cfg.json', { activation_fn_str: 'topk' }],
    ['saelens-old', 'cfg.json', { hook_point_head_index: 3 }],
    ['sparsify-topk/layers.3', 'cfg.json', { activation: 'groupmax' }],
    ['sparsify-topk/layers.3', 'cfg.json', { signed: true }],
    ['sparsify-topk/layers.3', 'cfg.json', { k: 41 }],
  ])('%s with %s %j', async (name, file, values) => {
    config(join(copy(name), file), values);
    await expect(open(place)).rejects.toEqual(refusal('dictionary.unsupported'));
  });

  test('a fine-tuned factor of every feature', async () => {
    await change(join(copy('saelens-old-scaling'), 'sae_weights.safetensors'), (t) => {
      (t.scaling_factor!.data as Float32Array)[0] = 2;
    });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.unsupported', /fine-tuned/));
  });

  test('thresholds below 0 that let negative features pass', async () => {
    const path = join(copy('circuit-tracer-jumprelu'), 'layer_1.safetensors');
    await change(path, (t) => {
      (t['activation_function.threshold']!.data as Float32Array)[0] = -1;
    });
    await expect(open(path)).rejects.toEqual(refusal('dictionary.unsupported', /below 0/));
  });

  test('a layer that a cross-layer transcoder does not write to', async () => {
    const path = join(fixtures, 'circuit-tracer-clt', 'W_enc_1.safetensors');
    await expect(open(path, { target: 0 })).rejects.toEqual(refusal('dictionary.unsupported'));
    await expect(open(path, { target: 3 })).rejects.toEqual(refusal('dictionary.unsupported'));
  });

  test('a transcoder of circuit-tracer that its configuration says is TopK', async () => {
    const path = join(copy('circuit-tracer-relu'), 'layer_0.safetensors');
    writeFileSync(
      join(place, 'config.yaml'),
      'feature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\nactivation: topk\n',
    );
    await expect(open(path)).rejects.toEqual(refusal('dictionary.unsupported', /without its k/));
    writeFileSync(
      join(place, 'config.yaml'),
      'feature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\nactivation: topk\nk: 5\n',
    );
    const { dictionary } = await open(path);
    expect(dictionary).toMatchObject({
      activation: { kind: 'topk', k: 5 },
      site: 'blocks.0.ln2.output',
      output: { site: 'blocks.0.hook_mlp_out' },
    });
    writeFileSync(join(place, 'config.yaml'), `a: &a [${'x,'.repeat(9)}]\nb: [${'*a,'.repeat(20)}]\n`);
    await expect(open(path)).rejects.toEqual(refusal('file.yaml'));
  });
});

describe('finding', () => {
  test('nothing, several, none of that name, no such place', async () => {
    await expect(open('src/core')).rejects.toEqual(refusal('dictionary.none'));
    await expect(open(join(fixtures, 'circuit-tracer-relu'))).rejects.toEqual(
      refusal('dictionary.several', /2 dictionaries/),
    );
    await expect(open('/nowhere/at/all')).rejects.toEqual(refusal('file.missing'));
    await expect(open(join(fixtures, 'saelens-standard'), { format: 'sparsify' })).rejects.toEqual(
      refusal('dictionary.none'),
    );
  });

  test('a site that nothing says is asked for', async () => {
    await expect(open(join(fixtures, 'gemma-scope'))).rejects.toEqual(refusal('dictionary.site-unknown'));
    cpSync(join(fixtures, 'gemma-scope'), join(place, 'models--google--gemma-scope-2b-pt-att'), {
      recursive: true,
    });
    expect((await open(place)).dictionary.site).toBe('blocks.3.attn.hook_z');
  });

  test('a checkpoint in the middle of a run finds its configuration a folder above', async () => {
    copy('dl-topk');
    cpSync(join(place, 'ae.pt'), join(place, 'checkpoints', 'ae_10.pt'));
    const { dictionary } = await open(join(place, 'checkpoints', 'ae_10.pt'));
    expect(dictionary.activation).toEqual({ kind: 'topk', k: 4 });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.several'));
  });

  test('a model without that site, or with another width there', async () => {
    const { dictionary } = await open(join(fixtures, 'saelens-standard'));
    const model = (name: string, width: number) => ({
      name: 'm',
      hash: 'h',
      sites: [{ name, width, shape: [] }],
    });
    expect(forModel(dictionary, model('blocks.3.hook_resid_post', 12)).modelHash).toBe('h');
    expect(() => forModel(dictionary, model('blocks.3.hook_resid_post', 13))).toThrow(/12 floats/);
    expect(() => forModel(dictionary, model('blocks.2.hook_resid_post', 12))).toThrow(/no site/);
  });
});

test('sparsities of SAELens give L0', async () => {
  const { provenance } = await open(join(fixtures, 'saelens-batchtopk'));
  const l0 = meanActive(provenance.sparsity_F!);
  expect(l0).toBeGreaterThan(1);
  expect(l0).toBeLessThan(6);
});

describe('state dicts of PyTorch', () => {
  test('what is written is read again, every dtype and an empty shape', async () => {
    const tensors: Record<string, Tensor> = {
      a: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      'b.weight': { dtype: 'float64', shape: [1], data: Float64Array.of(Math.PI) },
      k: { dtype: 'int32', shape: [], data: Int32Array.of(7) },
      n: { dtype: 'int64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 40n) },
      h: { dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
      ü: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) },
    };
    const path = join(place, 'x.pt');
    await writeTorch(path, tensors);
    const file = await openTorch(path);
    expect(file.names).toEqual(Object.keys(tensors));
    for (const name of file.names) expect(await file.read(name)).toEqual(tensors[name]);
    await expect(file.read('c').catch((e: { code: string }) => e.code)).resolves.toBe('file.no-tensor');
  });

  test('no file of the fixtures asks for anything but tensors, and strides are honoured', async () => {
    const folders = readdirSync(fixtures).filter((name) => name.startsWith('dl-') && !name.includes('.'));
    for (const name of folders.filter((one) => readdirSync(join(fixtures, one)).includes('ae.pt')))
      expect((await openTorch(join(fixtures, name, 'ae.pt'))).names.length).toBeGreaterThan(3);
  });
});
