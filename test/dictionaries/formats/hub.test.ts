import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProgressEvent } from '../../../src/core/progress.ts';
import { namesBelow } from '../../../src/dictionaries/formats/files.ts';
import { openDictionary } from '../../../src/dictionaries/formats/open.ts';
import { commitOf, startHub, startProxy, type TestHub } from '../../support/hub-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { apart, computed, expected, fixtures } from './support.ts';

const root = temporaryFolder();
let home = '';
let hub: TestHub;
let count = 0;
let events: ProgressEvent[] = [];
const context = { progress: (event: ProgressEvent) => void events.push(event) };

/** A case's files as a repository has them. */
const files = async (name: string, under = ''): Promise<Record<string, Buffer>> =>
  Object.fromEntries(
    (await namesBelow(join(fixtures, name))).map((path) => [
      `${under}${path}`,
      readFileSync(join(fixtures, name, path)),
    ]),
  );

beforeEach(async () => {
  home = join(root, String(count++));
  events = [];
  mkdirSync(home);
  hub = await startHub({
    'me/one': { files: { ...(await files('saelens-gated')), 'README.md': Buffer.from('x') } },
    'me/many': {
      files: {
        ...(await files('sparsify-topk')),
        ...(await files('dl-standard', 'resid_post_layer_1/trainer_0/')),
        ...(await files('dl-batchtopk', 'resid_post_layer_1/trainer_1/')),
      },
    },
    'google/gemma-scope-2b-pt-res': { files: await files('gemma-scope') },
    'google/gemma-scope-2b-pt-transcoders': { files: await files('circuit-tracer-gemma-scope') },
    'me/relu': { files: await files('circuit-tracer-relu') },
    'me/list': {
      files: {
        'config.yaml': Buffer.from(
          'model_name: google/gemma-2-2b\nmodel_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n' +
            'transcoders:\n- hf://me/relu/layer_0.safetensors\n' +
            '- hf://google/gemma-scope-2b-pt-transcoders/layer_1/width_16k/average_l0_5/params.npz?revision=main\n- ./layer_2.safetensors\n- hf://me/list/layer_3\n' +
            '- hf://me/relu/layer_0.safetensors?revision=%\n',
        ),
        'sub/config.yaml': Buffer.from('transcoders: ["hf://me/relu/layer_0.safetensors"]\n'),
      },
    },
    'me/none': { files: { 'config.yaml': Buffer.from('transcoders: []\n') } },
    'me/clt': { files: await files('circuit-tracer-clt') },
    'me/gated': { files: await files('saelens-gated'), gated: ['granted'] },
    'me/model': { files: { 'config.json': Buffer.from('{}'), 'model.safetensors': Buffer.alloc(100) } },
  });
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HOME', join(home, 'hf'));
  vi.stubEnv('UNTANGLE_HOME', join(home, 'untangle'));
  for (const name of [
    'HF_TOKEN',
    'HF_HUB_OFFLINE',
    'HF_HUB_CACHE',
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
    'NO_PROXY',
    'no_proxy',
  ])
    vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const open = (id: string, options = {}) => openDictionary(id, options, context);

test('by its id: fetched once, computed as its library does, and there without network', async () => {
  const first = await open('me/one');
  expect(first.provenance).toMatchObject({ format: 'saelens', source: 'me/one', commit: commitOf('me/one') });
  const { x, acts } = await expected('saelens-gated');
  expect(apart((await computed(first.dictionary, x)).acts, acts)).toBeLessThanOrEqual(1e-5);
  const sent = hub.sent();
  expect(hub.asked.some(({ url }) => url.endsWith('README.md'))).toBe(false);
  await open('me/one');
  expect(hub.sent()).toBe(sent);
  await hub.close();
  await open('me/one');
  expect(events.some((event) => event.type === 'note' && event.text.includes('as fetched before'))).toBe(
    true,
  );
  hub = await startHub({});
});

test('one of several is named behind a colon, and only its files are fetched', async () => {
  await expect(open('me/many')).rejects.toMatchObject({
    code: 'dictionary.several',
    hint: expect.stringContaining('layers.3'),
  });
  const { dictionary } = await open('me/many:layers.3');
  expect(dictionary).toMatchObject({ site: 'blocks.3.hook_resid_post', activation: { kind: 'topk', k: 4 } });
  const batch = await open('me/many:trainer_1');
  expect(batch.dictionary.activation.kind).toBe('threshold');
  const [place] = readdirSync(join(home, 'hf', 'hub'));
  const snapshot = join(home, 'hf', 'hub', place!, 'snapshots', commitOf('me/many'));
  expect(readdirSync(snapshot).sort()).toEqual(['layers.3', 'resid_post_layer_1']);
  expect(readdirSync(join(snapshot, 'resid_post_layer_1'))).toEqual(['trainer_1']);
  await expect(open('me/many:trainer')).rejects.toMatchObject({ code: 'dictionary.several' });
  // What is here needs no hub.
  const asked = hub.asked.length;
  await open('me/many:layers.3');
  expect(hub.asked.length).toBe(asked);
});

test('the repository says where Gemma Scope reads; a layer of a cross-layer transcoder brings both of its files', async () => {
  const { dictionary } = await open('google/gemma-scope-2b-pt-res:average_l0_71');
  expect(dictionary.site).toBe('blocks.3.hook_resid_post');
  const slice = await open('me/clt:W_enc_1', { target: 2 });
  expect(slice.dictionary.output).toEqual({ site: 'blocks.2.hook_mlp_out', width: 12 });
});

test('a repository that lists transcoders of another one: by layer, with its sites, and again without network', async () => {
  await expect(open('me/list')).rejects.toMatchObject({
    code: 'dictionary.several',
    hint: expect.stringContaining('layer_0 to layer_4'),
  });
  await expect(open('me/list:layer_5')).rejects.toMatchObject({ code: 'dictionary.several' });
  await expect(open('me/list:layer_4')).rejects.toMatchObject({ code: 'dictionary.unsupported' });
  await expect(open('me/none')).rejects.toMatchObject({ code: 'dictionary.none' });
  await expect(open('me/list:layer_3')).rejects.toMatchObject({ code: 'dictionary.none' });
  await expect(open('me/list:layer_2')).rejects.toMatchObject({ code: 'dictionary.unsupported' });
  const { dictionary, provenance } = await open('me/list:layer_1');
  expect(dictionary).toMatchObject({
    architecture: 'transcoder',
    site: 'blocks.1.ln2.output',
    output: { site: 'blocks.1.hook_mlp_out', width: 12 },
  });
  expect(provenance).toMatchObject({
    format: 'gemma-scope',
    source: 'me/list:layer_1',
    commit: commitOf('google/gemma-scope-2b-pt-transcoders'),
    model: 'google/gemma-2-2b',
  });
  expect(provenance.notes.join()).toContain('google/gemma-scope-2b-pt-transcoders:layer_1/');
  const { x, acts } = await expected('circuit-tracer-gemma-scope');
  expect(apart((await computed(dictionary, x)).acts, acts)).toBeLessThanOrEqual(1e-5);
  const asked = hub.asked.length;
  await open('me/list:layer_1');
  expect(hub.asked.length).toBe(asked);
  const other = await open('me/list:sub/layer_0');
  expect(other.provenance).toMatchObject({ format: 'circuit-tracer', commit: commitOf('me/relu') });
});

test('a cut connection goes on where it broke; a changed file is refused; a proxy is used', async () => {
  hub.faults.push({ cutAfter: 1000 });
  await open('me/one');
  expect(hub.asked.filter(({ host, range }) => host === 'cdn' && range === 'bytes=1000-')).toHaveLength(1);
  const { length } = readFileSync(join(fixtures, 'circuit-tracer-clt', 'W_enc_0.safetensors'));
  hub.faults.push({ content: Buffer.alloc(length) });
  await expect(open('me/clt:W_enc_0')).rejects.toMatchObject({ code: 'file.checksum' });
  const proxy = await startProxy();
  vi.stubEnv('HTTP_PROXY', proxy.url);
  await open('me/clt:W_enc_0');
  expect(proxy.tunnels.length).toBeGreaterThan(0);
  await proxy.close();
});

test('gated, not there, no dictionary, no network', async () => {
  await expect(open('me/gated')).rejects.toMatchObject({ code: 'hub.gated' });
  vi.stubEnv('HF_TOKEN', 'granted');
  expect((await open('me/gated')).dictionary.features).toBe(40);
  vi.stubEnv('HF_TOKEN', '');
  await expect(open('me/onne')).rejects.toMatchObject({ code: 'hub.no-repository' });
  await expect(open('me/model')).rejects.toMatchObject({
    code: 'dictionary.none',
    message: expect.stringContaining('model.safetensors'),
  });
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  await expect(open('me/many:layers.3')).rejects.toMatchObject({ code: 'hub.unreachable' });
});
