import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProgressEvent } from '../../src/core/progress.ts';
import { listModels, planRemoval, removeModel } from '../../src/models/catalogue.ts';
import { describeModel } from '../../src/models/describe.ts';
import { fetchFromHub, pathOf } from '../../src/models/fetch.ts';
import { parseHubId } from '../../src/models/hub.ts';
import { findSnapshot, listSnapshots } from '../../src/models/hub-cache.ts';
import { chooseFiles } from '../../src/models/hub-choice.ts';
import { pullModel } from '../../src/models/pull.ts';
import {
  commitOf,
  gitSha1Of,
  type HubRepositoryFiles,
  sha256Of,
  startHub,
  startProxy,
  type TestHub,
} from '../support/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
let home = '';
let events: ProgressEvent[] = [];
const context = { progress: (event: ProgressEvent) => void events.push(event) };
const notes = () => events.flatMap((event) => (event.type === 'note' ? [event.text] : []));

const bytes = (size: number, seed = 1): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + seed * 13) % 251));
const weights = bytes(200_000);
const card = Buffer.from('---\nlicense: apache-2.0\n---\n# A model\n');
const plain: HubRepositoryFiles = {
  licence: 'apache-2.0',
  files: {
    'README.md': card,
    'config.json': Buffer.from('{}'),
    'tokenizer.json': Buffer.from('{"a": 1}'),
    'model.safetensors': weights,
    'pytorch_model.bin': bytes(50_000, 2),
    'model.gguf': bytes(1000, 3),
    'images/cat.png': bytes(100, 4),
  },
};
const repositories: Record<string, HubRepositoryFiles> = {
  'me/plain': plain,
  'me/sharded': {
    files: {
      'config.json': Buffer.from('{}'),
      'model.safetensors.index.json': Buffer.from(
        JSON.stringify({
          weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
        }),
      ),
      'model-00001-of-00002.safetensors': bytes(100, 5),
      'model-00002-of-00002.safetensors': bytes(100, 6),
      'model-of-another-time.safetensors': bytes(100, 7),
    },
  },
  'me/packed': {
    files: { 'x-Q4_K_M.gguf': bytes(10, 8), 'x-Q8_0.gguf': bytes(20, 9), 'x-IQ2_XS.gguf': bytes(5, 10) },
    revisions: { 'v1.0': commitOf('old') },
  },
  'me/gated': { ...plain, gated: ['granted'] },
  'me/private': { ...plain, hidden: ['owner'] },
  'me/pickled': { files: { 'config.json': Buffer.from('{}'), 'pytorch_model.bin': bytes(10) } },
};

let hub: TestHub;
let count = 0;
beforeEach(async () => {
  home = join(folder, String(count++));
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
  vi.stubEnv('UNTANGLE_HOME', join(home, 'untangle'));
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'cache'));
  for (const name of ['HF_HOME', 'HF_HUB_CACHE', 'HF_HUB_OFFLINE', 'HF_TOKEN_PATH'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HF_TOKEN', '');
  hub = await startHub(repositories);
  vi.stubEnv('HF_ENDPOINT', hub.url);
  events = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});
const pull = (id: string, options?: { refresh?: boolean; signal?: AbortSignal }) =>
  fetchFromHub(
    parseHubId(id)!,
    { ...context, ...(options?.signal ? { signal: options.signal } : {}) },
    options,
  );
const place = (id = 'me/plain') => join(home, 'untangle', 'hub', `models--${id.replace('/', '--')}`);
const blobs = (id?: string) => readdirSync(join(place(id), 'blobs'));
const cdnRequests = () => hub.asked.filter((one) => one.host === 'cdn');

