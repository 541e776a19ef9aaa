/** @file A dictionary whose training is recorded: its rows, its loss on the evaluation batch by hand, and the whole way on `tiny`. */
import { expect, test } from 'vitest';
import { networkOf } from '../../../src/circuits/cuts.ts';
import { forwardPairs } from '../../../src/circuits/forward.ts';
import { silent } from '../../../src/core/progress.ts';
import { random } from '../../../src/core/random.ts';
import { decode, encoder } from '../../../src/dictionaries/encoder.ts';
import { textNetwork, textPairs } from '../../../src/energy/importance/text-network.ts';
import { type RecordedOptions, trainRecorded } from '../../../src/energy/learning/dictionary-run.ts';
import { type SiteRows, siteRows } from '../../../src/energy/learning/site-rows.ts';
import { tinyLlama } from '../../../src/models/tiny.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { importanceReport } from '../../../src/study/energy/importance.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 64,
};
const site = 'blocks.1.hook_resid_post';
const width = 8;

/** Rows of a few directions, each on in some of them. */
function invented(count: number): SiteRows {
  const stream = random(4);
  const directions = Array.from({ length: 12 }, () => Array.from({ length: width }, () => stream.normal()));
  const x_ND = new Float32Array(count * width);
  for (let n = 0; n < count; n++) {
    for (const direction of directions) {
      if (stream.uniform() > 0.2) continue;
      const size = 1 + stream.uniform();
      for (let d = 0; d < width; d++) x_ND[n * width + d]! += size * direction[d]!;
    }
  }
  return { x_ND, width, site, modelHash: 'invented', sinkNorm: Number.MAX_VALUE };
}
const options: RecordedOptions = {
  ...{ features: 16, steps: 60, evaluationRows: 300, optimiser: 'adam', rate: 0.01, seed: 2 },
};

test('rows are those that dictionaries read: no first position, no sink', async () => {
  const model = tinyLlama(7, { layers: 4 });
  const stream = random(3);
  const windows = Array.from({ length: 6 }, () => ({
    tokens: Int32Array.from({ length: 11 }, () => stream.integer(256)),
  }));
  const rows = await siteRows(model, site, windows, 10, run);
  const { clean } = await forwardPairs(textNetwork(model), textPairs(windows, 10), [site], run);
  const all = clean.states[site]!;
  const D = networkOf(model).width;
  expect(rows).toMatchObject({ width: D, site, modelHash: model.hash });
  const kept: number[] = [];
  for (let row = 0; row < 60; row++) {
    const x = all.subarray(row * D, (row + 1) * D);
    if (row % 10 !== 0 && Math.hypot(...x) <= rows.sinkNorm * (1 + 1e-6)) kept.push(...x);
  }
  expect(kept.length).toBeGreaterThan(50 * D);
  expect(rows.x_ND).toHaveLength(kept.length);
  rows.x_ND.forEach((value, i) => {
    expect(value).toBeCloseTo(kept[i]!, 4);
  });
});

test.each(['adam', 'heavy-ball'] as const)(
  'V at the end is the loss of the finished dictionary on rows that no step has seen, by hand (%s)',
  async (optimiser) => {
    const rows = invented(900);
    const { dictionary, work, training } = await trainRecorded(
      rows,
      { ...options, optimiser, rate: optimiser === 'adam' ? 0.01 : 0.003 },
      { threads: 1 },
    );
    // 300 evaluation rows are two whole batches of 128.
    expect(training).toMatchObject({ rows: 644, batch: 128, evaluationRows: 256, parameters: 16 * 17 + 8 });
    const scored = rows.x_ND.slice(644 * width);
    const opened = await encoder(dictionary, 1);
    const code = await opened.encode(scored);
    await opened.release();
    const written = decode(dictionary, code);
    // Steps see rows about their mean, with root mean square 1; decoder rows are folded to length 1.
    const mean = Array.from({ length: width }, (_, d) => {
      let sum = 0;
      for (let n = 0; n < 644; n++) sum += rows.x_ND[n * width + d]! / 644;
      return sum;
    });
    let square = 0;
    for (let i = 0; i < 644 * width; i++) square += (rows.x_ND[i]! - mean[i % width]!) ** 2;
    const scale = 1 / Math.sqrt(square / (644 * width));
    let loss = 0;
    scored.forEach((x, i) => {
      loss += (scale * (x - written[i]!)) ** 2 / 256;
    });
    code.values_BK.forEach((f) => {
      loss += (scale * f) / 256;
    });
    expect(training.potential.at(-1)).toBeCloseTo(loss, 3);
    expect(work.change).toBeCloseTo(training.potential.at(-1)! - training.potential[0]!, 6);
    expect(training.change).toBeLessThan(-0.5);
    expect(training.completeness).toBeLessThan(5e-3);
    const total = work.potential_SF.subarray(-16).reduce((sum, W) => sum + W, 0) + work.shared;
    expect(Math.abs(total - work.change)).toBeLessThan(5e-3 * Math.abs(work.change));
    expect(training.kineticOf).toBe(optimiser === 'adam' ? 'displacement' : 'momentum');
    // Without a momentum T is in units of its own: the mass makes its mean that of |V − V(0)|.
    const average = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const moved = average(training.potential.map((V) => Math.abs(V - training.potential[0]!)));
    if (optimiser === 'adam') expect(average(training.kinetic)).toBeCloseTo(moved, 6);
    else expect(training.mass).toBe(1);
  },
);

