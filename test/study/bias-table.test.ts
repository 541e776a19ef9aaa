/** @file The bias study on a table: sets by rule, the metric against finite differences, and the whole study on planted data. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { readTable, type Table } from '../../src/data/table.ts';
import type { BiasRows } from '../../src/edits/bias/problem.ts';
import { BIAS_TABLE_DEFAULTS, runBiasTable } from '../../src/study/bias/table.ts';
import { tableCollateral, tableFisher } from '../../src/study/bias/table-problem.ts';
import { tableRecords } from '../../src/study/bias/table-records.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const path = join(folder, 'pay.csv');
const context = { progress: silent, threads: 1, command: 'test' };

/** Pay follows skill; women have the job "care" more often; some cells are missing. */
beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  const chance = random(11);
  const lines = Array.from({ length: 600 }, (_, i) => {
    const woman = chance.uniform() < 0.5;
    const skill = chance.normal();
    const care = chance.uniform() < (woman ? 0.7 : 0.3);
    const pay = skill + (woman ? -0.4 : 0.4) + 0.4 * chance.normal();
    const age = chance.uniform() < 0.05 ? 'NA' : (20 + 40 * chance.uniform()).toFixed(0);
    return [
      `p${i}`,
      skill.toFixed(3),
      care ? 'care' : chance.uniform() < 0.5 ? 'craft' : 'trade',
      age,
      woman ? 'f' : 'm',
      pay.toFixed(3),
    ];
  });
  lines[3]![4] = '';
  writeFileSync(path, `name,skill,job,age,sex,pay\n${lines.map((line) => line.join(',')).join('\n')}\n`);
});
const choice = { outcome: 'pay', protected: 'sex', median: ['pay'], seed: 0 };
const load = (): Promise<Table> => readTable(path, context);