describe('what is fetched', () => {
  test('the needed files alone, in the layout that other tools share, once', async () => {
    const snapshot = await pull('me/plain');
    const commit = commitOf('me/plain');
    expect(snapshot).toMatchObject({
      repository: 'me/plain',
      commit,
      entry: '',
      licence: 'apache-2.0',
      revisions: ['main'],
    });
    expect(pathOf(snapshot)).toBe(join(place(), 'snapshots', commit));
    expect(readdirSync(snapshot.folder).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    expect(sha256Of(readFileSync(join(snapshot.folder, 'model.safetensors')))).toBe(sha256Of(weights));
    expect(lstatSync(join(snapshot.folder, 'config.json')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(place(), 'refs', 'main'), 'utf8')).toBe(commit);
    expect(blobs()).toContain(sha256Of(weights));
    expect(blobs()).toContain(gitSha1Of(card));
    const before = hub.asked.length;
    expect(await pull('me/plain')).toEqual(snapshot);
    expect(hub.asked.length).toBe(before);
  });
  test('progress in bytes under the names of the files', async () => {
    await pull('me/plain');
    const ends = events.filter((e) => e.type === 'end').map((e) => e.task);
    expect(ends).toContain('download/model.safetensors');
    const last = events.filter((e) => e.type === 'advance' && e.task === 'download/model.safetensors').at(-1);
    expect(last).toMatchObject({ done: weights.length, total: weights.length });
  });
  test('of a model in several files those that its index names', async () => {
    const { folder: at } = await pull('me/sharded');
    expect(readdirSync(at).filter((name) => name.endsWith('.safetensors'))).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ]);
  });
  test('the best of several GGUF files, or the one asked for, at the revision asked for', async () => {
    expect((await pull('me/packed')).entry).toBe('x-Q8_0.gguf');
    const old = await pull('me/packed@v1.0:q4_k_m');
    expect(old).toMatchObject({ entry: 'x-Q4_K_M.gguf', commit: commitOf('old'), revisions: ['v1.0'] });
    expect((await pull(`me/packed@${commitOf('old').slice(0, 8)}:Q4_K_M`)).folder).toBe(old.folder);
    await expect(pull('me/packed:Q3')).rejects.toMatchObject({ code: 'hub.no-choice' });
  });
  test('a new commit brings only what changed; the old one stays', async () => {
    await pull('me/plain');
    await hub.close();
    const changed = {
      ...plain,
      commit: commitOf('next'),
      files: { ...plain.files, 'README.md': Buffer.from('# new') },
    };
    hub = await startHub({ 'me/plain': changed });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    expect((await pull('me/plain')).commit).toBe(commitOf('me/plain'));
    expect((await pull('me/plain', { refresh: true })).commit).toBe(commitOf('next'));
    expect(cdnRequests()).toEqual([]);
    expect((await pull(`me/plain@${commitOf('me/plain')}`)).commit).toBe(commitOf('me/plain'));
  });
  test('names that lead out of the folder are passed over', async () => {
    await hub.close();
    hub = await startHub({
      'me/plain': { files: { ...plain.files, '../../../evil.gguf': bytes(9), 'a/../../b': bytes(3) } },
    });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    const { files } = await pull('me/plain');
    expect(files.some((file) => /evil|\.\./.test(file.path))).toBe(false);
    expect(existsSync(join(home, 'untangle', 'evil.gguf'))).toBe(false);
  });
  test('the token goes to the hub and not to where it leads', async () => {
    vi.stubEnv('HF_TOKEN', 'granted');
    await pull('me/gated');
    expect(hub.asked.filter((one) => one.host === 'hub').every((one) => one.token === 'Bearer granted')).toBe(
      true,
    );
    expect(cdnRequests().map((one) => one.token)).toEqual([undefined]);
  });
});

