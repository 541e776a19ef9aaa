import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockWorkspace } from '../../src/files/lock.ts';
import { writeMiniature } from '../support/miniature.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle, within } from './support.ts';

const folder = temporaryFolder();
const fixtures = 'test/fixtures/dictionaries';

test('a dictionary of one library goes to another, by way of ours', { timeout: 120_000 }, async () => {
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  const imported = await untangle([
    ...['dictionaries', 'import', join(fixtures, 'dl-gated-anneal'), '--out', ours],
    ...['--site', 'blocks.2.hook_mlp_out'],
  ]);
  expect(imported).toMatchObject({ code: 0 });
  expect(imported.out).toContain('blocks.2.hook_mlp_out');
  const exported = await untangle([
    ...['dictionaries', 'export', ours, '--format', 'saelens', '--out', theirs, '--json'],
    ...['--model-name', 'pythia-70m-deduped'],
  ]);
  expect(JSON.parse(exported.out)).toEqual({
    format: 'saelens',
    written: [{ source: ours, site: 'blocks.2.hook_mlp_out', folder: theirs }],
  });
  const shown = await untangle(['dictionaries', 'show', theirs, '--json']);
  expect(JSON.parse(shown.out)).toMatchObject({
    format: 'saelens',
    architecture: 'gated',
    site: 'blocks.2.hook_mlp_out',
    model: 'pythia-70m-deduped',
    width: 12,
    features: 40,
  });
});

test('what cannot be is refused with a code; a wrong use with another exit code', {
  timeout: 120_000,
}, async () => {
  const refused = await untangle([
    ...['dictionaries', 'export', join(fixtures, 'saelens-gated'), '--format', 'sparsify'],
    ...['--out', join(folder, 'none'), '--json'],
  ]);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.out)).toMatchObject({ error: { code: 'dictionary.unsupported' } });
  const wrong = await untangle(['dictionaries', 'export', 'x', '--format', 'gguf', '--out', folder]);
  expect(wrong.code).toBe(2);
  const ours = join(folder, 'ours');
  await within(['dictionaries', 'import', join(fixtures, 'saelens-gated'), '--out', ours]);
  for (const option of [
    ['--site', 'blocks.9.hook_resid_post'],
    ['--format', 'saelens'],
    ['--scale', '2'],
    ['--target-layer', '1'],
  ])
    await expect(within(['dictionaries', 'show', ours, ...option])).rejects.toMatchObject({
      code: 'dictionary.own',
    });
  const plain = ['dictionaries', 'export', ours, '--safetensors', '--out', join(folder, 'plain')];
  await expect(within([...plain, '--format', 'saelens'])).rejects.toMatchObject({ code: 'usage.options' });
  await within([...plain, '--format', 'dictionary_learning']);
  expect(readdirSync(join(folder, 'plain')).sort()).toEqual(['ae.safetensors', 'config.json']);
  const pickled = plain.filter((word) => word !== '--safetensors');
  await within([...pickled, '--format', 'dictionary_learning']);
  expect(readdirSync(join(folder, 'plain')).sort()).toEqual(['ae.pt', 'config.json']);
  const twice = ['dictionaries', 'export', ours, ours, '--format', 'saelens', '--out', join(folder, 'twice')];
  await expect(within(twice)).rejects.toMatchObject({ code: 'usage.options' });
  const model = await untangle([
    ...['dictionaries', 'import', join(fixtures, 'saelens-gated'), '--model', 'tiny'],
    ...['--out', join(folder, 'tiny'), '--json'],
  ]);
  expect(JSON.parse(model.out)).toMatchObject({ error: { code: 'dictionary.other-model' } });
});