describe('records', () => {
  test('inputs: numbers, one-hot categories, a mark for missing cells; names and the outcome are not among them', async () => {
    const records = tableRecords(await load(), choice);
    expect(records.inputs).toEqual([
      'skill',
      'job: care',
      'job: craft',
      'job: trade',
      'age',
      'age: missing',
      'sex: m',
    ]);
    expect(records.left).toEqual([{ column: 'name', why: expect.stringContaining('600 different values') }]);
    expect(records.incomplete).toBe(1);
    // Standardised on what the network learns from.
    const x = records.x(records.sets.network);
    const [N, I] = [records.sets.network.rows.length, records.inputs.length];
    for (let i = 0; i < I; i++) {
      const column = Array.from({ length: N }, (_, n) => x[n * I + i]!);
      const mean = column.reduce((sum, v) => sum + v, 0) / N;
      expect(mean).toBeCloseTo(0, 4);
      // What is missing lies at the mean, so that the deviation falls short of 1 there.
      const deviation = Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / N);
      expect(deviation).toBeCloseTo(1, records.inputs[i] === 'age' ? 1 : 5);
    }
  });

  test('training is confounded, test and oracle are balanced, no record is on two sides', async () => {
    const records = tableRecords(await load(), choice);
    const { sets } = records;
    for (const set of [sets.train, sets.retain]) {
      const { outcome_N, protected_N } = records.labels(set);
      expect(outcome_N).toEqual(protected_N);
      expect(outcome_N.reduce((sum, v) => sum + v, 0) * 2).toBe(outcome_N.length);
    }
    // Men earn more: the values are in the order that goes with the outcome.
    expect(records.protected.values).toEqual(['f', 'm']);
    for (const set of [sets.balanced, sets.oracleTrain]) {
      const { outcome_N, protected_N } = records.labels(set);
      const cells = [0, 1, 2, 3].map((c) => outcome_N.filter((o, n) => 2 * o + protected_N[n]! === c).length);
      expect(new Set(cells).size).toBe(1);
      expect(set.swapped.filter(Boolean).length * 2).toBe(set.rows.length);
    }
    const sides = [sets.train, sets.retain, sets.balanced, sets.auxiliary].map(({ rows }) => new Set(rows));
    sides.forEach((a, i) => {
      for (const b of sides.slice(i + 1)) expect([...a].filter((row) => b.has(row))).toEqual([]);
    });
    const learned = new Set(sets.network.rows);
    for (const set of [sets.balanced, sets.auxiliary])
      expect(set.rows.filter((row) => learned.has(row))).toEqual([]);
  });

  test('a counterfactual differs from its record in the protected input alone; hidden, in nothing', async () => {
    const records = tableRecords(await load(), choice);
    const I = records.inputs.length;
    const pair = { rows: [7, 7], swapped: [false, true] };
    const x = records.x(pair);
    const differs = records.inputs.filter((_, i) => x[i] !== x[I + i]);
    expect(differs).toEqual(['sex: m']);
    const hidden = records.x(pair, true);
    expect(hidden.slice(0, I)).toEqual(hidden.slice(I));
    expect(records.labels(pair).protected_N[0]).not.toBe(records.labels(pair).protected_N[1]);
  });

  test('strength, blindness, dropped columns; the seed decides', async () => {
    const table = await load();
    const weak = tableRecords(table, { ...choice, strength: 0.8 });
    const { outcome_N, protected_N } = weak.labels(weak.sets.train);
    const going = outcome_N.filter((o, n) => o === protected_N[n]).length / outcome_N.length;
    expect(going).toBeCloseTo(0.8, 1);
    const blind = tableRecords(table, { ...choice, blind: true, drop: ['job'] });
    expect(blind.inputs).toEqual(['skill', 'age', 'age: missing']);
    expect(blind.counterfactuals).toBe(false);
    expect(blind.sets.balanced.swapped).not.toContain(true);
    expect(tableRecords(table, choice).sets).toEqual(tableRecords(table, choice).sets);
    expect(tableRecords(table, { ...choice, seed: 1 }).sets.balanced).not.toEqual(
      tableRecords(table, choice).sets.balanced,
    );
  });

  test('of a long table as many rows as are needed, drawn by the seed', async () => {
    const table = await load();
    const times = (column: Table['columns'][number]) => {
      const values = Array.from({ length: 10 }, () => Array.from(column.values_N)).flat();
      return column.kind === 'number'
        ? { ...column, values_N: Float64Array.from(values) }
        : { ...column, values_N: Int32Array.from(values) };
    };
    const long = { ...table, rows: 10 * table.rows, columns: table.columns.map(times) };
    const records = tableRecords(long, choice);
    expect([records.incomplete, records.beyond]).toEqual([10, 10 * table.rows - 10 - 4000]);
    const used = new Set(Object.values(records.sets).flatMap(({ rows }) => rows));
    expect(used.size).toBeLessThanOrEqual(4000);
    expect(tableRecords(long, choice).sets).toEqual(records.sets);
  });

  test('cells with too few rows, and tables without inputs, are refused', async () => {
    const table = await load();
    const few = {
      ...table,
      rows: 60,
      columns: table.columns.map((c) => ({ ...c, values_N: c.values_N.slice(0, 60) })),
    };
    expect(() => tableRecords(few as Table, choice)).toThrow(
      expect.objectContaining({ code: 'table.few-rows' }),
    );
    expect(() => tableRecords(table, { ...choice, drop: ['skill', 'job', 'age'] })).toThrow(
      expect.objectContaining({ code: 'table.no-inputs' }),
    );
    expect(() => tableRecords(table, { ...choice, drop: ['skil'] })).toThrow(
      expect.objectContaining({ code: 'table.unknown-column' }),
    );
  });
});