describe('a transfer that breaks', () => {
  test('is taken up where it was cut, within the same call', async () => {
    hub.faults.push({ cutAfter: 70_000 });
    const { folder: at } = await pull('me/plain');
    expect(sha256Of(readFileSync(join(at, 'model.safetensors')))).toBe(sha256Of(weights));
    const from = Number(/^bytes=(\d+)-$/.exec(cdnRequests()[1]!.range!)?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(70_000);
  });
  test('is taken up by the next call after an interruption; nothing half is ever seen', async () => {
    hub.faults.push({ stallAfter: 90_000 });
    const controller = new AbortController();
    const stopped = fetchFromHub(parseHubId('me/plain')!, {
      signal: controller.signal,
      progress: (e) => {
        if (e.type === 'advance' && e.task === 'download/model.safetensors' && e.done === 90_000)
          controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    expect(blobs()).toContain(`.${sha256Of(weights)}.incomplete`);
    expect(existsSync(join(place(), 'snapshots'))).toBe(false);
    expect(await findSnapshot(parseHubId('me/plain')!)).toBeUndefined();
    await pull('me/plain');
    expect(cdnRequests().map((one) => one.range)).toEqual([undefined, 'bytes=90000-']);
    expect(hub.sent()).toBe(weights.length);
    expect(blobs().filter((name) => name.startsWith('.'))).toEqual([]);
  });
  test('what a killed process left is taken up, too; what a living one writes is not', async () => {
    mkdirSync(join(place(), 'blobs'), { recursive: true });
    const name = sha256Of(weights);
    writeFileSync(join(place(), 'blobs', `.${name}.999999999-0a.partial`), weights.subarray(0, 150_000));
    writeFileSync(join(place(), 'blobs', `.${name}.${process.ppid}-0b.partial`), weights.subarray(0, 10));
    await pull('me/plain');
    expect(cdnRequests().map((one) => one.range)).toEqual(['bytes=150000-']);
    expect(blobs()).toContain(`.${name}.${process.ppid}-0b.partial`);
  });
  test('starts over where the server knows no ranges, or the part was damaged', async () => {
    mkdirSync(join(place(), 'blobs'), { recursive: true });
    const kept = join(place(), 'blobs', `.${sha256Of(weights)}.incomplete`);
    writeFileSync(kept, weights.subarray(0, 1000));
    hub.faults.push({ ignoreRange: true });
    await pull('me/plain');
    await removeModel(await planRemoval('me/plain'));
    mkdirSync(join(place(), 'blobs'), { recursive: true });
    writeFileSync(kept, bytes(5000, 99));
    const { folder: at } = await pull('me/plain');
    expect(sha256Of(readFileSync(join(at, 'model.safetensors')))).toBe(sha256Of(weights));
    expect(cdnRequests().map((one) => one.range)).toEqual(['bytes=1000-', 'bytes=5000-', undefined]);
  });
  test('again and again ends in an error, and keeps what came', async () => {
    for (let i = 0; i < 20; i++) hub.faults.push({ cutAfter: 1000 });
    await expect(pull('me/plain')).rejects.toMatchObject({ code: 'hub.unreachable' });
    expect(blobs().some((name) => name.endsWith('.incomplete'))).toBe(true);
  });
});

test('what changed on the disk since it was fetched is found by pull and fetched again', async () => {
  const { folder: at } = await pull('me/plain');
  writeFileSync(join(place(), 'blobs', sha256Of(weights)), bytes(weights.length, 77));
  await pull('me/plain', { refresh: true });
  expect(sha256Of(readFileSync(join(at, 'model.safetensors')))).toBe(sha256Of(weights));
  expect(notes().join()).toMatch(/model.safetensors has the SHA-256 .*; it is fetched again/);
});

describe('what is refused', () => {
  test('content with another hash: removed, and nothing is left to be opened', async () => {
    hub.faults.push({ content: bytes(weights.length, 50) });
    await expect(pull('me/plain')).rejects.toMatchObject({ code: 'file.checksum' });
    expect(blobs().filter((name) => name.includes(sha256Of(weights)))).toEqual([]);
    expect(await findSnapshot(parseHubId('me/plain')!)).toBeUndefined();
  });
  test.each([
    ['me/gated', '', 'hub.gated', /sign in.*HF_TOKEN/],
    ['me/gated', 'stranger', 'hub.gated', /account of your token/],
    ['me/gated', 'wrong', 'hub.token', /settings\/tokens/],
    ['me/private', '', 'hub.no-repository', /HF_TOKEN/],
    ['me/plian', '', 'hub.no-repository', /did you mean me\/plain/],
    ['me/plain@nowhere', '', 'hub.no-revision', /tree\/main/],
    ['me/pickled', '', 'hub.no-model', /save_pretrained/],
  ])('%s with the token "%s" gives %s and says what to do', async (id, token, code, hint) => {
    vi.stubEnv('HF_TOKEN', token);
    await expect(pull(id)).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) as string });
  });
  test('a private repository opens to its owner; the token may lie in a file', async () => {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'token'), 'owner\n');
    vi.stubEnv('HF_TOKEN', undefined);
    vi.stubEnv('HF_TOKEN_PATH', join(home, 'token'));
    expect((await pull('me/private')).repository).toBe('me/private');
  });
  test('too many requests: waits as long as asked, or says how long it would be', async () => {
    hub.faults.push({ status: 429, headers: { 'retry-after': '1' } }, { status: 503 });
    const begun = performance.now();
    await pull('me/plain');
    expect(performance.now() - begun).toBeGreaterThan(950);
    expect(notes().join()).toMatch(/asks to wait 1 s/);
    hub.apiFaults.push({ status: 429, headers: { ratelimit: '"api";r=0;t=3000' } });
    await expect(pull('me/packed')).rejects.toMatchObject({
      code: 'file.rate-limit',
      message: expect.stringContaining('3000 seconds') as string,
    });
  });
  test('more bytes than the disk has room for, before any is asked for', async () => {
    await hub.close();
    const huge = Buffer.from('x');
    Object.defineProperty(huge, 'length', { value: 2 ** 52 });
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => {
      if (request.url!.startsWith('/api'))
        return void response.end(
          JSON.stringify({
            sha: commitOf('huge'),
            siblings: [
              {
                rfilename: 'x.gguf',
                size: 2 ** 52,
                blobId: commitOf('a'),
                lfs: { sha256: sha256Of(weights) },
              },
            ],
          }),
        );
      response.writeHead(200, { 'content-length': 2 ** 52 }).write('beginning');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as { port: number }).port}`);
    await expect(pull('me/huge')).rejects.toMatchObject({
      code: 'disk.full',
      message: expect.stringMatching(/GB are needed.*are free/) as string,
    });
    expect(blobs('me/huge')).toEqual([]);
    server.closeAllConnections();
    server.close();
    hub = await startHub({});
  });
  test('a server that is no hub', async () => {
    hub.apiFaults.push({ status: 200 });
    await expect(pull('me/plain')).rejects.toMatchObject({ code: 'hub.answer' });
  });
});

describe('without network', () => {
  test('what was fetched before is used, and it is said so; what was not is told apart', async () => {
    const { commit } = await pull('me/plain');
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    expect((await pull('me/plain', { refresh: true })).commit).toBe(commit);
    expect(notes().join()).toMatch(/does not answer; me\/plain as fetched before/);
    await expect(pull('me/packed')).rejects.toMatchObject({
      code: 'hub.unreachable',
      hint: expect.stringContaining('Already here: me/plain') as string,
    });
  });
  test('HF_HUB_OFFLINE asks nobody', async () => {
    await pull('me/plain');
    const before = hub.asked.length;
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect((await pull('me/plain', { refresh: true })).repository).toBe('me/plain');
    await expect(pull('me/packed')).rejects.toMatchObject({
      code: 'hub.unreachable',
      message: expect.stringContaining('HF_HUB_OFFLINE') as string,
    });
    expect(hub.asked.length).toBe(before);
  });
  test('what other tools fetched into HF_HOME is found, and new models go there, too', async () => {
    const shared = join(home, 'shared');
    const there = join(shared, 'hub', 'models--other--tool');
    for (const name of ['blobs', 'snapshots/abcdef0', 'refs'])
      mkdirSync(join(there, name), { recursive: true });
    writeFileSync(join(there, 'refs', 'main'), 'abcdef0');
    for (const name of ['config.json', 'model.safetensors']) {
      writeFileSync(join(there, 'blobs', name.length.toString()), '{}');
      symlinkSync(`../../blobs/${name.length}`, join(there, 'snapshots', 'abcdef0', name));
    }
    vi.stubEnv('HF_HOME', shared);
    expect((await pull('other/tool')).folder).toBe(join(there, 'snapshots', 'abcdef0'));
    await pull('me/plain');
    expect((await listSnapshots()).map((one) => one.repository).sort()).toEqual(['me/plain', 'other/tool']);
    expect(existsSync(join(shared, 'hub', 'models--me--plain'))).toBe(true);
    const removal = await planRemoval('other/tool');
    expect(removal.paths).toEqual([there]);
    await removeModel(removal);
    expect(existsSync(there)).toBe(false);
  });
  test('a snapshot whose weights are missing is fetched again', async () => {
    const { folder: at } = await pull('me/plain');
    const { rmSync } = await import('node:fs');
    rmSync(join(place(), 'blobs', sha256Of(weights)));
    expect(await findSnapshot(parseHubId('me/plain')!)).toBeUndefined();
    await pull('me/plain');
    expect(sha256Of(readFileSync(join(at, 'model.safetensors')))).toBe(sha256Of(weights));
  });
});

describe('proxies', () => {
  test('HTTP_PROXY is used for hub and second host, with its password; NO_PROXY goes past it', async () => {
    const proxy = await startProxy('user:secret');
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('http://', ''));
    await pull('me/plain');
    const ports = new Set(proxy.tunnels.map((one) => one.split(':')[1]));
    expect(proxy.tunnels.every((one) => one.startsWith('localhost:'))).toBe(true);
    expect(ports.size).toBe(2);
    const before = proxy.tunnels.length;
    vi.stubEnv('NO_PROXY', 'example.org,localhost');
    await pull('me/packed');
    expect(proxy.tunnels.length).toBe(before);
    await proxy.close();
  });
  test('a proxy that refuses is named in the error', async () => {
    const proxy = await startProxy('user:secret');
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('secret', 'guess'));
    await expect(pull('me/plain')).rejects.toMatchObject({
      code: 'hub.unreachable',
      message: expect.stringMatching(/407/) as string,
      hint: expect.stringMatching(/HTTPS_PROXY/) as string,
    });
    expect(hub.asked).toEqual([]);
    await proxy.close();
    vi.stubEnv('HTTP_PROXY', 'http://[nonsense');
    await expect(pull('me/plain')).rejects.toMatchObject({ code: 'file.proxy' });
  });
});

describe('the choice of files', () => {
  const choose = (names: string[], wanted?: string) => chooseFiles(names, wanted, async () => [], 'x/y');
  test.each<[string[], string | undefined, string, string[]]>([
    [['config.json', 'model.safetensors', 'a.gguf'], undefined, '', ['config.json', 'model.safetensors']],
    [['model.safetensors', 'a.Q5_0.gguf'], undefined, 'a.Q5_0.gguf', ['a.Q5_0.gguf']],
    [['a-f16.gguf', 'a.q6_k.gguf', 'b-00001-of-00002.gguf'], undefined, 'a-f16.gguf', ['a-f16.gguf']],
    [
      ['onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model_fp16.onnx', 'config.json'],
      undefined,
      'onnx/model.onnx',
      ['config.json', 'onnx/model.onnx_data', 'onnx/model.onnx'],
    ],
    [['onnx/model.onnx', 'onnx/model_fp16.onnx'], 'fp16', 'onnx/model_fp16.onnx', ['onnx/model_fp16.onnx']],
    [['config.json', 'model.safetensors', 'a.gguf'], 'a.gguf', 'a.gguf', ['config.json', 'a.gguf']],
  ])('of %j (%s) is %s', async (names, wanted, entry, files) => {
    expect(await choose(names, wanted)).toEqual({ entry, files });
  });
  test.each<[string[], string]>([
    [['a.onnx', 'b.onnx'], 'hub.no-model'],
    [['README.md'], 'hub.no-model'],
    [[], 'hub.no-model'],
  ])('of %j is none', async (names, code) => {
    await expect(choose(names)).rejects.toMatchObject({ code });
  });
  test.each(['a', './a/b', '../a/b', 'a/b/c', '/a/b', 'a/..', 'a b/c', 'C:\\a/b'])(
    '%s is no address on the hub',
    (text) => expect(parseHubId(text)).toBeUndefined(),
  );
});

describe('a name that means nothing', () => {
  test('is told apart by pull and show, with those that are known', async () => {
    const hint = expect.stringContaining('smollm2-135m') as string;
    await expect(pullModel('smollm', context)).rejects.toMatchObject({ code: 'model.unknown-name', hint });
    await expect(describeModel('smollm', context)).rejects.toMatchObject({
      code: 'model.unknown-name',
      hint,
    });
  });
  test('removes nothing; nor can what is part of the package be removed', async () => {
    await pull('me/plain');
    await expect(planRemoval('me/plian')).rejects.toMatchObject({
      code: 'model.not-here',
      hint: expect.stringContaining('me/plain') as string,
    });
    await expect(planRemoval('tiny')).rejects.toMatchObject({ code: 'model.not-here' });
    expect((await planRemoval('conversions')).paths).toEqual([]);
    const { models } = await listModels();
    expect(models.find((model) => model.name === 'me/plain')).toMatchObject({
      kind: 'hub',
      licence: 'apache-2.0',
    });
    expect(models.find((model) => model.name === 'smollm2-135m')).toMatchObject({ here: false, bytes: 0 });
  });
});
