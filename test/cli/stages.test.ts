/** @file One stage of a study as a command: a study written on the command line, its documents, where its results lie. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type InlineOptions, inlineStudy } from '../../src/cli/commands/inline-study.ts';
import { writeMiniature } from '../support/miniature.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

describe('a study without a file', () => {
  const none: InlineOptions = { site: [], set: [] };
  it('is what a file with the same words is', () => {
    const study = inlineStudy(
      {
        ...none,
        model: 'tiny',
        site: ['blocks.1', 'hook_embed'],
        tokens: 5000,
        set: ['architecture=jumprelu', 'targetL0=8,16'],
      },
      undefined,
    );
    expect(study?.text).toMatchObject({ source: 'wikipedia-leads', trainTokens: 5000 });
    expect(study?.dictionaries.map((one) => one.site)).toEqual(['blocks.1.hook_resid_post', 'hook_embed']);
    expect(study?.dictionaries[1]).toMatchObject({
      config: { architecture: 'jumprelu', features: 2304, targetL0: 8 },
      sweep: [{ name: 'targetL0=16' }],
    });
    expect(inlineStudy(none, 'a.yaml')).toBeUndefined();
    const nested = {
      ...none,
      model: 'tiny',
      site: ['blocks.1'],
      set: ['architecture=matryoshka', 'groups=64'],
    };
    expect(inlineStudy(nested, undefined)?.dictionaries[0]?.config.groups).toEqual([64]);
  });
  it.each([
    ['a file as well', { ...none, model: 'tiny', site: ['blocks.1'] }, 'a.yaml', 'usage.options'],
    ['no site', { ...none, model: 'tiny' }, undefined, 'usage.options'],
    ['no model', { ...none, site: ['blocks.1'] }, undefined, 'usage.options'],
    ['no value', { ...none, model: 'tiny', site: ['blocks.1'], set: ['k'] }, undefined, 'usage.options'],
    [
      'an unknown option',
      { ...none, model: 'tiny', site: ['blocks.1'], set: ['kk=3'] },
      undefined,
      'study.invalid',
    ],
  ])('refuses %s', (_what, options, file, code) => {
    expect(() => inlineStudy(options, file)).toThrow(expect.objectContaining({ code }));
  });
});

it('`evaluate --model` compares the dictionaries of a list and tells where each step lies; again it is kept', async () => {
  const folder = temporaryFolder();
  writeMiniature(folder);
  const args = [
    ...['evaluate', '--model', 'random-tiny', '--site', 'blocks.0', '--text', join(folder, 'texts')],
    ...[
      '--tokens',
      '3000',
      '--held-out',
      '600',
      '--window',
      '32',
      '--set',
      'features=32',
      'k=2,4',
      'batch=128',
      'passes=1',
    ],
    ...['--workspace', join(folder, 'workspace'), '--json'],
  ];
  const { code, out, err } = await untangle(args);
  expect([code, err.includes('sweep/blocks.0')]).toEqual([0, true]);
  const document = JSON.parse(out);
  expect(document.sweeps[0].rows.map((row: { name: string; l0: number }) => [row.name, row.l0 <= 4])).toEqual(
    [
      ['k=2', true],
      ['k=4', true],
    ],
  );
  const [scored, compared] = document.steps;
  expect([scored.step, compared.step]).toEqual([
    'evaluate/blocks.0.hook_resid_post',
    'sweep/blocks.0.hook_resid_post',
  ]);
  expect(existsSync(join(compared.folder, 'k=4', 'dictionary.safetensors'))).toBe(true);
  const taken = args.slice(0, args.indexOf('--set')).concat('--set', `from=${join(compared.folder, 'k=4')}`);
  const imported = await untangle([...taken, '--workspace', join(folder, 'workspace'), '--json']);
  expect(JSON.parse(imported.out).dictionaries).toEqual([
    expect.objectContaining({ architecture: 'topk', features: 32, fve: document.sweeps[0].rows[1].fve }),
  ]);
  const again = await untangle(args.filter((word) => word !== '--json'));
  expect(again.out).toMatch(/k=2 \(chosen\)/);
  expect(again.err).toMatch(/✓ sweep\/.*kept/);
});
