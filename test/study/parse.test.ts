/** @file The study file: shorthands, and errors that name the line and the nearest key. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UntangleError } from '../../src/core/errors.ts';
import { mainName } from '../../src/study/dictionary-schema.ts';
import { parseStudy } from '../../src/study/parse.ts';
import { studyJsonSchema } from '../../src/study/schema.ts';

const minimal = 'model: tiny\ndictionaries: [blocks.1]\n';

function failure(text: string): UntangleError {
  try {
    parseStudy(text, 'my.yaml');
  } catch (error) {
    if (error instanceof UntangleError) return error;
    throw error;
  }
  throw new Error('the study was accepted');
}

describe('a study file', () => {
  it('needs only a model and one dictionary', () => {
    const study = parseStudy(minimal);
    expect(study.dictionaries).toEqual([
      { site: 'blocks.1.hook_resid_post', config: { architecture: 'topk', features: 2304 }, sweep: [] },
    ]);
    expect(study.text.source).toBe('wikipedia-leads');
    expect(study.circuit).toBeUndefined();
    expect(study.edit).toBeUndefined();
  });

  it('takes every option of a kind, and lists of values as dictionaries to compare', () => {
    const [one] = parseStudy(
      'model: tiny\ndictionaries: [{site: blocks.1, architecture: jumprelu, features: [64, 128], targetL0: [8, 16], preset: saelens}]',
    ).dictionaries;
    const fixed = { architecture: 'jumprelu', preset: 'saelens' };
    expect(one?.config).toEqual({ ...fixed, features: 64, targetL0: 8 });
    expect(one?.sweep).toEqual([
      { name: 'features=64 targetL0=16', config: { ...fixed, features: 64, targetL0: 16 } },
      { name: 'features=128 targetL0=8', config: { ...fixed, features: 128, targetL0: 8 } },
      { name: 'features=128 targetL0=16', config: { ...fixed, features: 128, targetL0: 16 } },
    ]);
    expect(mainName(one!)).toBe('features=64 targetL0=8');
  });

  it('refuses options of another kind, naming those that this one has', () => {
    const error = failure(
      'model: tiny\ndictionaries:\n  - site: blocks.1\n    architecture: relu\n    k: 3\n',
    );
    expect([error.code, error.where]).toEqual(['study.invalid', 'my.yaml:5']);
    expect(error.hint).toContain('penalty');
    expect(error.hint).not.toContain('kStart');
    const kind = failure('model: tiny\ndictionaries: [{site: blocks.1, architecture: topkk}]');
    expect(kind.hint).toContain('batchtopk');
  });

  it('takes a dictionary from others, and nothing to train it with', () => {
    const [one] = parseStudy('model: tiny\ndictionaries: [{site: blocks.1, from: owner/name}]').dictionaries;
    expect(one?.from).toBe('owner/name');
    expect(
      failure('model: tiny\ndictionaries: [{site: blocks.1, from: owner/name, k: 3}]').message,
    ).toContain('k is given');
  });

  it('gives the gender task its edit without being asked, and leaves out what is switched off', () => {
    expect(parseStudy(`${minimal}tasks: [gender]`).edit?.features).toBe(6);
    expect(parseStudy(`${minimal}tasks: [agreement]`).edit).toBeUndefined();
    const quiet = parseStudy(`${minimal}tasks: [gender]\nenergy: false\nedit: false`);
    expect([quiet.circuit !== undefined, quiet.energy, quiet.edit]).toEqual([true, undefined, undefined]);
  });

  it('names the line and the nearest key of a typo', () => {
    const error = failure('model: tiny\ndictionaries:\n  - site: blocks.1\n    fetures: 12\n');
    expect(error.code).toBe('study.invalid');
    expect(error.where).toBe('my.yaml:4');
    expect(error.hint).toContain('"features"');
    expect(failure(`${minimal}tasc: []`).hint).toContain('"tasks"');
    expect(failure(`${minimal}tasc: []`).where).toBe('my.yaml:3');
  });

  it('names the line of a wrong value', () => {
    const error = failure('model: tiny\ntext:\n  windowLength: many\ndictionaries: [blocks.1]\n');
    expect(error.where).toBe('my.yaml:3');
    expect(error.message).toContain('text.windowLength');
    expect(failure(`${minimal}edit:\n  strengths: [1, -1]\ntasks: [gender]`).where).toBe('my.yaml:4');
  });

  it('says what is missing', () => {
    expect(failure('dictionaries: [blocks.1]').message).toContain('model is missing');
    expect(failure('').message).toContain('model is missing');
    const nested = failure('model: tiny\ndictionaries:\n  - k: 3\n');
    expect([nested.message, nested.where]).toEqual(['dictionaries.0.site is missing', 'my.yaml:3']);
  });

  it('refuses what is not YAML, with the line', () => {
    const error = failure('model: tiny\ndictionaries: [blocks.1\n');
    expect(error.code).toBe('study.yaml');
    expect(error.where).toMatch(/^my\.yaml:[23]$/);
  });

  it('refuses duplicates, unknown tasks and an edit of a task that is not there', () => {
    expect(failure('model: tiny\ndictionaries:\n  - blocks.1\n  - blocks.1.hook_resid_post').where).toBe(
      'my.yaml:4',
    );
    expect(failure(`${minimal}tasks: [agreemnt]`)).toMatchObject({
      code: 'study.unknown-task',
      where: 'my.yaml:3',
      hint: expect.stringContaining('"agreement"'),
    });
    expect(failure(`${minimal}tasks: [gender]\nedit:\n  task: agreement`).where).toBe('my.yaml:5');
    expect(failure('model: tiny\ndictionaries: [{site: blocks.1, features: 8, k: 9}]').message).toContain(
      'k is 9',
    );
  });

  it.each([
    [
      'k of a preset above the number of features',
      '{site: blocks.1, features: 64, preset: saelens}',
      'k is 100',
    ],
    [
      'groups that do not rise',
      '{site: blocks.1, architecture: matryoshka, features: 8, k: 2, groups: [4, 2]}',
      'groups',
    ],
    [
      'a target without room',
      '{site: blocks.1, architecture: relu, features: [64, 8], targetL0: 9}',
      'targetL0 is 9',
    ],
    [
      'a provider that cannot train the kind',
      '{site: blocks.1, architecture: gated, features: 8, provider: cuda, resampleEvery: 5}',
      'resamples',
    ],
    ['a value twice in a list', '{site: blocks.1, features: 64, k: [8, 16, 8]}', 'k=8'],
  ])('refuses %s before anything runs', (_what, entry, message) => {
    const error = failure(`model: tiny\ndictionaries:\n  - ${entry}\n`);
    expect([error.code, error.where]).toEqual(['study.invalid', 'my.yaml:3']);
    expect(error.message).toContain(message);
  });

  it('says where kinds that a study has no place for are learned', () => {
    const error = failure('model: tiny\ndictionaries: [{site: blocks.1, architecture: crosscoder}]');
    expect(error.message).toContain('no place for a crosscoder');
    expect(error.hint).toContain('untangle dictionaries train');
  });

  it('takes an optimiser by its name', () => {
    const [one] = parseStudy(
      'model: tiny\ndictionaries: [{site: blocks.1, optimiser: heavy-ball}]',
    ).dictionaries;
    expect(one?.config.optimiser).toEqual({ name: 'heavy-ball', momentum: 0.9, mass: 1 });
    expect(failure('model: tiny\ndictionaries: [{site: blocks.1, optimiser: sgd}]').message).toContain(
      'heavy-ball',
    );
  });
});

it('passes count over the tokens of the study itself: many over a short text, too many refused before anything runs', () => {
  const study = (passes: number) =>
    `model: tiny\ntext: {trainTokens: 4000}\ndictionaries: [{site: blocks.1, passes: ${passes}}]`;
  expect(parseStudy(study(200_000)).dictionaries[0]?.config.passes).toBe(200_000);
  const refused = failure(study(2_000_000));
  expect(refused.code).toBe('study.invalid');
  expect(refused.message).toContain('8000000000 tokens');
  // The preset's passes go over what text there is, which may be far less than is asked for.
  const open = 'model: tiny\ntext: {trainTokens: 200000000}\ndictionaries: [{site: blocks.1}]';
  expect(parseStudy(open).text.trainTokens).toBe(2e8);
});

it('the demo is a valid study', () => {
  const text = readFileSync(new URL('../../examples/demo.yaml', import.meta.url), 'utf8');
  const study = parseStudy(text, 'demo.yaml');
  expect(study.tasks.map((t) => t.name)).toEqual(['agreement', 'gender']);
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schemas\/study\.schema\.json\n/);
});

it('the published JSON Schema is the one the code makes (npx tsx scripts/study-schema.ts)', () => {
  const file = new URL('../../schemas/study.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(studyJsonSchema())));
});
