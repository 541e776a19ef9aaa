import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/tensor.ts';
import { rowNorms } from '../../../src/dictionaries/formats/format.ts';
import { forModel, type Opened, openDictionary } from '../../../src/dictionaries/formats/open.ts';
import { meanActive } from '../../../src/dictionaries/formats/sparsity.ts';
import { readNpz, writeNpz } from '../../../src/files/npz.ts';
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

async function changeTorch(path: string, by: (tensors: Record<string, Tensor>) => void): Promise<void> {
  const file = await openTorch(path);
  const tensors: Record<string, Tensor> = {};
  for (const name of file.names) tensors[name] = await file.read(name);
  by(tensors);
  await writeTorch(path, tensors);
}

const site = 'blocks.3.hook_resid_post';

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

  test.each([0, -1])(
    'a BatchTopK of either library whose threshold is %d was never trained',
    async (value) => {
      const unset = refusal('dictionary.no-threshold');
      const weights = 'sae_weights.safetensors';
      await change(join(copy('saelens-batchtopk-checkpoint'), weights), (t) =>
        t.topk_threshold!.data.fill(value as never),
      );
      await expect(open(place)).rejects.toEqual(unset);
      rmSync(place, { recursive: true });
      await change(join(copy('saelens-matryoshka'), weights), (t) => t.threshold!.data.fill(value as never));
      await expect(open(place)).rejects.toEqual(unset);
      rmSync(place, { recursive: true });
      await changeTorch(join(copy('dl-matryoshka'), 'ae.pt'), (t) => t.threshold!.data.fill(value as never));
      await expect(open(place)).rejects.toEqual(unset);
    },
  );

  test('k and groups of dictionary_learning that contradict the configuration or the features', async () => {
    await changeTorch(join(copy('dl-batchtopk'), 'ae.pt'), (t) => t.k!.data.fill(5 as never));
    await expect(open(place)).rejects.toEqual(refusal('dictionary.unsupported', /k is 5/));
    rmSync(place, { recursive: true });
    await changeTorch(join(copy('dl-matryoshka'), 'ae.pt'), (t) => t.group_sizes!.data.fill(1n as never));
    await expect(open(place)).rejects.toEqual(refusal('dictionary.orientation', /groups/));
  });

  test('weights that are whole numbers, in every kind of file', async () => {
    const whole = (t: Tensor): Tensor => ({
      dtype: 'int8',
      shape: t.shape,
      data: new Int8Array(t.data.length),
    });
    const refused = refusal('dictionary.tensors', /is int8, not floating-point/);
    await change(
      join(copy('saelens-standard'), 'sae_weights.safetensors'),
      (t) => (t.W_enc = whole(t.W_enc!)),
    );
    await expect(open(place)).rejects.toEqual(refused);
    rmSync(place, { recursive: true });
    const encoder = 'encoder.weight';
    await changeTorch(join(copy('dl-standard'), 'ae.pt'), (t) => (t[encoder] = whole(t[encoder]!)));
    await expect(open(place)).rejects.toEqual(refused);
    rmSync(place, { recursive: true });
    await change(
      join(copy('circuit-tracer-clt'), 'W_dec_1.safetensors'),
      (t) => (t.W_dec_1 = whole(t.W_dec_1!)),
    );
    await expect(open(join(place, 'W_enc_1.safetensors'))).rejects.toEqual(refused);
    rmSync(place, { recursive: true });
    const npz = join(copy('gemma-scope'), 'layer_3', 'width_16k', 'average_l0_71', 'params.npz');
    const arrays = await readNpz(npz);
    await writeNpz(npz, { ...arrays, b_dec: whole(arrays.b_dec!) });
    await expect(open(place, { site })).rejects.toEqual(refused);
    await writeNpz(npz, { ...arrays, W_skip: arrays.b_dec! });
    await expect(open(place, { site })).rejects.toEqual(refusal('dictionary.tensors', /has "W_skip"/));
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
  test.each(['covariance_whitening', 'something-new'])('%s', async (normalize_activations) => {
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

  test('one head of what a transcoder writes', async () => {
    const metadata = { hook_name: site, hook_name_out: 'blocks.3.hook_mlp_out', hook_head_index_out: 2 };
    config(join(copy('saelens-transcoder'), 'cfg.json'), { metadata });
    await expect(open(place)).rejects.toEqual(refusal('dictionary.unsupported', /head 2/));
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

describe('what SAELens leaves unsaid', () => {
  test('a flat document names both sites of a transcoder', async () => {
    const path = join(copy('saelens-transcoder'), 'cfg.json');
    const { metadata, ...flat } = JSON.parse(readFileSync(path, 'utf8')) as { metadata: object };
    writeFileSync(path, JSON.stringify({ ...flat, ...metadata }));
    const { dictionary } = await open(place);
    expect(dictionary).toMatchObject({
      site: 'blocks.3.ln2.hook_normalized',
      output: { site: 'blocks.3.hook_mlp_out', width: 10 },
    });
  });

  /** A pursuit with rows of norm 1, as a checkpoint of a run on activations times `scale`. */
  async function pursuit(values: object, scale = 1): Promise<Opened> {
    copy('saelens-scaled-checkpoint');
    await change(join(place, 'sae_weights.safetensors'), (t) => {
      delete t.W_enc;
      delete t.b_enc;
      const rows = t.W_dec!.data as Float32Array;
      const norms = rowNorms(rows as Float32Array<ArrayBuffer>, 40);
      rows.forEach((w, i) => {
        rows[i] = w / norms[Math.floor(i / 12)]!;
      });
    });
    const stops = { residual_threshold: 0, stop_on_duplicate_support: false };
    config(join(place, 'cfg.json'), { architecture: 'matching_pursuit', ...stops, ...values });
    const opened = await open(place, { scale });
    rmSync(place, { recursive: true });
    return opened;
  }

  test('a pursuit of as many steps as there are floats, not of more than features, and one without b_dec', async () => {
    const all = await pursuit({ max_iterations: null });
    expect(all.dictionary.activation).toEqual({ kind: 'pursuit', k: 12 });
    expect(all.dictionary.b_dec_D.some((b) => b !== 0)).toBe(true);
    await expect(pursuit({ max_iterations: 41 })).rejects.toEqual(
      refusal('dictionary.unsupported', /41 steps/),
    );
    const bare = await pursuit({ max_iterations: 3, apply_b_dec_to_input: false });
    expect(bare.dictionary.b_dec_D.every((b) => b === 0)).toBe(true);
  });

  test('a pursuit in scaled activations is the same one in plain ones, and its reconstruction scales back', async () => {
    const plain = (await pursuit({ max_iterations: 3 })).dictionary;
    const scaled = (await pursuit({ max_iterations: 3 }, 1.7)).dictionary;
    const { x } = await expected('saelens-scaled-checkpoint');
    const [a, b] = [
      await computed(
        plain,
        x.map((v) => v * 1.7),
      ),
      await computed(scaled, x),
    ];
    expect(
      apart(
        a.acts.map((v) => v / 1.7),
        b.acts,
      ),
    ).toBeLessThanOrEqual(1e-5);
    expect(
      apart(
        a.out.map((v) => v / 1.7),
        b.out,
      ),
    ).toBeLessThanOrEqual(1e-5);
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
  await change(join(copy('saelens-batchtopk'), 'sparsity.safetensors'), (t) => {
    (t.sparsity!.data as Float32Array)[1] = Number.NaN;
  });
  expect((await open(place)).provenance.sparsity_F).toBeUndefined();
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
