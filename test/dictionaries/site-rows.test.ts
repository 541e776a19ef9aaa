/** @file A network's activations at several sites become rows of transcoders and crosscoders, position by position. */
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { harvest } from '../../src/activations/harvest.ts';
import { openActivations } from '../../src/activations/open.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { loadDictionary, saveDictionary } from '../../src/dictionaries/files.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { crosscoderRows, type SiteRows, transcoderRows } from '../../src/dictionaries/site-rows.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { temporaryFolder } from '../support/temporary.ts';

beforeAll(async () => {
  await buildKernels();
});

/** A site that kept some positions; the row of position p of window w is (100·w + p)·sign in every column. */
function siteOf(
  site: string,
  width: number,
  places: readonly (readonly [number, number])[],
  sign: number,
): SiteRows {
  const rows = Float32Array.from(
    places.flatMap(([w, p]) => new Array<number>(width).fill(sign * (100 * w + p))),
  );
  const column = (i: 0 | 1) => Int32Array.from(places, (place) => place[i]);
  return { site, width, index: { window: column(0), position: column(1) }, load: () => rows };
}

const a = siteOf(
  'a',
  2,
  [
    [0, 1],
    [0, 2],
    [1, 1],
    [1, 3],
  ],
  1,
);
const b = siteOf(
  'b',
  1,
  [
    [0, 2],
    [1, 1],
    [1, 2],
    [1, 3],
  ],
  -1,
);

describe('rows of several sites', () => {
  test('are those of positions that every site kept', () => {
    const { x_ND, y_NE, width, outputWidth } = transcoderRows(a, b);
    expect([width, outputWidth, Array.from(x_ND), Array.from(y_NE!)]).toEqual([
      ...[2, 1, [2, 2, 101, 101, 103, 103]],
      [-2, -101, -103],
    ]);
    const both = crosscoderRows([a, b]);
    expect(Array.from(both.x_ND)).toEqual([2, 2, -2, 101, 101, -101, 103, 103, -103]);
    expect([both.width, both.sites]).toEqual([
      3,
      [
        { site: 'a', width: 2 },
        { site: 'b', width: 1 },
      ],
    ]);
  });

  test('without a common position are refused', () => {
    const far = siteOf('c', 1, [[7, 1]], 1);
    for (const rows of [
      () => transcoderRows(a, far),
      () => crosscoderRows([a, far]),
      () => crosscoderRows([]),
    ])
      expect(rows).toThrow(expect.objectContaining({ code: 'dictionary.no-rows' }));
  });
});

test('a skip transcoder of a block and a crosscoder over two blocks learn from a harvest, and come back from disk', async () => {
  const model = tinyLlama(3, { layers: 2 });
  const chance = random(1);
  const windows = Array.from({ length: 60 }, () => ({
    tokens: Int32Array.from({ length: 24 }, () => chance.integer(256)),
    documents: new Int32Array(24),
  }));
  const [reads, writes] = ['blocks.0.hook_resid_mid', 'blocks.0.hook_mlp_out'];
  const states = ['blocks.0.hook_resid_post', 'blocks.1.hook_resid_post'];
  const folder = temporaryFolder();
  await harvest({
    model,
    windows,
    sites: [reads!, writes!, ...states],
    folder,
    threads: 1,
    progress: silent,
  });
  const open = (site: string) => openActivations(folder, site);
  const about = { modelHash: model.hash, sinkNorm: (await open(reads!)).leftOut.threshold };
  const context = { threads: 1, progress: silent };
  const sizes = { features: 96, batch: 128, passes: 12, k: 12, activation: 'topk' } as const;

  const rows = transcoderRows(await open(reads!), await open(writes!));
  const { dictionary: transcoder } = await trainDictionary(
    rows,
    { ...about, ...sizes, architecture: 'skip-transcoder', site: reads!, outputSite: writes! },
    context,
  );
  await saveDictionary(folder, transcoder);
  const again = await loadDictionary(folder);
  expect(again).toEqual(transcoder);
  expect(again.output).toEqual({ site: writes, width: rows.outputWidth });
  expect(await explained(again, rows.x_ND, rows.y_NE!, rows.outputWidth!)).toBeGreaterThan(0.5);

  const crossed = crosscoderRows([await open(states[0]!), await open(states[1]!)]);
  const { dictionary: crosscoder } = await trainDictionary(
    crossed,
    { ...about, ...sizes, architecture: 'crosscoder', site: states.join(' + ') },
    context,
  );
  expect(crosscoder.sites).toEqual(crossed.sites);
  expect(await explained(crosscoder, crossed.x_ND, crossed.x_ND, crossed.width)).toBeGreaterThan(0.5);
});

async function explained(d: Parameters<typeof encoder>[0], x: Float32Array, y: Float32Array, width: number) {
  const opened = await encoder(d);
  const code = await opened.encode(x).finally(() => opened.release());
  return fractionOfVarianceExplained(y, decode(d, code, x), width);
}
