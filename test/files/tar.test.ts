/** @file tar archives as npm packs them: read whole, refused when damaged. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readTarGz } from '../../src/files/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'untangle-tar-'));

/** One member in ustar form. */
function member(name: string, content: string, kind = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644', 100);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('        ', 148);
  header.write(kind, 156);
  header.write('ustar', 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
const save = (...parts: Buffer[]) => {
  const path = join(folder, 'a.tgz');
  writeFileSync(path, gzipSync(Buffer.concat(parts)));
  return path;
};
const end = Buffer.alloc(1024);

test('files with their names, long ones too; folders and links passed over', async () => {
  const long = `package/${'x'.repeat(120)}`;
  const record = `path=${long}\n`;
  const pax = `${record.length + 4} ${record}`;
  const path = save(
    member('package/', '', '5'),
    member('package/a', 'alpha'),
    member('paxheader', pax, 'x'),
    member('short', 'beta'),
    member('link', '', '2'),
    member('package/b', ''),
    end,
  );
  const members = await readTarGz(path);
  expect([...members].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
    ['package/a', 'alpha'],
    [long, 'beta'],
    ['package/b', ''],
  ]);
});

test('damaged archives are refused', async () => {
  const spoiled = member('a', 'alpha');
  spoiled[3] = 66;
  const tooLong = member('a', 'x'.repeat(2000)).subarray(0, 1024);
  await expect(readTarGz(save(member('a', 'alpha')))).rejects.toMatchObject({ message: /no end mark/ });
  await expect(readTarGz(save(spoiled, end))).rejects.toMatchObject({ message: /wrong checksum/ });
  await expect(readTarGz(save(tooLong))).rejects.toMatchObject({ message: /longer than the archive/ });
  const path = join(folder, 'cut.tgz');
  writeFileSync(path, gzipSync(member('a', 'alpha')).subarray(0, 40));
  await expect(readTarGz(path)).rejects.toMatchObject({ code: 'file.tar' });
  await expect(readTarGz(join(folder, 'absent'))).rejects.toMatchObject({ code: 'file.missing' });
});
