/** @file The bias study on the table that npm ships: 534 workers of 1985, wage by gender. */
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { CPS_WAGES, readTable } from '../../src/data/table.ts';
import { BIAS_TABLE_DEFAULTS, runBiasTable } from '../../src/study/bias/table.ts';

const table = await readTable(CPS_WAGES, { progress: silent }).catch(() => undefined);

describe.runIf(table !== undefined)('wages of 1985', () => {
  test('534 workers, 11 columns, none missing', () => {
    expect(table!.rows).toBe(534);
    expect(table!.columns.map(({ name, kind }) => `${name}: ${kind}`)).toEqual([
      ...[
        'education: number',
        'south: category',
        'gender: category',
        'experience: number',
        'union: category',
      ],
      ...['wage: number', 'age: number', 'race: category', 'occupation: category', 'sector: category'],
      'married: category',
    ]);
    expect(
      table!.columns.flatMap(({ values_N }) => [...values_N]).filter((v) => Number.isNaN(v) || v === -1),
    ).toEqual([]);
  });

  test('a confounded classifier tells gender, one trained on balance tells wages; hiding the column helps', async () => {
    const result = await runBiasTable(
      {
        ...{
          ...BIAS_TABLE_DEFAULTS,
          table: CPS_WAGES,
          outcome: 'wage',
          protected: 'gender',
          median: ['wage'],
        },
        ...{ dictionarySeeds: 1, probes: 3, resamples: 50, seed: 1 },
        methods: ['original', 'token-deletion', 'leace', 'oracle'],
      },
      { progress: silent, threads: 1, command: 'test' },
    );
    const worst = Object.fromEntries(result.rows.map((row) => [row.method, row.figures.worstGroup.value]));
    expect(worst.original).toBeLessThan(0.1);
    expect(worst.leace).toBeGreaterThan(worst.original! + 0.2);
    expect(worst['token-deletion']).toBeGreaterThan(0.45);
    expect(worst.oracle).toBeGreaterThan(0.5);
    expect(result.attribution).toContain('PDDL');
  }, 180_000);
});
