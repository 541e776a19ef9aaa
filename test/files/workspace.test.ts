/** @file Atomic writes and the lock: no half files, clear refusals, one process per workspace. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  makeWritable,
  readJson,
  removeTemporaries,
  writeAtomically,
  writeFileAtomic,
  writeJson,
} from '../../src/files/atomic.ts';
import { fileFailure } from '../../src/files/failures.ts';
import { checkFolder, makeFolder } from '../../src/files/folders.ts';
import { lockWorkspace } from '../../src/files/lock.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'untangle-workspace-'));
const errno = (code: string) => Object.assign(new Error(`${code}: refused`), { code });
const asRoot = process.getuid?.() === 0;

describe('atomic writes', () => {
  test('make the folder, write all pieces, leave nothing else', async () => {
    const path = join(folder(), 'deep/er/file');
    await writeFileAtomic(path, [Uint8Array.of(65), Uint8Array.of(66, 67)]);
    expect(readFileSync(path, 'utf8')).toBe('ABC');
    expect(readdirSync(join(path, '..'))).toEqual(['file']);
  });

  test.each([
    ['ENOSPC', 'disk.full'],
    ['EDQUOT', 'disk.full'],
    ['EROFS', 'disk.read-only'],
    ['EACCES', 'disk.read-only'],
    ['EIO', 'file.failed'],
  ])('%s in the middle gives %s, keeps the old file, leaves no half-written one', async (code, expected) => {
    const at = folder();
    const path = join(at, 'file');
    writeFileSync(path, 'old');
    const failing = writeAtomically(path, async (file) => {
      await file.writeFile('half of the new');
      throw errno(code);
    });
    await expect(failing).rejects.toMatchObject({ code: expected, where: path });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(at)).toEqual(['file']);
  });

  test('a full disk, for real: /dev/full refuses the write', async () => {
    if (!existsSync('/dev/full')) return;
    const failing = writeAtomically(join(folder(), 'file'), async () => writeFileSync('/dev/full', 'x'));
    await expect(failing).rejects.toMatchObject({ code: 'disk.full', hint: /free some space/ });
  });

  test.skipIf(asRoot)('a folder without permission to write', async () => {
    const at = folder();
    chmodSync(at, 0o555);
    await expect(writeFileAtomic(join(at, 'x'), 'x')).rejects.toMatchObject({ code: 'disk.read-only' });
    await expect(lockWorkspace(at)).rejects.toMatchObject({ code: 'disk.read-only' });
  });

  test('reading without permission is not called a read-only disk', () => {
    expect(fileFailure(errno('EACCES'), 'x', 'cannot read').code).toBe('file.no-permission');
  });

  test('what a killed process left is removed, what a living one writes is not', async () => {
    const at = folder();
    const dead = Number(execFileSync('node', ['-p', 'process.pid'], { encoding: 'utf8' }));
    writeFileSync(join(at, `.a.${dead}-00ff.partial`), '');
    writeFileSync(join(at, `.a.${process.ppid}-00ff.partial`), '');
    expect(await removeTemporaries(at)).toBe(1);
    expect(readdirSync(at)).toEqual([`.a.${process.ppid}-00ff.partial`]);
  });
});

describe('folders where none can be made', () => {
  const at = folder();
  writeFileSync(join(at, 'file'), '');
  symlinkSync(join(at, 'unmounted/disk'), join(at, 'link'));
  const places: [place: string, code: string, message: RegExp][] = [
    [join(at, 'file'), 'file.is-file', /a file stands/],
    [join(at, 'file/below/deep'), 'file.missing', /not a folder/],
    [join(at, 'link'), 'file.missing', /a link to a place that is not there/],
    // Node's own recursive mkdir never comes back from these two.
    [join(at, 'link/below/deep'), 'file.missing', /a link to a place that is not there/],
    ...(existsSync('/proc/self')
      ? [['/proc/untangle/deep', 'disk.read-only', /no folders can be made in/] as [string, string, RegExp]]
      : []),
  ];

  test.each(places)('%s is refused with %s, by whatever would write there', async (place, code, message) => {
    const refused = (work: Promise<unknown>) =>
      expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(message), hint: /./ });
    await refused(makeFolder(place));
    await refused(checkFolder(place));
    await refused(makeWritable(place));
    await refused(lockWorkspace(place));
    await refused(writeFileAtomic(join(place, 'x'), 'x'));
    expect(readdirSync(at).sort()).toEqual(['file', 'link']);
  });

  test('a folder that can be made is made by one, and looked at without a trace by the other', async () => {
    const fresh = folder();
    await checkFolder(join(fresh, 'a/b'));
    expect(readdirSync(fresh)).toEqual([]);
    await Promise.all([makeFolder(join(fresh, 'a/b')), makeFolder(join(fresh, 'a/b/c')), makeFolder(fresh)]);
    expect(readdirSync(join(fresh, 'a/b'))).toEqual(['c']);
    await makeWritable(join(fresh, 'a/b/c'));
    expect(readdirSync(join(fresh, 'a/b/c'))).toEqual([]);
  });
});

describe('JSON', () => {
  test('round trip with a schema, and both ways to be wrong', async () => {
    const path = join(folder(), 'a.json');
    const schema = z.object({ rows: z.number() });
    await writeJson(path, { rows: 3 });
    expect(await readJson(path, schema)).toEqual({ rows: 3 });
    await writeJson(path, { rows: 'three' });
    await expect(readJson(path, schema)).rejects.toMatchObject({ code: 'file.schema', message: /rows/ });
    writeFileSync(path, '{"rows": ');
    await expect(readJson(path)).rejects.toMatchObject({ code: 'file.json', where: path });
    await expect(readJson(`${path}x`)).rejects.toMatchObject({ code: 'file.missing' });
  });
});

describe('the lock', () => {
  const holder = `
    import { lockWorkspace } from ${JSON.stringify(new URL('../../src/files/lock.ts', import.meta.url).href)};
    await lockWorkspace(process.argv[1]);
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const hold = (at: string): Promise<ChildProcess> =>
    new Promise((resolve, reject) => {
      const child = spawn('node', ['--import', 'tsx', '--input-type=module', '-e', holder, at]);
      child.stdout.once('data', () => resolve(child));
      child.once('exit', (code) => reject(new Error(`exited with ${code}`)));
      child.stderr.on('data', (text) => console.error(String(text)));
    });

  test('two processes: the second is told who the first is; when that one is killed it gets the lock', async () => {
    const at = folder();
    const child = await hold(at);
    await expect(lockWorkspace(at)).rejects.toMatchObject({
      code: 'workspace.locked',
      message: new RegExp(`process ${child.pid} `),
    });
    const gone = new Promise((resolve) => child.removeAllListeners('exit').once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const lock = await lockWorkspace(at);
    await lock.release();
    expect(readdirSync(at)).toEqual([]);
  });

  test('the same process cannot take it twice, and can again after release', async () => {
    const at = folder();
    const lock = await lockWorkspace(at);
    await expect(lockWorkspace(at)).rejects.toMatchObject({ code: 'workspace.locked' });
    await lock.release();
    await (await lockWorkspace(at)).release();
  });

  test('an earlier process that had our id is dead; one on another machine may not be', async () => {
    const at = folder();
    const owner = { pid: process.pid, host: hostname(), started: 1, since: '2020-01-01T00:00:00.000Z' };
    writeFileSync(join(at, 'lock'), JSON.stringify(owner));
    await (await lockWorkspace(at)).release();
    writeFileSync(join(at, 'lock'), JSON.stringify({ ...owner, host: 'elsewhere' }));
    await expect(lockWorkspace(at)).rejects.toMatchObject({
      code: 'workspace.locked',
      message: /on elsewhere/,
    });
  });

  test('an empty lock, left by a process that died at once, is taken over', async () => {
    const at = folder();
    writeFileSync(join(at, 'lock'), '');
    const lock = await lockWorkspace(at);
    expect(JSON.parse(readFileSync(join(at, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  test('of many that find one stale lock, exactly one gets it', async () => {
    const at = folder();
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'lock'), JSON.stringify({ pid: process.pid, host: hostname(), started: 1 }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockWorkspace(at)));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });
});
