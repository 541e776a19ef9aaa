/** @file `untangle study bias` on text as a user runs it: the tiny model, 168 written biographies, a choice, what is refused. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { biasMethods } from '../../src/edits/bias/rows/registry.ts';
import type { BiasResult } from '../../src/edits/bias/types.ts';
import { dictionaryHash, requireChoice } from '../../src/study/bias/choice.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const data = join(folder, 'biographies.parquet');
const workspace = join(folder, 'work');
const run = (...args: string[]) =>
  untangle([
    ...['study', 'bias', '--small', '--model', 'tiny', '--text', 'tiny-held-out', '--data', data],
    ...['--fields', 'surgeon,nurse', '--workspace', workspace, '--probes', '2', '--threads', '1'],
    ...args,
  ]);

/** Numbers of professions and genders in the data set. */
const [nurse, surgeon, teacher] = [13, 25, 26];

beforeAll(async () => {
  const chance = random(3);
  const pick = (words: string) => {
    const all = words.split(' ');
    return all[chance.integer(all.length)]!;
  };
  const rows: string[] = [];
  for (let i = 0; i < 56; i++) {
    for (const profession of [nurse, surgeon, teacher]) {
      const gender = chance.uniform() < 0.5 ? 1 : 0;
      const [he, his] = gender === 1 ? ['She', 'her'] : ['He', 'his'];
      const place = profession === nurse ? 'ward' : profession === surgeon ? 'operating theatre' : 'school';
      const text = `${he} has worked in the ${pick('old new large small quiet')} ${place} since ${1950 + chance.integer(60)}. ${he} likes ${his} ${pick('work colleagues garden books town')} and ${pick('music walking cooking chess')}.`;
      rows.push(`('${text}', ${profession}, ${gender})`);
    }
  }
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select * from (values ${rows.join()}) t(hard_text, profession, gender)) to '${data}' (format parquet)`,
  );
}, 60_000);

const zeroDictionary: Dictionary = {
  ...{
    architecture: 'topk',
    activation: { kind: 'topk', k: 1 },
    site: '',
    modelHash: '',
    width: 2,
    features: 4,
  },
  W_enc_FD: new Float32Array(8),
  b_enc_F: new Float32Array(4),
  W_dec_FD: new Float32Array(8),
  b_dec_D: new Float32Array(2),
  sinkNorm: 1,
};

describe('untangle study bias', () => {
  let result: BiasResult;

  test('measures every method, saves what the Studio shows, and draws', async () => {
    const pictures = join(folder, 'pictures');
    const { code, out, err } = await run('--json', '--plot', pictures);
    expect([code, err.match(/error.*/)?.[0]]).toEqual([0, undefined]);
    result = JSON.parse(out);
    expect(result).toMatchObject({
      format: 'untangle-bias',
      outcome: { values: ['surgeon', 'nurse'] },
      protected: { values: ['male', 'female'] },
      site: 'blocks.1.hook_resid_post',
      seeds: { probes: 2, dictionaries: 1 },
    });
    const shown = result.rows.map((row) => row.method);
    expect([...shown, 'shift-choice'].sort()).toEqual(biasMethods.map((one) => one.method).sort());
    expect(result.left.map((one) => one.method)).toEqual(['shift-choice']);
    for (const row of result.rows) {
      expect(row.figures.fieldAccuracy.value).toBeGreaterThanOrEqual(0);
      // What changes the text or the representation has no KL; everything else has.
      expect(row.kl === undefined, row.method).toBe(['token-deletion', 'bottleneck'].includes(row.method));
    }
    const original = result.rows.find((row) => row.method === 'original')!;
    expect(original.kl!.value).toBeLessThan(1e-6);
    expect(result.rows.find((row) => row.method === 'shift')!.kl!.value).toBeGreaterThan(0);
    expect(result.paths.map((path) => path.method)).toContain('least-action');
    // The tiny model can do none of the tasks: that is said, and nothing is scored.
    expect(result.otherTasks!.left.map((one) => one.task).sort()).toEqual(
      ['agreement', 'agreement-across-rc', 'capitals', 'indirect-object', 'pronoun'].sort(),
    );
    for (const { why } of result.otherTasks!.left) expect(why).not.toBe('');
    expect(result.rows.some((row) => row.otherTasks)).toBe(false);
    const saved = JSON.parse(readFileSync(join(workspace, 'bias', 'surgeon-nurse', 'bias.json'), 'utf8'));
    expect(saved).toEqual(result);
    for (const name of ['leakage', 'collateral', 'path-least-action'])
      expect(readFileSync(join(pictures, `${name}.svg`), 'utf8')).toMatch(/^<svg /);
  }, 120_000);

  test('a second run takes everything from the workspace, and says it in words', async () => {
    const { code, out, err } = await run();
    expect(code).toBe(0);
    expect(err).toContain('Everything is there already.');
    expect(out).toContain('SHIFT by rule, probe retrained');
    expect(out).toContain('Published, Marks et al. 2024');
    expect(out).toMatch(/end point: least action's is better/);
    // The article's formula at each step, and the error of the interpolated metric.
    const steps = result.paths.find((path) => path.method === 'least-action')!.H_c_K;
    for (const H_c of steps) expect(out).toContain(H_c.toFixed(5));
    expect(out).toMatch(/Fisher metric at \d points, interpolation off by [\d.e-]+ %/);
    expect(existsSync(join(workspace, 'bias', 'surgeon-nurse', 'bias.json'))).toBe(true);
  }, 60_000);

  const choice = (changed: object) => {
    const file = join(folder, 'choice.json');
    const { model, site, dictionaries, candidates } = result;
    const whole = {
      ...{ format: 'untangle-choice', version: 1, modelHash: model.hash, site },
      dictionary: dictionaries[0]!.hash,
      features: candidates.slice(0, 3).map((one) => one.feature),
    };
    writeFileSync(file, JSON.stringify({ ...whole, ...changed }));
    return file;
  };

  test('a choice made in the Studio becomes a row', async () => {
    const { code, out } = await run('--json', '--choice', choice({}));
    expect(code).toBe(0);
    const chosen = (JSON.parse(out) as BiasResult).rows.find((row) => row.method === 'shift-choice')!;
    expect(chosen.changed).toBe(3);
  }, 120_000);

  test('a choice for another model or dictionary, of another form, or of features that are not there is refused', async () => {
    const refused = async (file: string) => (await run('--choice', file)).err;
    expect(await refused(choice({ modelHash: 'another' }))).toContain('edit.other-model');
    expect(await refused(choice({ features: [] }))).toContain('edit.choice');
    // What else is refused, without a run each.
    const dictionary = { ...zeroDictionary, site: result.site };
    const model = { name: 'tiny', hash: result.model.hash };
    const whole = { site: result.site, features: [3], dictionary: dictionaryHash(dictionary) };
    const check = (changed: object) => () =>
      requireChoice({ ...whole, ...changed }, result.site, model, dictionary);
    expect(check({})).not.toThrow();
    expect(check({ dictionary: 'another' })).toThrow(/another dictionary/);
    expect(check({ site: 'blocks.0.hook_resid_post' })).toThrow(/another dictionary/);
    expect(check({ features: [4] })).toThrow(/no feature 4/);
  }, 120_000);

  test('one field twice, a field that is not there, and cells that nature left small are refused', async () => {
    const twice = await run('--fields', 'nurse,nurse');
    expect(twice.code).toBe(2);
    const unknown = await run('--fields', 'nurse,plumber');
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('biographies.unknown-field')]);
    // Without counterfactuals there are too few of each.
    const natural = await run('--natural');
    expect([natural.code, natural.err]).toEqual([1, expect.stringContaining('biographies.cell')]);
  }, 60_000);
});
