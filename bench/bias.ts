/**
 * @file The classifier study on SmolLM2 with its defaults: `untangle study bias`, every row, curve, path and verdict.
 *
 *   npm run bench:bias -- [--workspace DIR] [--threads 2] [--save]
 *
 * DIR keeps finished steps, so that a call that was ended goes on where it was. --save writes bench/results/bias.json, from
 * which `npx tsx scripts/bias-table.ts` fills the tables of docs/bias.md.
 */
import { parseArgs } from 'node:util';
import { planBias, runBiasText } from '../src/study/bias/run.ts';
import { BIAS_TEXT_DEFAULTS } from '../src/study/bias/types.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    workspace: { type: 'string', default: '.untangle' },
    threads: { type: 'string', default: '2' },
    save: { type: 'boolean', default: false },
  },
});

const planned = await planBias(BIAS_TEXT_DEFAULTS, values.workspace);
for (const { name, cached, cost } of planned)
  console.log(`${name}: ${cached ? 'kept' : `about ${Math.round(cost.seconds)} s`}`);
const result = await runBiasText(BIAS_TEXT_DEFAULTS, {
  workspace: values.workspace,
  threads: Number(values.threads),
  command: 'untangle study bias',
  progress: (event) => {
    if (event.type === 'start') console.log(event.label);
    else if (event.type === 'advance' && event.task === 'bias')
      console.log(`  ${event.done} of ${event.total}`);
  },
});
const done = await planBias(BIAS_TEXT_DEFAULTS, values.workspace);
const steps = done.map(({ name, cost }) => ({ name, seconds: Math.round(cost.seconds) }));
console.log(JSON.stringify(result.verdicts, null, 1));
if (values.save) {
  // Candidates and runs of single seeds are in the workspace; the file holds what is reported.
  const { candidates, ...rest } = result;
  await saveResult('bias', {
    what: 'The classifier study on biographies, SmolLM2-135M, by `npm run bench:bias`',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    steps,
    chosen: candidates.filter((one) => one.chosen),
    result: rest,
  });
}
