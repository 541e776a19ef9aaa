/**
 * @file Which built-in behaviours a model shows: accuracy and logit difference, and where it fails.
 *
 *   npm run bench:tasks [-- --model smollm2-135m] [--examples 100] [--json] [--save]
 *
 * --save writes bench/results/tasks.json.
 */
import { parseArgs } from 'node:util';
import { type Behaviour, measureBehaviour } from '../src/circuits/behaviour.ts';
import { TOKENS_PER_RUN } from '../src/circuits/run-options.ts';
import { silent } from '../src/core/progress.ts';
import { builtInTasks } from '../src/data/tasks.ts';
import { openTokenModel } from '../src/models/open.ts';
import { openSession } from '../src/runtime/session.ts';
import { resultText, saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'smollm2-135m' },
    examples: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const count = Number(values.examples);
const model = await openTokenModel(values.model, { progress: silent });
const open = (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 2 });
const rows: Behaviour[] = [];
for (const { name, make } of builtInTasks) {
  const task = make(model.tokenizer, { train: count, heldOut: Math.round(count / 2), seed: 0 });
  rows.push(await measureBehaviour(model, task, { open, tokensPerRun: 4 * TOKENS_PER_RUN }, 0));
  const { accuracy, clean, patch } = rows.at(-1)!;
  console.error(
    `${name}: ${accuracy.value.toFixed(3)}, m ${clean.value.toFixed(2)} and ${patch.value.toFixed(2)}`,
  );
}
const report = {
  what: 'accuracy (m > 0 on the clean prompt) and mean logit difference of the built-in tasks, with 95 % bootstrap intervals over examples; the weakest groups of examples',
  command: `npm run bench:tasks -- --model ${values.model} --examples ${count}`,
  model: { name: model.name, hash: model.hash },
  date: new Date().toISOString().slice(0, 10),
  rows,
};
if (values.save) saveResult('tasks', report);
if (values.json) process.stdout.write(resultText(report));
process.exit(0);