describe('above the cut', () => {
  const chance = random(3);
  const [D, F, N] = [6, 5, 40];
  const normals = (n: number) => Float32Array.from({ length: n }, () => chance.normal());
  const decoder = { width: D, features: F, W_dec_FD: normals(F * D) };
  const head = { W_out: normals(2 * D), b_out: normals(2) };
  const plain: BiasRows = {
    ...{ x_ND: normals(N * D), features_NF: normals(N * F).map(Math.abs) },
    ...{ outcome_N: new Uint8Array(N), protected_N: new Uint8Array(N), swapped_N: new Uint8Array(N) },
    ids: Array.from({ length: N }, (_, n) => String(n)),
  };

  test('nothing edited costs nothing; an edit costs the KL of its answers', () => {
    const none = tableCollateral(decoder, head, plain, { kind: 'none' });
    expect([none.kl.value, none.deltaX]).toEqual([0, 0]);
    const features = [1, 3];
    const edit = { kind: 'strengths', features, alpha: Float64Array.of(0, 0.5) } as const;
    const { kl_W } = tableCollateral(decoder, head, plain, edit);
    // By the definition, from the softmax of two logits.
    const answers = (n: number, edited: boolean) => {
      const x = Array.from({ length: D }, (_, d) => {
        const taken = features.reduce(
          (sum, f, i) =>
            sum + (1 - edit.alpha[i]!) * plain.features_NF[n * F + f]! * decoder.W_dec_FD[f * D + d]!,
          0,
        );
        return plain.x_ND[n * D + d]! - (edited ? taken : 0);
      });
      const logits = [0, 1].map((c) =>
        x.reduce((sum, v, d) => sum + v * head.W_out[2 * d + c]!, head.b_out[c]!),
      );
      const total = Math.log(logits.reduce((sum, l) => sum + Math.exp(l), 0));
      return logits.map((l) => Math.exp(l - total));
    };
    for (const n of [0, 11, 39]) {
      const [p, q] = [answers(n, false), answers(n, true)];
      expect(kl_W[n]).toBeCloseTo(
        p.reduce((sum, a, c) => sum + a * Math.log(a / q[c]!), 0),
        8,
      );
    }
  });

  test('the Fisher metric is the second derivative of the KL', () => {
    const features = [0, 2, 4];
    const alpha = Float64Array.of(1, 1, 1);
    const metric = tableFisher(decoder, head, plain, features, alpha);
    const h = 1e-3;
    const klAt = (step: readonly number[]) =>
      tableCollateral(decoder, head, plain, {
        ...{ kind: 'strengths', features },
        alpha: alpha.map((a, i) => a + step[i]!),
      }).kl.value;
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const at = (a: number, b: number) =>
          klAt([0, 1, 2].map((k) => (k === i ? a * h : 0) + (k === j ? b * h : 0)));
        const second = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h);
        expect(metric[i * 3 + j]! / second).toBeCloseTo(1, 3);
      }
    }
  });
});

test('the whole study: the classifier is led astray, hiding the column or training on balance leads it back', async () => {
  const result = await runBiasTable(
    {
      ...{ ...BIAS_TABLE_DEFAULTS, ...choice, table: path, hidden: [24], dictionarySeeds: 2, probes: 3 },
      ...{ resamples: 50, methods: ['original', 'token-deletion', 'leace', 'shift', 'oracle'] },
    },
    context,
  );
  const row = (method: string) => result.rows.find((one) => one.method === method)!;
  expect(result).toMatchObject({ format: 'untangle-bias', name: 'pay-sex', site: 'hidden.0' });
  expect(result.dictionaries.map(({ features }) => features)).toEqual([24, 24]);
  expect(row('original').figures.genderAccuracy.value).toBeGreaterThan(0.9);
  expect(row('original').figures.worstGroup.value).toBeLessThan(0.2);
  expect(row('token-deletion').figures.worstGroup.value).toBeGreaterThan(0.6);
  expect(row('oracle').figures.worstGroup.value).toBeGreaterThan(0.7);
  expect(row('leace').figures.genderAccuracy.value).toBeLessThan(
    row('original').figures.genderAccuracy.value,
  );
  expect(row('leace').kl!.value).toBeGreaterThan(0);
  expect(result.counts.filter(({ set }) => set === 'train').map(({ natural }) => natural > 0)).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(result.candidates[0]!.label).toMatch(/[+−]0\.\d\d/);
}, 180_000);
