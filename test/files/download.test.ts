import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ProgressEvent, silent } from '../../src/core/progress.ts';
import { cacheRoot, folderMadeOnce } from '../../src/files/cache.ts';
import { download, fileSha256 } from '../../src/files/download.ts';
import { npmDownload, pipDownload } from '../../src/files/packages.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const context = { progress: silent };
let servers: Server[] = [];
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
  vi.unstubAllEnvs();
});
let count = 0;
const fresh = () => {
  const path = join(folder, String(count++));
  mkdirSync(path);
  return path;
};
const serve = (listener: RequestListener) =>
  new Promise<string>((done) => {
    const server = createServer(listener).listen(0, '127.0.0.1', () =>
      done(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.bin`),
    );
    servers.push(server);
  });
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

describe('download', () => {
  test('writes the file, checks it, and reports bytes', async () => {
    const url = await serve((_, response) => response.setHeader('content-length', 5).end('hello'));
    const target = join(fresh(), 'a.bin');
    const events: ProgressEvent[] = [];
    await download(url, target, { progress: (e) => void events.push(e), sha256: sha('hello') });
    expect(readFileSync(target, 'utf8')).toBe('hello');
    expect(await fileSha256(target)).toBe(sha('hello'));
    expect(events[0]).toMatchObject({ type: 'start', task: 'download/a.bin', total: 5, unit: 'bytes' });
    expect(events.filter((e) => e.type === 'advance').at(-1)).toMatchObject({ done: 5 });
  });
  test.each<[string, RequestListener, object, string]>([
    ['a refusal', (_, r) => void r.writeHead(403).end('no'), {}, 'file.refused'],
    ['another content', (_, r) => void r.end('hullo'), { sha256: sha('hello') }, 'file.checksum'],
    [
      'a cut answer',
      (_, r) => {
        r.setHeader('content-length', 100);
        r.write('half');
        setTimeout(() => r.destroy(), 20);
      },
      {},
      'file.download',
    ],
    ['no answer in time', () => {}, { patience: 0.1 }, 'file.download'],
    [
      'a stall in the middle',
      (_, r) => {
        r.setHeader('content-length', 100);
        r.write('half');
      },
      { patience: 0.05 },
      'file.download',
    ],
  ])('%s gives a code and leaves nothing', async (_what, listener, options, code) => {
    const url = await serve(listener);
    const place = fresh();
    await expect(download(url, join(place, 'a.bin'), { ...context, ...options })).rejects.toMatchObject({
      code,
    });
    expect(readdirSync(place)).toEqual([]);
  });
  test('a host that does not exist, an address that is none', async () => {
    for (const url of ['http://nowhere.invalid/a', 'http://127.0.0.1:9/a', 'nonsense'])
      await expect(download(url, join(fresh(), 'a'), context)).rejects.toMatchObject({
        code: 'file.download',
      });
  });
  test('stops when interrupted, leaving nothing', async () => {
    const controller = new AbortController();
    const url = await serve((_, r) => {
      r.write('half');
      setTimeout(() => controller.abort(), 20);
    });
    const place = fresh();
    await expect(
      download(url, join(place, 'a'), { ...context, signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(readdirSync(place)).toEqual([]);
  });
});

/** A PATH on which `name` is a shell script. */
function fakeProgram(name: string, script: string): string {
  const place = fresh();
  writeFileSync(join(place, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return place;
}

describe.skipIf(process.platform === 'win32')('packages', () => {
  test('pip brings one wheel: no dependencies, nothing built', async () => {
    // $3 … are: download --no-deps --only-binary :all: --dest FOLDER REQUIREMENT
    vi.stubEnv(
      'PATH',
      fakeProgram('python3', '[ "$2 $3 $4" = "pip download --no-deps" ] && echo x > "$8/a-1.whl"'),
    );
    const place = fresh();
    expect(await pipDownload('a==1', place, context)).toBe(join(place, 'a-1.whl'));
  });
  test("pip's last words are passed on", async () => {
    vi.stubEnv('PATH', fakeProgram('python3', 'echo "ERROR: No matching distribution" >&2; exit 1'));
    await expect(pipDownload('a==1', fresh(), context)).rejects.toMatchObject({
      code: 'file.package',
      message: expect.stringContaining('No matching distribution') as string,
      hint: expect.stringContaining('python3 -m pip download --no-deps') as string,
    });
  });
  test('a Python without pip is as good as none', async () => {
    vi.stubEnv('PATH', fakeProgram('python3', 'echo "/usr/bin/python3: No module named pip" >&2; exit 1'));
    await expect(pipDownload('a==1', fresh(), context)).rejects.toMatchObject({ code: 'file.no-pip' });
  });
  test('npm brings one tarball; without npm it is said so', async () => {
    vi.stubEnv('PATH', fakeProgram('npm', '[ "$1 $2" = "pack --ignore-scripts" ] && echo x > "$4/a-1.tgz"'));
    const place = fresh();
    expect(await npmDownload('a@1', place, context)).toBe(join(place, 'a-1.tgz'));
    vi.stubEnv('PATH', fresh());
    await expect(npmDownload('a@1', fresh(), context)).rejects.toMatchObject({ code: 'file.no-npm' });
  });
  test('an interrupted package manager is stopped', async () => {
    vi.stubEnv('PATH', `${fakeProgram('npm', 'exec sleep 60')}:/usr/bin:/bin`);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(
      npmDownload('a@1', fresh(), { ...context, signal: controller.signal }),
    ).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});

describe('the cache', () => {
  test('lies where UNTANGLE_HOME says', () => {
    vi.stubEnv('UNTANGLE_HOME', '/somewhere');
    expect(cacheRoot()).toBe('/somewhere');
    vi.stubEnv('UNTANGLE_HOME', '');
    expect(cacheRoot()).toMatch(/\.cache.untangle$/);
  });
  test('a folder is made once, and only when it is whole', async () => {
    const target = join(fresh(), 'x');
    await expect(
      folderMadeOnce(target, async (aside) => {
        writeFileSync(join(aside, 'half'), '');
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(readdirSync(join(target, '..'))).toEqual([]);
    const fill = vi.fn(async (aside: string) => writeFileSync(join(aside, 'whole'), ''));
    expect(await folderMadeOnce(target, fill)).toEqual({ made: true });
    expect(await folderMadeOnce(target, fill)).toEqual({ made: false });
    expect(fill).toHaveBeenCalledTimes(1);
    expect(readdirSync(target)).toEqual(['whole']);
  });
  test('when two make the same folder at once, one stays and both go on', async () => {
    const target = join(fresh(), 'x');
    const make = (text: string) =>
      folderMadeOnce(target, async (aside) => writeFileSync(join(aside, 'a'), text));
    const made = await Promise.all([make('1'), make('2')]);
    expect(made.filter((m) => m.made)).toHaveLength(1);
    expect(readdirSync(join(target, '..'))).toEqual(['x']);
  });
  test('what a killed process left is cleared away, what a living one makes is not', async () => {
    const place = fresh();
    mkdirSync(join(place, '.x.999999999-0.partial'));
    mkdirSync(join(place, `.x.${process.ppid}-0.partial`));
    await folderMadeOnce(join(place, 'y'), async () => {});
    expect(existsSync(join(place, '.x.999999999-0.partial'))).toBe(false);
    expect(existsSync(join(place, `.x.${process.ppid}-0.partial`))).toBe(true);
  });
});
