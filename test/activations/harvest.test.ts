/** @file Harvest: the rows are the network's, sinks are left out by rule, and a killed harvest goes on. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checks } from '../../src/activations/checks.ts';
import { type HarvestOptions, harvest } from '../../src/activations/harvest.ts';
import { openActivations } from '../../src/activations/open.ts';
import { type ProgressEvent, silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f32, i64 } from '../../src/core/tensor.ts';
import type { Window } from '../../src/data/windows.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { only } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';

const root = mkdtempSync(join(tmpdir(), 'untangle-harvest-'));
let folders = 0;
const fresh = () => join(root, String(folders++));

function windowsOf(count: number, lengths: readonly number[], vocabulary = 256, seed = 1): Window[] {
  const chance = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const length = lengths[i % lengths.length]!;
    return {
      tokens: Int32Array.from({ length }, () => chance.integer(vocabulary)),
      documents: new Int32Array(length),
    };
  });
}

const model = tinyLlama(3, { layers: 3 });
const sites = ['blocks.0.hook_resid_post', 'blocks.1.hook_mlp_out', 'blocks.1.attn.hook_z'];
const base = (): HarvestOptions => ({
  model,
  windows: windowsOf(21, [10, 7, 4]),
  sites,
  folder: fresh(),
  threads: 1,
  batch: 2,
  shardWindows: 4,
  progress: silent,
});
const bytesBelow = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );

/** A network whose activation at a token is a row of a table: norms and rows are known beforehand. */
function tableModel(rows: readonly (readonly number[])[]): { graph: Graph; hash: string } {
  const b = graphBuilder();
  const tokens = b.input('tokens', 'int64', ['batch', 'position']);
  const table = b.weight('table', f32([rows.length, rows[0]!.length], rows.flat()));
  b.op('Gather', [table, tokens], { axis: { int: 0 } }, 'site');
  b.op('Neg', ['site'], {}, 'deeper');
  return { graph: b.finish(['deeper']), hash: `table ${JSON.stringify(rows)}` };
}
const tableWindows = (...tokens: number[][]): Window[] =>
  tokens.map((t) => ({ tokens: Int32Array.from(t), documents: new Int32Array(t.length) }));

describe('rows', () => {
  test('are the rows that the network computes for each window alone, padding or not, at sites of any rank', async () => {
    const options = { ...base(), storage: 'float32' as const };
    const result = await harvest(options);
    const session = await openSession(only(model.graph, sites), { threads: 1 });
    for (const site of sites) {
      const activations = await openActivations(options.folder, site);
      const { rows, width, index } = activations;
      expect(rows).toBe(
        options.windows.reduce((n, w) => n + w.tokens.length - 1, 0) - activations.leftOut.byNorm,
      );
      const all = activations.load();
      expect(all.buffer).toBeInstanceOf(SharedArrayBuffer);
      for (let row = 0; row < rows; row += 5) {
        const { tokens } = options.windows[index.window[row]!]!;
        const direct = (await session.run({ tokens: i64([1, tokens.length], tokens) }))[site]!
          .data as Float32Array;
        const t = index.position[row]!;
        const expected = direct.slice(t * width, (t + 1) * width);
        const read = all.slice(row * width, (row + 1) * width);
        read.forEach((x, i) => {
          expect(x).toBeCloseTo(expected[i]!, 5);
        });
      }
      activations.close();
    }
    await session.release();
    expect(result.tokens).toBe(7 * 21);
  });

  test('any run of rows across shards and gaps equals the whole site', async () => {
    // Every third token is a sink: gaps between kept rows.
    const table = Array.from({ length: 9 }, (_, i) => [i % 3 === 0 ? 1000 : 1 + i / 10, i]);
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windowsOf(15, [8], 9),
      shareLeftOut: 1,
      maxNormRatio: 20,
    };
    const { sites: found } = await harvest(options);
    expect(found[0]!.leftOut.byNorm).toBeGreaterThan(20);
    const activations = await openActivations(options.folder, 'site');
    const all = activations.load();
    const expected = Array.from(activations.index.window, (w, row) => {
      const token = options.windows[w]!.tokens[activations.index.position[row]!]!;
      return table[token]!;
    }).flat();
    all.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 2);
    });
    for (const [from, count] of [
      [0, 1],
      [3, 20],
      [activations.rows - 2, 2],
      [5, 0],
      [0, activations.rows],
    ] as const) {
      expect(activations.read(from, count)).toEqual(
        Float32Array.from(all.subarray(2 * from, 2 * (from + count))),
      );
    }
    expect(() => activations.read(activations.rows, 1)).toThrow(
      expect.objectContaining({ code: 'activations.range' }),
    );
    expect(activations.load(3)).toHaveLength(6);
    activations.close();
  });

  test('the graph runs only as deep as the deepest site', async () => {
    // What lies behind the site cannot run at all: it would divide a string.
    const b = graphBuilder(tableModel([[1], [2]]).graph);
    b.op('NoSuchOperator', ['deeper'], {}, 'broken');
    const graph = b.finish(['broken']);
    const options = {
      ...base(),
      model: { graph, hash: 'x' },
      sites: ['site'],
      windows: tableWindows([0, 1, 1]),
    };
    await expect(harvest(options)).resolves.toMatchObject({ tokens: 3 });
  });
});