test('the seed decides; too few rows and too large a rate are errors that say so', async () => {
  const rows = invented(500);
  const end = async (seed: number) =>
    (await trainRecorded(rows, { ...options, steps: 5, seed }, { threads: 1 })).work.end;
  const first = await end(1);
  expect(await end(1)).toEqual(first);
  expect(await end(2)).not.toEqual(first);
  const signal = AbortSignal.abort();
  await expect(trainRecorded(rows, options, { threads: 1, signal })).rejects.toMatchObject({
    code: 'interrupted',
  });
  await expect(
    trainRecorded(rows, { ...options, evaluationRows: 480 }, { threads: 1 }),
  ).rejects.toMatchObject({ code: 'energy.few-rows', where: site });
  await expect(
    trainRecorded(rows, { ...options, optimiser: 'heavy-ball', rate: 10 }, { threads: 1 }),
  ).rejects.toMatchObject({ code: 'mechanics.not-finite' });
});

test('on the trained model of this package: rankings by all clocks, each null with a dictionary of its own', async () => {
  const { runs, comparisons } = await importanceReport(
    {
      ...{ model: 'tiny', dictionaries: [], workspace: 'nowhere', seed: 0, threads: 1 },
      ...{ task: 'agreement', examples: 4, text: 'docs/data.md', windows: 4, length: 24 },
    },
    {
      ...{ site: 'blocks.1', sample: 24, minActive: 4, nulls: true, on: 'text' },
      learn: { features: 64, steps: 60, rows: 1500, evaluationRows: 128, optimiser: 'adam' },
    },
    { progress: silent },
  );
  expect(runs.map((one) => one.network)).toEqual(['trained', 'untrained', 'shuffled-layers']);
  for (const { training, features } of runs) {
    expect(features).toBe(24);
    expect(training!.potentialOf).toBe('evaluation batch');
    expect(training!.change).toBeLessThan(0);
    expect(training!.completeness).toBeLessThan(2e-3);
    expect(training!.fve).toBeGreaterThan(0.2);
  }
  expect(new Set(runs.map((one) => one.training!.change)).size).toBe(3);
  const { scores } = comparisons[0]!;
  const of = (name: string) => scores.find((one) => one.name === name)!;
  expect(of('gradient-activation').score.value).toBeGreaterThan(0.7);
  for (const name of ['learning-work', 'learning-kinetic', 'learning-drift', 'learning-drift-permuted']) {
    const { score, nulls } = of(name);
    expect(nulls.map((one) => one.name)).toEqual(['untrained', 'shuffled-layers']);
    for (const { value, low, high } of [score, ...nulls.map((one) => one.score)]) {
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
    }
  }
  // What is ranked by is what the run recorded: works of the sample are parts of the whole change.
  const at = scores.findIndex((one) => one.name === 'learning-work');
  const works = runs[0]!.rows.map((row) => row.measures[at]!);
  expect(Math.max(...works)).toBeGreaterThan(0);
  expect(works.reduce((sum, W) => sum + W, 0)).toBeLessThan(-2 * runs[0]!.training!.change);
});
