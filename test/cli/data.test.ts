/** @file `untangle data biographies` as a user runs it, on a table of their own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const file = join(folder, 'bios.parquet');

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select * from (values ('She and her husband, a king, paint.', 14, 1), ('He cuts.', 25, 0)) t(hard_text, profession, gender)) to '${file}' (format parquet)`,
  );
});

test('counts, one person both ways, and a name that nobody has', async () => {
  const counts = await untangle(['data', 'biographies', file]);
  expect(counts.code).toBe(0);
  expect(counts.out).toMatch(/painter +0 +1/);
  expect(counts.out).toMatch(/surgeon +1 +0/);
  const one = await untangle(['data', 'biographies', file, '--person', 'bios.parquet#1', '--json']);
  expect(JSON.parse(one.out)).toMatchObject({
    person: { gender: 'female', field: 'painter' },
    swapped: { gender: 'male', text: 'He and his wife, a queen, paint.', natural: false },
    changes: { pronoun: 2, noun: 1, title: 1, 'first name': 0 },
    deleted: 'and, a, paint.',
    notSwapped: expect.arrayContaining([expect.stringContaining('surnames')]),
  });
  const none = await untangle(['data', 'biographies', file, '--person', 'Ada']);
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('biographies.unknown-person')]);
}, 30_000);