describe('sinks', () => {
  // Norms 1 (most), 8 and 50.
  const table = [
    [0.6, 0.8],
    [-1, 0],
    [8, 0],
    [30, 40],
  ];
  const windows = (count: number, special: number[]) =>
    tableWindows(...Array.from({ length: count }, (_, i) => [3, 0, 1, special[i] ?? 0, 1]));

  test('the first position and norms above 7 medians are left out, counted and listed', async () => {
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windows(10, [2, 3]),
      shareLeftOut: 0.06,
    };
    const { sites: found } = await harvest(options);
    expect(found[0]).toMatchObject({
      rows: 38,
      medianNorm: 1,
      leftOut: { first: 10, byNorm: 2, share: 0.05, threshold: 7 },
    });
    const activations = await openActivations(options.folder, 'site');
    expect(Array.from(activations.leftOutRows.norm)).toEqual([8, 50]);
    expect(Array.from(activations.leftOutRows.window)).toEqual([0, 1]);
    expect(Array.from(activations.leftOutRows.position)).toEqual([3, 3]);
    activations.close();
  });

  test('not more than the allowed share: the threshold rises', async () => {
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windows(10, [2, 2, 3]),
      shareLeftOut: 0.03,
    };
    const { sites: found } = await harvest(options);
    expect(found[0]!.leftOut).toMatchObject({ byNorm: 1, threshold: 8 });
  });

  test('a threshold that is given holds, whatever this text would say', async () => {
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windows(10, [2, 3, 3]),
      thresholds: { site: 9 },
    };
    const { sites: found } = await harvest(options);
    expect(found[0]!.leftOut).toMatchObject({ byNorm: 2, threshold: 9 });
  });

  test('statistics are those of the kept rows', async () => {
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windows(10, [3]),
      shareLeftOut: 0.1,
    };
    const { sites: found } = await harvest(options);
    // 19 rows of [0.6, 0.8] and 20 of [−1, 0].
    const mean = [(19 * 0.6 - 20) / 39, (19 * 0.8) / 39];
    const activations = await openActivations(options.folder, 'site');
    activations.mean_D.forEach((m, i) => {
      expect(m).toBeCloseTo(mean[i]!, 3);
    });
    expect(found[0]!.rootMeanSquare).toBeCloseTo(Math.sqrt(1 / 2), 3);
    expect(found[0]!.standardDeviation).toBeCloseTo(
      Math.sqrt(1 / 2 - (mean[0]! ** 2 + mean[1]! ** 2) / 2),
      3,
    );
    activations.close();
  });
});

describe('storage', () => {
  const harvestTable = async (scale: number, extra: Partial<HarvestOptions> = {}) => {
    const table = [
      [0.6 * scale, 0.8 * scale],
      [-scale, 0.1 * scale],
    ];
    const options = {
      ...base(),
      model: tableModel(table),
      sites: ['site'],
      windows: windowsOf(6, [8], 2),
      ...extra,
    };
    const { sites: found } = await harvest(options);
    const activations = await openActivations(options.folder, 'site');
    const { tokens } = options.windows[activations.index.window[0]!]!;
    const expected = table[tokens[activations.index.position[0]!]!]!;
    const read = activations.read(0, 1);
    activations.close();
    return { storage: found[0]!.storage, error: Math.abs(read[0]! - expected[0]!) / Math.abs(expected[0]!) };
  };
  test('float16 for ordinary numbers, float32 for very large and very small ones', async () => {
    const ordinary = await harvestTable(3);
    expect(ordinary.storage).toBe('float16');
    expect(ordinary.error).toBeLessThan(2 ** -11);
    for (const scale of [1e5, 1e-3]) {
      const { storage, error } = await harvestTable(scale);
      expect(storage).toBe('float32');
      expect(error).toBeLessThan(1e-6);
    }
  });
  test('numbers beyond float16 in kept rows are an error, not infinities', async () => {
    await expect(harvestTable(1e5, { storage: 'float16' })).rejects.toMatchObject({
      code: 'activations.overflow',
    });
  });
});

