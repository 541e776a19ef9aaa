import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPickle } from '../../src/files/pickle.ts';
import { openTorch } from '../../src/files/torch.ts';
import { writeZip } from '../../src/files/zip-writer.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const names = new Set(['collections.OrderedDict', 'torch.FloatStorage']);
const read = (bytes: Buffer | string) => readPickle(Buffer.from(bytes as string, 'latin1'), names, 'x.pt');

describe('pickles as data', () => {
  // python: pickletools.optimize(pickle.dumps(value, 2))
  test.each([
    ['None', '\x80\x02N.', null],
    [
      'numbers',
      '\x80\x02(K\x01M\xff\xffJ\xfe\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01G?\xf8\x00\x00\x00\x00\x00\x00t.',
      [1, 65535, -2, 2 ** 40, 1.5],
    ],
    ['texts', '\x80\x02X\x02\x00\x00\x00\xc3\xbc.', 'ü'],
    [
      'lists',
      '\x80\x02]q\x00(K\x01K\x02eh\x00\x86.',
      [
        [1, 2],
        [1, 2],
      ],
    ],
    [
      'a dictionary',
      '\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00b\x88u.',
      new Map<string, unknown>([
        ['a', 1],
        ['b', true],
      ]),
    ],
    [
      'an ordered dictionary',
      '\x80\x02ccollections\nOrderedDict\n)Rq\x00X\x01\x00\x00\x00aK\x01s}X\x09\x00\x00\x00_metadataNsb.',
      new Map([['a', 1]]),
    ],
    [
      'protocol 4',
      '\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05torch\x8c\x0cFloatStorage\x93.',
      { kind: 'name', name: 'torch.FloatStorage' },
    ],
  ])('%s', (_, bytes, value) => {
    expect(read(bytes)).toEqual(value);
  });

  test.each([
    ['os.system', 'cos\nsystem\n(X\x04\x00\x00\x00echotR.'],
    ['a built-in', '\x80\x02c__builtin__\neval\n(X\x01\x00\x00\x001tR.'],
    ['by protocol 4', '\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.'],
    ['an allowed name with more behind it', '\x80\x02ctorch\nFloatStorage.__init__.__globals__\n.'],
  ])('what asks for code is refused, and the name said: %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'file.pickle-code' }));
  });

  test.each([
    ['nothing', ''],
    ['cut short', '\x80\x02(K\x01'],
    ['no value', '\x80\x02.'],
    ['a text longer than the file', '\x80\x02X\xff\xff\xff\x7fab.'],
    ['a group that never began', '\x80\x02t.'],
    ['what was never kept', '\x80\x02h\x05.'],
    ['INST, which makes objects', '(ios\nsystem\n.'],
    ['OBJ', '(ctorch\nFloatStorage\no.'],
    ['NEWOBJ', '\x80\x02ctorch\nFloatStorage\n)\x81.'],
    ['an extension registry', '\x80\x02\x82\x01.'],
    ['a call of a list', '\x80\x02])R.'],
    ['appending to a dictionary', '\x80\x02}K\x01a.'],
    ['an odd number of items', '\x80\x02}(K\x01u.'],
    ['a protocol of the future', '\x80\x09N.'],
    [
      'a name that is a list of a list of a list',
      `\x80\x04N${'\x85'.repeat(100_000)}X\x01\x00\x00\x00x\x93.`,
    ],
    [
      'a name whose text would be 2^200 letters long',
      `\x80\x04]\x94X\x01\x00\x00\x00aa${Array.from({ length: 200 }, (_, i) => `]\x94(h${String.fromCharCode(i)}h${String.fromCharCode(i)}e`).join('')}X\x01\x00\x00\x00x\x93.`,
    ],
  ])('what is no data is refused: %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'file.pickle' }));
  });

  test('a dictionary that holds itself, and a thousand levels, are no trouble', () => {
    const self = read('\x80\x02}q\x00K\x01h\x00s.') as Map<number, unknown>;
    expect(self.get(1)).toBe(self);
    expect(read(`\x80\x02N${'\x85'.repeat(100_000)}.`)).toHaveLength(1);
  });
});

describe('hostile state dicts', () => {
  const state = (
    rest: string,
    storage = 'X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04',
  ) =>
    Buffer.from(
      `\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((${storage}tQ${rest}\x89ccollections\nOrderedDict\n)RtRs.`,
      'latin1',
    );
  const open = async (name: string, pickle: Buffer, numbers = Buffer.alloc(16)) => {
    const path = join(folder, `${name}.pt`);
    await writeZip(path, [
      ['a/data.pkl', pickle],
      ['a/data/0', numbers],
    ]);
    return openTorch(path).then(
      async (file) => (await file.read('a')).shape,
      (error: { code: string }) => error.code,
    );
  };

  test.each([
    ['in order', 'K\x00(K\x02K\x02t(K\x02K\x01t', [2, 2]],
    ['transposed', 'K\x00(K\x02K\x02t(K\x01K\x02t', [2, 2]],
    ['one number shown a million times', 'K\x00(J\x40\x42\x0f\x00t(K\x00t', 'file.torch'],
    ['outside of its storage', 'K\x01(K\x04t(K\x01t', 'file.torch'],
    ['strides that leave it', 'K\x00(K\x02K\x02t(K\x05K\x01t', 'file.torch'],
    ['sizes below nothing', 'K\x00(J\xff\xff\xff\xfft(K\x01t', 'file.torch'],
    ['sizes that overflow', 'K\x00(\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40K\x04t(K\x01K\x01t', 'file.torch'],
    ['other numbers of sizes and strides', 'K\x00(K\x02K\x02t(K\x01t', 'file.torch'],
    ['no numbers', 'NNN', 'file.torch'],
  ])('%s', async (name, rest, outcome) => {
    expect(await open(name, state(rest))).toEqual(outcome);
  });

  test('a parameter of a parameter of a parameter, a hundred thousand times', async () => {
    const deep = `\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_parameter\nq\x00${'h\x00'.repeat(100_000)}N${'\x85R'.repeat(100_001)}s.`;
    expect(await open('deep', Buffer.from(deep, 'latin1'))).toBe('file.torch');
  });

  test('a storage that is none, one that is missing, another kind of file', async () => {
    const none = 'X\x07\x00\x00\x00storageNX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04';
    const away =
      'X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x06\x00\x00\x00../../X\x03\x00\x00\x00cpuK\x04';
    expect(await open('none', state('K\x00(K\x02t(K\x01t', none))).toBe('file.torch');
    expect(await open('away', state('K\x00(K\x02t(K\x01t', away))).toBe('file.torch');
    expect(await open('list', Buffer.from('\x80\x02].', 'latin1'))).toBe('file.torch');
    const path = join(folder, 'empty.pt');
    await writeZip(path, [['x', Buffer.from('y')]]);
    await expect(openTorch(path)).rejects.toMatchObject({ code: 'file.torch' });
    writeFileSync(path, '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'latin1');
    await expect(openTorch(path)).rejects.toMatchObject({
      code: 'file.torch',
      message: expect.stringMatching(/no zip archive, and neither are files of versions before 1\.6/),
    });
    writeFileSync(path, 'PK\x03\x04', 'latin1');
    await expect(openTorch(path)).rejects.toMatchObject({ code: 'file.zip' });
  });
});
