import { beforeAll, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { normals } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

const about = { site: 'site', modelHash: 'hash', sinkNorm: 50, passes: 2, batch: 64 };
const context = { progress: silent, threads: 1 };

const kinds = [
  { architecture: 'batchtopk', k: 3 },
  { architecture: 'matryoshka', k: 3 },
  { architecture: 'relu' },
  { architecture: 'gated' },
  { architecture: 'jumprelu' },
] as const;

const shapes = [
  ['a width of 1', { width: 1, rows: 150, features: 7 }],
  ['fewer rows than features and than a batch', { width: 6, rows: 20, features: 50 }],
  ['more active features than the width, and all of them', { width: 2, rows: 150, features: 3 }],
] as const;

test.each(
  kinds.flatMap((kind) => shapes.map((shape) => [kind.architecture, shape[0], kind, shape[1]] as const)),
)(
  '%s works with %s: a finite dictionary whose code decodes',
  async (_kind, _shape, kind, { width, rows, features }) => {
    const x_ND = normals(random(4), rows * width);
    const { dictionary, log } = await trainDictionary(
      { x_ND, width },
      { ...about, ...kind, features },
      context,
    );
    expect(Number.isFinite(log.finalLoss)).toBe(true);
    for (const values of [dictionary.W_enc_FD, dictionary.b_enc_F, dictionary.W_dec_FD, dictionary.b_dec_D])
      expect(values.every(Number.isFinite)).toBe(true);
    const opened = await encoder(dictionary);
    const code = await opened.encode(x_ND).finally(() => opened.release());
    expect(decode(dictionary, code).every(Number.isFinite)).toBe(true);
  },
);

test.each(kinds)('$architecture: rows that repeat, with infinity, or all the same', async (kind) => {
  const width = 4;
  const row = normals(random(1), 2 * width);
  const twice = Float32Array.from({ length: 200 * width }, (_, i) => row[i % (2 * width)]!);
  const config = { ...about, ...kind, features: 10 };
  const { dictionary } = await trainDictionary({ x_ND: twice, width }, config, context);
  expect(dictionary.W_dec_FD.every(Number.isFinite)).toBe(true);
  const endless = normals(random(1), 200 * width);
  endless[77] = Number.POSITIVE_INFINITY;
  await expect(trainDictionary({ x_ND: endless, width }, config, context)).rejects.toMatchObject({
    code: 'dictionary.not-finite',
  });
  const same = new Float32Array(200 * width).fill(1.5);
  await expect(trainDictionary({ x_ND: same, width }, config, context)).rejects.toMatchObject({
    code: 'dictionary.constant',
  });
});
