/**
 * @file Held-out faithfulness of agreement circuits on SmolLM2 over their size: features, neurons and random nodes; on the
 * residual stream alone and with dictionaries of attention and MLP in between. `npm run bench:circuits-faithfulness` writes
 * bench/results/circuits-faithfulness.json after every task; tasks that are there are kept unless `--again` is given, and
 * `--one` stops after the next.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CircuitOptions, findCircuit } from '../../src/circuits/circuit.ts';
import type { CircuitResult } from '../../src/circuits/types.ts';
import { builtInTask } from '../../src/data/tasks.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { openTokenModel } from '../../src/models/open.ts';
import { describeMachine } from '../machine.ts';
import { saveResult } from '../results.ts';
import { benchDictionaries, dictionarySettings, partsSet } from './dictionaries.ts';

const tasks = ['agreement', 'agreement-simple', 'agreement-within-rc', 'agreement-across-rc'];
const examples = { train: 48, heldOut: 48, seed: 0 };
const threads = 2;
const progress = () => {};
const file = 'bench/results/circuits-faithfulness.json';

type Row = Omit<Partial<CircuitResult>, 'nodes' | 'edges'> & { readonly set: string; readonly name: string };

let measured = 0;
const done = () => process.argv.includes('--one') && measured > 0;
const known: Row[] =
  existsSync(file) && !process.argv.includes('--again')
    ? (JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] }).rows
    : [];

const model = await openTokenModel('smollm2-135m', { progress });
const stream = await benchDictionaries(model, threads, progress);
const parts = process.argv.includes('--stream')
  ? []
  : await benchDictionaries(model, threads, progress, partsSet);
await measure('residual stream', stream, tasks);
const two = ['agreement-across-rc', 'agreement'];
await measure('residual stream, effects against the mean', stream, two, { baseline: 'mean' });
await measure('residual stream, by flow', stream, two, { select: 'flow' });
if (parts.length > 0)
  await measure('residual stream, attention and MLP', [...stream, ...parts], ['agreement']);

async function measure(
  set: string,
  dictionaries: readonly Dictionary[],
  names: readonly string[],
  options: Partial<CircuitOptions> = {},
): Promise<void> {
  for (const name of names) {
    if (known.some((row) => row.set === set && row.name === name) || done()) continue;
    measured++;
    const begun = performance.now();
    const found = await findCircuit(
      {
        model,
        task: builtInTask(name).make(model.tokenizer, examples),
        dictionaries,
        folder: mkdtempSync(join(tmpdir(), 'untangle-bench-')),
        threads,
        seed: 0,
        options: { edgeExamples: 2, ...options },
      },
      { progress },
    );
    const { nodes: _nodes, edges: _edges, ...figures } = found;
    known.push({ set, name, ...figures });
    process.stdout.write(
      `${set}, ${name}: faithfulness ${found.faithfulness.value.toFixed(2)} [${found.faithfulness.low.toFixed(2)}, ${found.faithfulness.high.toFixed(2)}], ${((performance.now() - begun) / 1000).toFixed(0)} s\n`,
    );
    saveResult('circuits-faithfulness', {
      what: 'held-out faithfulness of agreement circuits on SmolLM2-135M over size, with 95 % bootstrap intervals',
      command: 'npm run bench:circuits-faithfulness',
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      ...{ threads, examples, dictionaries: dictionarySettings },
      bar: 'faithfulness at least 0.5 with at most 200 nodes',
      rows: known,
    });
  }
}