describe('long work', () => {
  test('stopped at any shard and started again, it gives the same bytes as without a stop, and repeats nothing', async () => {
    const whole = base();
    await harvest(whole);
    const expected = bytesBelow(whole.folder);
    for (const after of [1, 50, 100, 140]) {
      const options = base();
      const stop = new AbortController();
      const progress = (e: ProgressEvent) => e.type === 'advance' && e.done >= after && stop.abort();
      await expect(harvest({ ...options, progress, signal: stop.signal })).rejects.toMatchObject({
        code: 'interrupted',
      });
      await expect(openActivations(options.folder, sites[0]!)).rejects.toMatchObject({
        code: 'activations.unfinished',
      });
      const manifest = JSON.parse(readFileSync(join(options.folder, 'manifest.json'), 'utf8')) as {
        windows: number;
      };
      const finished = options.windows.slice(0, manifest.windows).reduce((n, w) => n + w.tokens.length, 0);
      if (after >= 50) expect(finished).toBeGreaterThan(after - 40);
      const events: ProgressEvent[] = [];
      await harvest({ ...options, progress: (e) => events.push(e) });
      expect(bytesBelow(options.folder)).toEqual(expected);
      // What was finished is not run again: progress starts behind it.
      const first = events.find((e) => e.type === 'advance');
      if (finished > 0) expect(first).toMatchObject({ done: finished });
    }
  });

  test('killed in the middle of its work, the next process goes on to the same bytes', async () => {
    const whole = { ...base(), windows: windowsOf(400, [10, 7, 4]) };
    await harvest(whole);
    const folder = fresh();
    const from = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const script = `
      import { harvest } from ${from('activations/harvest.ts')};
      import { tinyLlama } from ${from('models/tiny.ts')};
      const options = JSON.parse(process.argv[1]);
      const windows = options.tokens.map((t) => ({ tokens: Int32Array.from(t), documents: new Int32Array(t.length) }));
      await harvest({ ...options, model: tinyLlama(3, { layers: 3 }), windows, progress: (e) => console.log(e.done) });`;
    const { threads, batch, shardWindows } = whole;
    const tokens = whole.windows.map((w) => [...w.tokens]);
    const options = JSON.stringify({ folder, sites, threads, batch, shardWindows, tokens });
    const child = spawn('node', ['--import', 'tsx', '--input-type=module', '-e', script, options]);
    child.stdout.on('data', (text) => {
      if (
        String(text)
          .split('\n')
          .some((line) => Number(line) > 500)
      )
        child.kill('SIGKILL');
    });
    expect(await new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)))).toBe(
      'SIGKILL',
    );
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { windows: number };
    expect(manifest.windows).toBeGreaterThan(0);
    await harvest({ ...whole, folder });
    expect(bytesBelow(folder)).toEqual(bytesBelow(whole.folder));
  });

  test('a shard that cannot be written: the ones before stay, and the next start goes on', async () => {
    const options = base();
    const blocked = join(options.folder, sites[1]!, '00002.safetensors');
    mkdirSync(blocked, { recursive: true });
    await expect(harvest(options)).rejects.toMatchObject({
      code: expect.stringMatching(/^file\./),
      where: blocked,
    });
    const left = readdirSync(options.folder, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.includes('partial'))).toEqual([]);
    rmSync(blocked, { recursive: true });
    const events: ProgressEvent[] = [];
    await harvest({ ...options, progress: (e) => events.push(e) });
    expect(events.find((e) => e.type === 'advance')).toMatchObject({ done: 31 + 28 });
  });

  test('a finished harvest returns at once with the same result; another one in its folder is refused', async () => {
    const options = base();
    const first = await harvest(options);
    const events: ProgressEvent[] = [];
    expect(await harvest({ ...options, progress: (e) => events.push(e) })).toEqual(first);
    expect(events).toEqual([{ type: 'end', task: 'harvest', seconds: 0, cached: true }]);
    await expect(harvest({ ...options, windows: windowsOf(21, [10, 7, 4], 256, 2) })).rejects.toMatchObject({
      code: 'activations.other-harvest',
    });
    await expect(harvest({ ...options, sites: sites.slice(1) })).rejects.toMatchObject({
      code: 'activations.other-harvest',
    });
  });

  test('half-written files of a killed process are cleared away', async () => {
    const options = base();
    await harvest(options);
    rmSync(join(options.folder, 'harvest.json'));
    const remains = join(options.folder, sites[0]!, '.00005.safetensors.999999999-00ff.partial');
    writeFileSync(remains, 'half');
    await harvest(options);
    expect(readdirSync(join(options.folder, sites[0]!)).filter((n) => n.includes('partial'))).toEqual([]);
  });

  test('progress counts tokens up to the total', async () => {
    const events: ProgressEvent[] = [];
    await harvest({ ...base(), progress: (e) => events.push(e) });
    expect(events[0]).toMatchObject({ type: 'start', task: 'harvest', total: 147, unit: 'tokens' });
    const done = events.flatMap((e) => (e.type === 'advance' ? [e.done] : []));
    expect(done.at(-1)).toBe(147);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ type: 'end', task: 'harvest' });
  });
});

