/**
 * @file Circuits by energy on SmolLM2: feature masks moved by conformal leapfrog, beside masks by Adam with as many gradients,
 * thresholds, flow and chance, at equal size on held-out agreement examples. `npm run bench:masks` writes
 * bench/results/masks.json and the tables of docs/energy.md after each loss; losses that are there are kept unless `--again` is given, and `--one` stops after
 * the next. `--tiny` takes the small model of this package and writes nothing, to try the program.
 */
import { builtInTask } from '../src/data/tasks.ts';
import { findMaskCircuit, MASK_DEFAULTS } from '../src/energy/masks/mask-circuit.ts';
import type { MaskCircuitResult, MaskLoss } from '../src/energy/masks/types.ts';
import { openTokenModel } from '../src/models/open.ts';
import { benchDictionaries, dictionarySettings, streamSet } from './circuits/dictionaries.ts';
import { writeMasks } from './feature-tables.ts';
import { describeMachine } from './machine.ts';
import { loadResult, saveResult } from './results.ts';

const given = (flag: string) => process.argv.includes(flag);
const tiny = given('--tiny');
const task = 'agreement';
const examples = { train: 16, heldOut: 40, seed: 0 };
const options = { ...MASK_DEFAULTS, steps: 20 };
const losses: readonly MaskLoss[] = ['metric', 'kl'];
const threads = 2;
const progress = () => {};

const results: MaskCircuitResult[] =
  tiny || given('--again') ? [] : (loadResult<{ results: MaskCircuitResult[] }>('masks')?.results ?? []);

const model = await openTokenModel(tiny ? 'tiny' : 'smollm2-135m', { progress });
const set = tiny
  ? { name: 'importance-tiny-v1', sites: ['blocks.1.hook_resid_post'], tokens: 30_000 }
  : streamSet;
const dictionaries = await benchDictionaries(model, threads, progress, set);
for (const loss of losses) {
  if (results.some((r) => r.loss === loss)) continue;
  const begun = performance.now();
  const found = await findMaskCircuit(
    {
      model,
      task: builtInTask(task).make(model.tokenizer, examples),
      dictionaries,
      ...{ seed: 0, threads },
      // Thresholds and flow do not depend on the loss: the arm that takes longest is run once.
      options: { ...options, loss, ...(loss === 'metric' ? {} : { flow: false }) },
    },
    { progress },
  );
  results.push(found);
  const seconds = (performance.now() - begun) / 1000;
  process.stdout.write(
    `\n${loss}: λ ${found.sparsity.toExponential(1)}, ${found.candidates} candidates, ${seconds.toFixed(0)} s\n`,
  );
  for (const arm of found.arms) {
    const tuned = arm.tuning?.map((t) => `${t.setting}: V ${t.potential.toFixed(3)}`).join(', ');
    const cost = `${arm.gradients ?? '–'} gradients, ${arm.seconds.toFixed(0)} s${tuned ? ` (${tuned})` : ''}`;
    process.stdout.write(`${arm.name.padEnd(10)} ${cost}\n`);
    for (const { nodes, errorNodes, faithfulness, train } of arm.points) {
      const { value, low, high } = faithfulness;
      process.stdout.write(
        `  ${String(nodes).padStart(5)} nodes (${errorNodes} errors): ${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}), train ${train.value.toFixed(2)}\n`,
      );
    }
  }
  if (!tiny) {
    saveResult('masks', {
      what: 'held-out faithfulness of agreement circuits on SmolLM2-135M by size: masks by conformal leapfrog, masks by Adam, thresholds, flow, chance; 95 % bootstrap intervals over examples',
      command: 'npm run bench:masks',
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      ...{ threads, examples, options, dictionaries: dictionarySettings, results },
    });
    writeMasks(results);
  }
  if (given('--one')) break;
}
