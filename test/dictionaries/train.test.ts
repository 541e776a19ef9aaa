import { existsSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { courseAt } from '../../src/dictionaries/courses.ts';
import { loadDictionary, saveDictionary } from '../../src/dictionaries/files.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { normals, randomDictionary, sparseData } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

const folder = () => mkdtempSync(join(tmpdir(), 'untangle-dictionary-'));
const context = { progress: silent, threads: 2 };
const about = { architecture: 'topk', site: 'site', modelHash: 'hash', sinkNorm: 50 } as const;

describe('training', () => {
  const sizes = { rows: 6000, width: 24, directions: 40, active: 2 };
  const { x_ND, truth } = sparseData(3, sizes);
  const config = { ...about, features: 80, k: 2, batch: 256, passes: 30, learningRate: 5e-3 };
  const heldOut_MD = x_ND.subarray(0, 24 * 500);

  test('finds the directions that made the data', async () => {
    const rows = { x_ND: x_ND.subarray(24 * 500), width: 24, heldOut_MD };
    const { dictionary, log } = await trainDictionary(rows, config, context);
    expect(log.curve.at(-1)!.fve).toBeGreaterThan(0.95);
    expect(log.curve.at(-1)!.tokens).toBe(log.tokensSeen);
    const best = Array.from({ length: sizes.directions }, (_, t) =>
      Math.max(
        ...Array.from({ length: config.features }, (_, f) => {
          let cosine = 0;
          for (let d = 0; d < 24; d++) cosine += truth[t * 24 + d]! * dictionary.W_dec_FD[f * 24 + d]!;
          return cosine;
        }),
      ),
    );
    expect(best.filter((cosine) => cosine > 0.95).length).toBeGreaterThan(0.9 * sizes.directions);
  });

  test('a stopped run goes on where it was and ends with the same weights', async () => {
    const short = { ...config, passes: 6 };
    const rows = { x_ND, width: 24, heldOut_MD };
    const whole = await trainDictionary(rows, short, context);
    const at = folder();
    const abort = new AbortController();
    const stopped = trainDictionary(rows, short, {
      ...context,
      folder: at,
      signal: abort.signal,
      progress: (event) => {
        if (event.type === 'advance' && event.done > 20 * 256) abort.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(join(at, 'checkpoint.safetensors'))).toBe(true);
    // What cannot be saved is not lost.
    const full = () => Promise.reject(new Error('no space left'));
    await expect(trainDictionary(rows, short, { ...context, folder: at, keep: full })).rejects.toThrow(
      'no space left',
    );
    expect(existsSync(join(at, 'checkpoint.safetensors'))).toBe(true);
    let first: number | undefined;
    const resumed = await trainDictionary(rows, short, {
      ...context,
      folder: at,
      progress: (event) => {
        if (event.type === 'advance') first ??= event.done;
      },
    });
    expect(first).toBeGreaterThan(20 * 256);
    expect(resumed.dictionary.W_enc_FD).toEqual(whole.dictionary.W_enc_FD);
    expect(resumed.log.curve).toEqual(whole.log.curve);
    expect(existsSync(join(at, 'checkpoint.safetensors'))).toBe(false);
  });

  test('a checkpoint of another run or a damaged one is not used', async () => {
    const at = folder();
    writeFileSync(join(at, 'checkpoint.safetensors'), 'nothing of the kind');
    const few = { ...config, passes: 1 };
    const { dictionary } = await trainDictionary({ x_ND, width: 24 }, few, { ...context, folder: at });
    const { dictionary: plain } = await trainDictionary({ x_ND, width: 24 }, few, context);
    expect(dictionary.W_dec_FD).toEqual(plain.W_dec_FD);
  });

  test.each([
    ['a width of 1', { width: 1, rows: 300 }, { features: 4, k: 1 }],
    ['k equal to the features', { width: 6, rows: 300 }, { features: 5, k: 5 }],
    ['fewer rows than features and than a batch', { width: 6, rows: 20 }, { features: 50, k: 3 }],
  ])('works with %s', async (_name, { width, rows }, sizes) => {
    const x = normals(random(4), rows * width);
    const { dictionary } = await trainDictionary(
      { x_ND: x, width },
      { ...about, ...sizes, passes: 2 },
      context,
    );
    expect(dictionary.W_dec_FD.every(Number.isFinite)).toBe(true);
    for (let f = 0; f < sizes.features; f++) {
      expect(Math.hypot(...dictionary.W_dec_FD.subarray(f * width, (f + 1) * width))).toBeCloseTo(1, 5);
    }
  });

  const broken = normals(random(4), 300 * 6);
  broken[6 * 77 + 2] = Number.NaN;
  test.each([
    ['dictionary.not-finite', { x_ND: broken, width: 6 }, {}],
    ['dictionary.constant', { x_ND: new Float32Array(600).fill(1.1), width: 6 }, {}],
    ['dictionary.config', { x_ND: normals(random(4), 600), width: 6 }, { k: 9 }],
    ['dictionary.config', { x_ND: normals(random(4), 600), width: 6 }, { features: 0 }],
    ['dictionary.no-rows', { x_ND: new Float32Array(0), width: 6 }, {}],
    ['dictionary.diverged', { x_ND: normals(random(4), 600), width: 6 }, { learningRate: 1e38, warmUp: 0 }],
    ['dictionary.width', { x_ND: normals(random(4), 601), width: 6 }, {}],
    ['dictionary.width', { x_ND: normals(random(4), 600), width: 6, heldOut_MD: normals(random(4), 7) }, {}],
    ['dictionary.not-finite', { x_ND: normals(random(4), 600), width: 6, heldOut_MD: broken }, {}],
    ['dictionary.config', { x_ND: normals(random(4), 600), width: 6 }, { patience: 2 }],
    [
      'dictionary.width',
      { x_ND: normals(random(4), 600), width: 6, y_NE: normals(random(4), 60) },
      { architecture: 'transcoder' as const },
    ],
    [
      'dictionary.config',
      {
        ...{ x_ND: normals(random(4), 600), width: 6, y_NE: normals(random(4), 600) },
        heldOut_MD: normals(random(4), 60),
      },
      { architecture: 'transcoder' as const },
    ],
    [
      'dictionary.config',
      { x_ND: normals(random(4), 600), width: 6 },
      { architecture: 'transcoder' as const },
    ],
    // The fused engine would have folded the scale of the rows to predict into the weights.
    ['dictionary.config', { x_ND: normals(random(4), 600), width: 6, y_NE: normals(random(4), 600) }, {}],
  ])('refuses with %s', async (code, source, wrong) => {
    const bad = trainDictionary(source, { ...about, features: 8, k: 2, passes: 3, ...wrong }, context);
    await expect(bad).rejects.toMatchObject({ code });
  });
});

test('held-out rows that are all the same leave no curve, in place of an endless one', async () => {
  const x_ND = normals(random(4), 600);
  const rows = { x_ND, width: 6, heldOut_MD: x_ND.subarray(0, 6) };
  const { log } = await trainDictionary(rows, { ...about, features: 8, k: 2 }, context);
  expect(log.curve).toEqual([]);
});

describe('files', () => {
  const d = randomDictionary({ width: 7, features: 12, k: 3 });

  test('a dictionary comes back as it was saved', async () => {
    const at = folder();
    await saveDictionary(at, d);
    expect(await loadDictionary(at)).toEqual(d);
    await saveDictionary(at, { ...d, sinkNorm: Number.POSITIVE_INFINITY });
    expect((await loadDictionary(at)).sinkNorm).toBe(Number.POSITIVE_INFINITY);
  });

  test.each<[string, Partial<typeof d>]>([
    [
      'thresholds',
      { architecture: 'jumprelu', activation: { kind: 'threshold', threshold_F: normals(random(8), 12) } },
    ],
    [
      'gates',
      {
        architecture: 'gated',
        activation: { kind: 'gated', r_mag_F: normals(random(8), 12), b_mag_F: normals(random(9), 12) },
      },
    ],
    [
      'an output, a skip and a row norm',
      {
        architecture: 'skip-transcoder',
        output: { site: 'out', width: 4 },
        W_dec_FD: normals(random(8), 48),
        b_dec_D: normals(random(9), 4),
        W_skip_ED: normals(random(9), 28),
        rowNorm: 2,
      },
    ],
    ['a row norm without the mean', { rowNorm: 2, rowCentred: true as const }],
    [
      'several sites',
      {
        architecture: 'crosscoder',
        sites: [
          { site: 'a', width: 3 },
          { site: 'b', width: 4 },
        ],
        activation: { kind: 'relu' },
      },
    ],
  ])('a dictionary with %s comes back as it was saved', async (_name, overrides) => {
    const at = folder();
    await saveDictionary(at, { ...d, ...overrides });
    expect(await loadDictionary(at)).toEqual({ ...d, ...overrides });
  });

  test('a dictionary of the first version is read', async () => {
    const at = folder();
    await saveDictionary(at, d);
    const path = join(at, 'dictionary.json');
    const { activation: _a, version: _v, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...rest, version: 1, k: 3 }));
    expect(await loadDictionary(at)).toEqual(d);
  });

  test('an activation that the kind never has is refused', async () => {
    const at = folder();
    await saveDictionary(at, { ...d, architecture: 'relu' });
    await expect(loadDictionary(at)).rejects.toMatchObject({ code: 'dictionary.damaged' });
  });

  test('k above the number of features, sites of other widths, and a mean without a norm are refused', async () => {
    const at = folder();
    await saveDictionary(at, d);
    const path = join(at, 'dictionary.json');
    const said = JSON.parse(readFileSync(path, 'utf8'));
    for (const wrong of [
      { activation: { kind: 'topk', k: 2 ** 40 } },
      { architecture: 'matching-pursuit', activation: { kind: 'pursuit', k: 2 ** 40 } },
      { sites: [{ site: 'a', width: d.width + 1 }] },
      { rowCentred: true },
    ]) {
      writeFileSync(path, JSON.stringify({ ...said, ...wrong }));
      await expect(loadDictionary(at)).rejects.toMatchObject({ code: 'dictionary.damaged' });
    }
  });

  test('weights that are cut short, or not those of the manifest, are refused', async () => {
    const at = folder();
    await saveDictionary(at, d);
    truncateSync(join(at, 'dictionary.safetensors'), 500);
    await expect(loadDictionary(at)).rejects.toMatchObject({ name: 'FileError' });
    const other = folder();
    await saveDictionary(at, d);
    await saveDictionary(other, { ...d, b_dec_D: Float32Array.from(d.b_dec_D, (v) => v + 1) });
    const { copyFileSync } = await import('node:fs');
    copyFileSync(join(other, 'dictionary.safetensors'), join(at, 'dictionary.safetensors'));
    await expect(loadDictionary(at)).rejects.toMatchObject({ code: 'dictionary.damaged' });
  });
});

describe('scores', () => {
  test('predicting the mean explains nothing, predicting the data everything', () => {
    const x = Float32Array.from({ length: 400 * 8 }, (_, i) => ((i * 7919) % 13) + (i % 8));
    const mean = new Float64Array(8);
    x.forEach((value, i) => {
      mean[i % 8]! += value / 400;
    });
    expect(
      fractionOfVarianceExplained(
        x,
        Float32Array.from(x, (_, i) => mean[i % 8]!),
        8,
      ),
    ).toBeCloseTo(0, 6);
    expect(fractionOfVarianceExplained(x, x, 8)).toBe(1);
    // A constant offset is an error like any other.
    expect(
      fractionOfVarianceExplained(
        x,
        Float32Array.from(x, (v) => v + 1),
        8,
      ),
    ).toBeLessThan(1);
  });

  test('the rate rises linearly, stays, and falls linearly to its last step', () => {
    const linear = { shape: 'linear', floor: 0 } as const;
    const rates = Array.from({ length: 20 }, (_, i) =>
      courseAt({ value: 1, warmUp: 4, decay: 0.25, ...linear }, i, 20),
    );
    expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(rates[15]!).toBeCloseTo(5 / 6);
    expect(rates[19]!).toBeCloseTo(1 / 6);
    expect(courseAt({ value: 2, warmUp: 0, decay: 0, ...linear }, 19, 20)).toBe(2);
  });
});