describe('several threads', () => {
  test('give the same bytes as one', async () => {
    const one = base();
    await harvest(one);
    const two = { ...base(), threads: 3 };
    await harvest(two);
    expect(bytesBelow(two.folder)).toEqual(bytesBelow(one.folder));
  });

  test('are stopped by a signal, and what is finished stays', async () => {
    const options = { ...base(), threads: 2, windows: windowsOf(400, [10, 7, 4]) };
    const stop = new AbortController();
    const progress = (e: ProgressEvent) => e.type === 'advance' && e.done >= 60 && stop.abort();
    await expect(harvest({ ...options, progress, signal: stop.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    const manifest = JSON.parse(readFileSync(join(options.folder, 'manifest.json'), 'utf8')) as {
      windows: number;
    };
    expect(manifest.windows).toBeGreaterThan(0);
    expect(manifest.windows).toBeLessThan(400);
  });

  test('a failure in a thread is the failure of the harvest', async () => {
    const model = tableModel([[1], [2]]);
    // Token 7 lies outside of the table.
    const windows = tableWindows([0, 1], [0, 7], [1, 1], [1, 0]);
    const options = { ...base(), model, sites: ['site'], windows, batch: 1, threads: 2 };
    await expect(harvest(options)).rejects.toMatchObject({ code: 'runtime.failed' });
  });
});

describe('refused', () => {
  test.each([
    [
      'a site that does not exist',
      { sites: ['blocks.0.hook_resid_pst'] },
      'graph.unknown-site',
      /blocks\.0\.hook_resid_p/,
    ],
    ['a site without rows', { sites: ['blocks.0.attn.hook_pattern'] }, 'activations.no-rows', /shape/],
    ['no windows', { windows: [] }, 'activations.no-windows', /at least one site/],
    ['windows of one token', { windows: windowsOf(3, [1]) }, 'activations.no-windows', /two tokens/],
    ['no sites', { sites: [] }, 'activations.no-windows', /at least one site/],
  ])('%s', async (_name, change, code, hint) => {
    const options = { ...base(), ...change };
    await expect(harvest(options)).rejects.toMatchObject({ code, hint });
    expect(() => readdirSync(options.folder)).toThrow();
  });

  test('NaN in the network: named with its place, nothing but finished shards left', async () => {
    const windows = tableWindows([0, 0, 0], [0, 0, 1]);
    const options = {
      ...base(),
      model: tableModel([[1], [Number.NaN]]),
      sites: ['site'],
      windows,
      shardWindows: 1,
    };
    await expect(harvest(options)).rejects.toMatchObject({
      code: 'activations.not-finite',
      where: 'site, window 1, position 2',
    });
    expect(readdirSync(join(options.folder, 'site'))).toEqual(['00000.safetensors']);
  });

  test('a folder that is a file', async () => {
    const folder = fresh();
    writeFileSync(folder, '');
    await expect(harvest({ ...base(), folder })).rejects.toMatchObject({
      code: expect.stringMatching(/^file\./),
    });
  });

  test('an unknown site of a finished harvest', async () => {
    const options = base();
    await harvest(options);
    await expect(openActivations(options.folder, 'blocks.9.hook_resid_post')).rejects.toMatchObject({
      code: 'activations.no-site',
      hint: /blocks\.0\.hook_resid_post/,
    });
  });
});

test('the self-check passes', async () => {
  const rows = await checks[0]!.rows({ threads: 1, progress: silent });
  expect(rows.map((r) => r.pass)).toEqual([true, true]);
  expect(rows[0]!.value).toBeGreaterThan(0);
});
