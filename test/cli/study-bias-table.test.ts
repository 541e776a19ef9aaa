/** @file `untangle study bias --table` as a user runs it: a table of one's own, and what is refused. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const file = join(folder, 'loans.csv');
const run = (...args: string[]) =>
  untangle([
    'study',
    'bias',
    '--table',
    file,
    '--workspace',
    join(folder, 'work'),
    '--threads',
    '1',
    ...args,
  ]);

/** Loans are repaid by those who save; the young save a little less. */
beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  const chance = random(2);
  const lines = Array.from({ length: 400 }, () => {
    const age = 20 + 40 * chance.uniform();
    const saves = chance.normal() + (age - 40) / 30;
    const repaid = saves + 0.5 * chance.normal() > 0 ? 'yes' : 'no';
    return `${age.toFixed(0)};${saves.toFixed(2)};${chance.uniform() < 0.5 ? 'town' : 'country'};${repaid}`;
  });
  writeFileSync(file, `age;saves;home;repaid\n${lines.join('\n')}\n`);
});

describe('untangle study bias --table', () => {
  test('a column of numbers split at its median as asked: all rows of the table, curves, verdicts, pictures', async () => {
    const pictures = join(folder, 'pictures');
    const { code, out } = await run(
      ...['--outcome', 'repaid=yes', '--protected', 'age', '--median', 'age', '--hidden', '12'],
      ...['--small', '--json', '--plot', pictures],
    );
    expect(code).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      outcome: { name: 'repaid', values: ['no', 'yes'] },
      protected: { name: 'age', values: [expect.stringMatching(/^(below|at most)/), expect.any(String)] },
      site: 'hidden.0',
    });
    const methods = result.rows.map((row: { method: string }) => row.method);
    for (const method of ['original', 'leace', 'shift', 'least-action', 'feature-skyline', 'oracle'])
      expect(methods).toContain(method);
    // Numbers cannot be turned round: no counterfactuals, no column hidden.
    expect(methods).not.toContain('token-deletion');
    expect(result.verdicts.length).toBeGreaterThan(0);
    expect(result.command).toContain(`--table ${file} --outcome repaid=yes --protected age --median age`);
    expect(readFileSync(join(pictures, 'leakage.svg'), 'utf8')).toMatch(/^<svg /);
    expect(existsSync(join(folder, 'work', 'bias', 'repaid-age', 'bias.json'))).toBe(true);
  }, 180_000);

  test.each([
    ['usage.missing-argument', ['--outcome', 'repaid'], /--protected/],
    ['table.unknown-column', ['--outcome', 'repaid', '--protected', 'home', '--drop', 'hous'], /home/],
  ])('%s', async (code, args, message) => {
    const refused = await run(...args, '--json');
    expect(refused.code).not.toBe(0);
    expect(refused.err + refused.out).toContain(code);
    expect(refused.err + refused.out).toMatch(message);
  });

  test('an option of tables without a table is refused', async () => {
    const { code, err } = await untangle(['study', 'bias', '--outcome', 'repaid']);
    expect([code, err]).toEqual([2, expect.stringContaining('--outcome belongs to --table FILE')]);
  });

  test('an option of the study on text beside a table is refused', async () => {
    const { code, err } = await run('--outcome', 'repaid', '--protected', 'home', '--fields', 'science,arts');
    expect([code, err]).toEqual([2, expect.stringContaining('--fields belongs to the study on text')]);
  });

  test('a strength outside its range is refused before anything runs', async () => {
    const { code, err } = await run('--outcome', 'repaid', '--protected', 'home', '--strength', '0.4');
    expect(code).toBe(2);
    expect(err).toMatch(/above 0\.5/);
  });
});
