/** @file The command line as a user meets it: help, wrong usage, pure JSON, files. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpz } from '../../src/files/npz.ts';
import { untangle } from './support.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'untangle-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('help', () => {
  it('lists the commands, with examples, on standard output', async () => {
    const { code, out, err } = await untangle(['--help']);
    expect([code, err]).toEqual([0, '']);
    for (const name of ['demo', 'study', 'run', 'check', 'studio', 'train'])
      expect(out).toMatch(new RegExp(`^  ${name}`, 'm'));
    expect(out).toContain('Examples:');
  });
  it('of each command shows the options that all have', async () => {
    for (const name of ['demo', 'run', 'check', 'circuit']) {
      const { code, out } = await untangle([name, '--help']);
      expect(code).toBe(0);
      for (const option of ['--json', '--seed', '--threads', '--workspace', '--quiet'])
        expect(out).toContain(option);
      expect(out).toContain('Examples:');
    }
  });
});

describe('wrong usage ends with 2', () => {
  it.each([
    ['an unknown command, with the nearest', ['dmo'], 'usage.unknown-command', 'demo'],
    [
      'an unknown option, with the nearest',
      ['demo', '--workspce', 'x'],
      'usage.unknown-option',
      '--workspace',
    ],
    ['nothing to run', ['run', 'tiny'], 'usage.options', '--prompt'],
    ['a value of the wrong kind', ['demo', '--threads', 'many'], 'usage.invalid-value', 'whole number'],
    ['an unknown area', ['check', 'enrgy'], 'usage.unknown-area', 'energy'],
    ['a study without a file', ['study'], 'usage.missing-argument', 'study init'],
  ])('%s', async (_what, args, code, word) => {
    const result = await untangle([...args, '--json']);
    expect(result.code).toBe(2);
    expect(JSON.parse(result.out).error.code).toBe(code);
    expect(result.err).toContain(word);
  });
});

describe('study', () => {
  it('init writes a file that plan accepts; a second init does not overwrite it', async () => {
    expect(await untangle(['study', 'init', 'my.yaml'], { cwd: folder })).toMatchObject({ code: 0, err: '' });
    const text = readFileSync(join(folder, 'my.yaml'), 'utf8');
    const schema = /\$schema=(.*)/.exec(text)?.[1] ?? '';
    expect(JSON.parse(readFileSync(schema, 'utf8')).title).toBe('Untangle study');
    expect((await untangle(['study', 'init', 'my.yaml'], { cwd: folder })).code).toBe(2);

    const plan = await untangle(['study', 'plan', 'my.yaml', '--json'], { cwd: folder });
    expect([plan.code, plan.err]).toEqual([0, '']);
    const { steps, toRun } = JSON.parse(plan.out);
    expect(toRun).toMatchObject({ steps: steps.length, cached: 0 });
    expect(steps[0]).toMatchObject({ name: 'model', cached: false, cost: { seconds: expect.any(Number) } });
  });
  it('plan for people is a table', async () => {
    const { code, out } = await untangle(['study', 'plan', 'my.yaml'], { cwd: folder });
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}harvest +to run +~/m);
    expect(out).toMatch(/steps to run: about .* of disk, .* of memory/);
  });
  it('a study that is not there is a failure, not wrong usage', async () => {
    const { code, out } = await untangle(['study', 'none.yaml', '--json', '--quiet'], { cwd: folder });
    expect([code, JSON.parse(out).error.code]).toEqual([1, 'study.not-found']);
  });
});

describe('run', () => {
  const args = ['run', 'random-tiny', '--prompt', 'hi there', '--top', '3'];
  it('prints one JSON document: tokens, log-probabilities, sites', async () => {
    const { code, out } = await untangle([
      ...args,
      '--json',
      '--read',
      'blocks.1.hook_resid_post',
      'hook_embed',
    ]);
    expect(code).toBe(0);
    const document = JSON.parse(out);
    expect(document.tokens.map((t: { text: string }) => t.text).join('')).toBe('hi there');
    expect(document.top).toHaveLength(3);
    const logs = document.top.map((t: { logProbability: number }) => t.logProbability);
    expect(logs).toEqual([...logs].sort((a, b) => b - a));
    expect(logs[0]).toBeLessThan(0);
    const { shape, data } = document.sites['blocks.1.hook_resid_post'];
    expect(shape).toEqual([1, 8, 32]);
    expect(data).toHaveLength(256);
    expect(Object.keys(document.sites)).toHaveLength(2);
  });
  it('writes sites to a file', async () => {
    const file = join(folder, 'sites.npz');
    const { code, out } = await untangle([...args, '--json', '--read', 'hook_embed', '--out', file]);
    expect(code).toBe(0);
    expect(JSON.parse(out).sites.hook_embed).toEqual({ dtype: 'float32', shape: [1, 8, 32] });
    expect((await readNpz(file)).hook_embed?.shape).toEqual([1, 8, 32]);
  });
  it('names the nearest sites for one that does not exist', async () => {
    const { code, out, err } = await untangle([...args, '--read', 'blocks.1.hook_resid_pst', '--json']);
    expect([code, JSON.parse(out).error.code]).toEqual([1, 'model.unknown-site']);
    expect(err).toContain('blocks.1.hook_resid_post');
  });
});