describe('dictionaries train', () => {
  const small = [
    ...[
      '--model',
      'random-tiny',
      '--tokens',
      '3000',
      '--held-out',
      '600',
      '--window',
      '32',
      '--threads',
      '1',
    ],
    ...['--json', '--quiet'],
  ];
  const texts = join(folder, 'texts');
  writeMiniature(folder);
  const train = (...args: string[]) => within(['dictionaries', 'train', ...small, '--text', texts, ...args]);

  test('learns a skip transcoder and a crosscoder, which `show` knows', { timeout: 120_000 }, async () => {
    const [skip, cross] = [join(folder, 'skip'), join(folder, 'cross')];
    const sizes = ['features=64', 'activation=topk', 'k=8', 'batch=128', 'passes=4'];
    const [reads, writes] = ['blocks.0.hook_resid_mid', 'blocks.0.hook_mlp_out'];
    const skips = [
      ...['--site', reads!, '--output-site', writes!, '--out', skip, '--set', 'architecture=skip-transcoder'],
      ...sizes,
    ];
    const one = await train(...skips);
    expect(JSON.parse(one)).toMatchObject({
      architecture: 'skip-transcoder',
      site: reads,
      outputSite: writes,
      kept: false,
    });
    // What is finished is not learned again; another k is.
    expect(JSON.parse(await train(...skips))).toEqual({ ...JSON.parse(one), kept: true });
    expect(JSON.parse(await train(...skips, 'k=4'))).toMatchObject({ kept: false });
    expect(JSON.parse(await train(...skips))).toMatchObject({ kept: false });
    expect(JSON.parse(one).fve).toBeGreaterThan(0.2);
    const shown = await within(['dictionaries', 'show', skip, '--json']);
    expect(JSON.parse(shown)).toMatchObject({ output: { site: writes }, skip: true, k: 8 });
    const two = await train(
      ...['--site', 'blocks.0', 'blocks.1', '--out', cross, '--set', 'architecture=crosscoder'],
      ...sizes,
    );
    expect(JSON.parse(two).fve).toBeGreaterThan(0.2);
    const both = await within(['dictionaries', 'show', cross, '--json']);
    expect(JSON.parse(both).sites.map(({ site }: { site: string }) => site)).toEqual([
      ...['blocks.0.hook_resid_post', 'blocks.1.hook_resid_post'],
    ]);
  });

  test('refuses a folder that another call works in, and one that cannot be, before the model is opened', async () => {
    const sites = ['--site', 'blocks.0', '--output-site', 'hook_embed'];
    const busy = join(folder, 'busy');
    const lock = await lockWorkspace(busy);
    const refused = train(...sites, '--out', busy);
    await expect(refused).rejects.toMatchObject({ code: 'workspace.locked' });
    await lock.release();
    writeFileSync(join(folder, 'file'), '');
    const never = train(...sites, '--out', join(folder, 'file', 'x'), '--model', 'nothing-such');
    await expect(never).rejects.toMatchObject({ code: 'file.missing' });
  });

  test.each([
    ['no output', ['--site', 'blocks.0'], 'usage.options'],
    [
      'two inputs of a transcoder',
      ['--site', 'blocks.0', 'blocks.1', '--output-site', 'hook_embed'],
      'usage.options',
    ],
    ['one site of a crosscoder', ['--site', 'blocks.0', '--set', 'architecture=crosscoder'], 'usage.options'],
    ['one site twice', ['--site', 'blocks.0', '--output-site', 'blocks.0.hook_resid_post'], 'usage.options'],
    ['a kind of one site', ['--site', 'blocks.0', '--set', 'architecture=topk'], 'usage.options'],
    [
      'an option of no kind',
      ['--site', 'blocks.0', '--output-site', 'hook_embed', '--set', 'kk=3'],
      'usage.options',
    ],
    [
      'k above the features',
      ['--site', 'blocks.0', '--output-site', 'hook_embed', '--set', 'features=8', 'activation=topk', 'k=9'],
      'dictionary.config',
    ],
    [
      'an option of another activation',
      ['--site', 'blocks.0', '--output-site', 'hook_embed', '--set', 'activation=topk', 'penalty=1'],
      'usage.options',
    ],
    [
      'a bias that is not read',
      ['--site', 'blocks.0', '--output-site', 'hook_embed', '--set', 'preBias=true'],
      'usage.options',
    ],
    ['no such site', ['--site', 'blocks.0', '--output-site', 'blocks.9.hook_mlp_out'], 'model.unknown-site'],
  ])('refuses %s', async (_what, args, code) => {
    await expect(train('--out', join(folder, 'never'), ...args)).rejects.toMatchObject({ code });
  });
});
