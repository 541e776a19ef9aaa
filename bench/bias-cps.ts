/**
 * @file The bias study on a table: wages of 1985 by gender, with the defaults and a seed that nothing was tried on.
 *
 *   npm run bench:bias-cps -- [--threads 2] [--save]
 *
 * --save writes bench/results/bias-cps.json, from which `npm run bias-table` fills the table of docs/bias.md.
 */
import { parseArgs } from 'node:util';
import { BIAS_TABLE_DEFAULTS, runBiasTable } from '../src/study/bias/table.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

const { values } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, save: { type: 'boolean', default: false } },
});
const result = await runBiasTable(
  {
    ...BIAS_TABLE_DEFAULTS,
    ...{ table: 'cps-wages-1985', outcome: 'wage', protected: 'gender', median: ['wage'], seed: 1 },
  },
  {
    threads: Number(values.threads),
    command:
      'untangle study bias --table cps-wages-1985 --outcome wage --protected gender --median wage --seed 1',
    progress: (event) => {
      if (event.type === 'start') console.log(event.label);
    },
  },
);
for (const { title, figures, leakage } of result.rows)
  console.log(title, figures.worstGroup.value.toFixed(3), leakage.linear.value.toFixed(3));
if (values.save) {
  const { candidates, rows, paths: _, ...rest } = result;
  await saveResult('bias-cps', {
    what: 'The bias study on wages of 1985 by gender, by `npm run bench:bias-cps`',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    steps: [{ name: 'bias', seconds: Math.round(result.seconds) }],
    chosen: candidates.filter((one) => one.chosen),
    result: { ...rest, rows: rows.map(({ runs: _runs, curve: _curve, ...row }) => row) },
  });
}
