import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { commitOf, startHub, startProxy, type TestHub, type TestProxy } from '../support/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const oracle = 'test/oracles/tiny-llama';
const files = {
  'README.md': Buffer.from('---\nlicense: mit\n---\n'),
  ...Object.fromEntries(
    ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => [
      name,
      readFileSync(join(oracle, name)),
    ]),
  ),
};
const template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>";
let hub: TestHub;
let proxy: TestProxy;
const env: Record<string, string> = {};
beforeAll(async () => {
  const tls = selfSigned();
  writeFileSync(join(folder, 'ca.pem'), tls.cert);
  hub = await startHub(
    {
      'me/tiny': { files, licence: 'mit' },
      'me/chatty': {
        files: {
          ...files,
          'tokenizer_config.json': Buffer.from(JSON.stringify({ chat_template: template })),
        },
      },
      'me/gated': { files, gated: [] },
    },
    tls,
  );
  proxy = await startProxy();
  Object.assign(env, {
    UNTANGLE_HOME: join(folder, 'home'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    HF_ENDPOINT: hub.url,
    HTTPS_PROXY: proxy.url,
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
    HF_HOME: '',
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
    NO_PROXY: '',
    no_proxy: '',
    https_proxy: proxy.url,
  });
});
afterAll(async () => {
  await hub.close();
  await proxy.close();
});
const run = (...args: string[]) => untangle(args, { env });
const json = <T>(out: string): T => JSON.parse(out) as T;

describe('untangle models', () => {
  test('pull fetches over HTTPS through the proxy of the environment; list, show and run know it; remove removes it', async () => {
    const pulled = await run('models', 'pull', 'me/tiny', '--json');
    expect(pulled).toMatchObject({ code: 0 });
    expect(proxy.tunnels.length).toBeGreaterThan(0);
    expect(proxy.tunnels.every((host) => host.startsWith('localhost:'))).toBe(true);
    const {
      files: got,
      commit,
      licence,
    } = json<{ files: { path: string; hash: string }[]; commit: string; licence: string }>(pulled.out);
    expect(got.map((file) => file.path).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    expect(got.every((file) => /^[0-9a-f]{40,64}$/.test(file.hash))).toBe(true);
    expect([commit, licence]).toEqual([commitOf('me/tiny'), 'mit']);

    const ran = await run('run', 'me/tiny', '--prompt', 'the cat', '--generate', '3', '--json');
    expect(ran).toMatchObject({ code: 0 });
    expect(json<{ tokens: unknown[]; ended: string }>(ran.out)).toMatchObject({ ended: 'length' });

    const listed = json<{ models: { name: string; convertedBytes: number; licence: string }[] }>(
      (await run('models', 'list', '--json')).out,
    );
    const entry = listed.models.find((model) => model.name === 'me/tiny')!;
    expect(entry.licence).toBe('mit');
    expect(entry.convertedBytes).toBeGreaterThan(1000);

    const shown = await run('models', 'show', 'me/tiny');
    expect(shown.out).toMatch(/family +llama/);
    expect(shown.out).toMatch(/sites +43/);
    expect(shown.out).toMatch(/tokenizer +BPE/);

    expect(await run('models', 'remove', 'me/tiny')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--yes') as string,
    });
    expect(await run('models', 'remove', 'me/tiny', '--yes')).toMatchObject({ code: 0 });
    const after = json<{ models: { name: string }[]; conversions: { names: string[] } }>(
      (await run('models', 'list', '--json')).out,
    );
    expect(after.models.some((model) => model.name === 'me/tiny')).toBe(false);
    expect(after.conversions.names).toEqual([]);
    const again = await run('models', 'remove', 'me/tiny', '--yes', '--json');
    expect(again.code).toBe(1);
    expect(json<{ error: { code: string } }>(again.out).error.code).toBe('model.not-here');
  });
  test('show tells of a model that is not here without fetching it', async () => {
    const { out, code } = await run('models', 'show', 'me/gated', '--json');
    expect(code).toBe(0);
    expect(json<object>(out)).toMatchObject({ name: 'me/gated', here: false, gated: true });
    expect(hub.asked.some((one) => one.host === 'cdn' && one.url.includes('gated'))).toBe(false);
  });
  test('a failure says what to do, in the document too', async () => {
    const { code, out, err } = await run('models', 'pull', 'me/gated', '--json');
    expect(code).toBe(1);
    expect(json<{ error: { code: string } }>(out).error.code).toBe('hub.gated');
    expect(err).toMatch(/hint .*accept the conditions/);
  });
});

describe('untangle run', () => {
  test('--chat writes the conversation with the template, system prompt and earlier turns', async () => {
    mkdirSync(folder, { recursive: true });
    const turns = join(folder, 'turns.json');
    writeFileSync(
      turns,
      JSON.stringify([
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ]),
    );
    const args = ['--chat', 'c', '--system', 's', '--chat-file', turns, '--generate', '2', '--json'];
    const { out, code } = await run('run', 'me/chatty', ...args);
    expect(code).toBe(0);
    expect(json<object>(out)).toMatchObject({ prompt: '<system>s<user>a<assistant>b<user>c<assistant>' });
    const plain = await run('run', oracle, '--chat', 'c', '--json');
    expect(json<{ error: { code: string } }>(plain.out).error.code).toBe('model.no-chat');
  });
  test('--edit changes what is said; text goes to standard output as it is, the rest to standard error', async () => {
    const edit = join(folder, 'edit.json');
    const change = { kind: 'scale', site: 'blocks.0.hook_resid_post', by: -3 };
    writeFileSync(edit, JSON.stringify({ format: 'untangle-edit', version: 1, changes: [change] }));
    const [plain, edited] = await Promise.all([
      run('run', oracle, '--prompt', 'the cat', '--generate', '8'),
      run('run', oracle, '--prompt', 'the cat', '--generate', '8', '--edit', edit),
    ]);
    expect([plain.code, edited.code]).toEqual([0, 0]);
    expect(edited.out).not.toBe(plain.out);
    expect(plain.err).toMatch(/8 tokens after \d+ .*ended: as many tokens as asked for/);
  });
  test.each([
    [[], 'usage.options'],
    [['--prompt', 'a', '--chat', 'b'], 'usage.options'],
    [['--prompt', 'a', '--generate', '3', '--top-k', '5'], 'usage.options'],
    [['--prompt', 'a', '--temperature', '1', '--top-p', '1.5'], 'usage.invalid-value'],
  ])('%j is wrong usage', async (args, code) => {
    const result = await run('run', oracle, ...args, '--json');
    expect(result.code).toBe(2);
    expect(json<{ error: { code: string } }>(result.out).error.code).toBe(code);
  });
});
