/**
 * @file Toy models of superposition side by side with a batched PyTorch loop: 20 features in 5 neurons, 50 instances.
 *
 *   npm run bench:superposition [-- --json] [--rounds 5] [--steps 200] [--long 2000] [--save]
 *
 * In every round each side trains for `steps` steps of equal batches, one side after the other; ours begins anew each time
 * and starts its threads within the time. A ratio is the median over rounds. Then PyTorch trains for `long` steps in all,
 * and our closed-form gradients run until their mean loss is that of PyTorch's last hundred steps.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { type Answer, type Command, settings } from './settings.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '200' },
    long: { type: 'string', default: '2000' },
  },
});
const [rounds, steps, long] = [Number(values.rounds), Number(values.steps), Number(values.long)];
const median = (numbers: number[]) => quantile(numbers, 0.5);
const round = (value: number) => Number(value.toPrecision(4));
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');

await buildKernels();
const python = peersPython({ requirements, venv: '.venv-toys', variable: 'UNTANGLE_PEERS_PYTHON' });
const us = oursFrom<Command, Answer>(beside('ours.ts'));
const peer = contestant<Command, Answer>('pytorch', python, [beside('peer.py')]);
for (const side of [us, peer]) await side.ask({ setup: settings });

const samples = settings.instances * settings.batch;
const results = [];
let peerSeconds = 0;
let peerLoss = 0;
for (let i = 0; i < rounds; i++) {
  const own = await us.ask({ train: steps });
  const other = await peer.ask({ train: steps });
  peerSeconds += other.seconds!;
  peerLoss = other.loss!;
  results.push({
    samplesPerSecond: {
      untangle: Math.round((steps * samples) / own.seconds!),
      pytorch: Math.round((steps * samples) / other.seconds!),
    },
    ratio: round(other.seconds! / own.seconds!),
  });
  console.error(`round ${i + 1}: ${JSON.stringify(results.at(-1))}`);
}
const rest = long - rounds * steps;
if (rest > 0) {
  const { seconds, loss } = await peer.ask({ train: rest });
  peerSeconds += seconds!;
  peerLoss = loss!;
}
const own = await us.ask({ train: Math.max(long, rounds * steps) });
const closed = await us.ask({ reach: peerLoss });
for (const side of [us, peer]) side.end();

const report = {
  what: 'Training of toy models of superposition against a batched PyTorch loop, interleaved, equal samples; ratio: median over rounds',
  command: `npm run bench:superposition -- --rounds ${rounds} --steps ${steps} --long ${long}`,
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  versions: peerVersions(python, requirements),
  settings,
  ratio: median(results.map(({ ratio }) => ratio)),
  samplesPerSecond: {
    untangle: median(results.map((r) => r.samplesPerSecond.untangle)),
    pytorch: median(results.map((r) => r.samplesPerSecond.pytorch)),
  },
  equalLoss: {
    loss: round(peerLoss),
    pytorch: { seconds: round(peerSeconds), steps: Math.max(long, rounds * steps) },
    samples: { seconds: round(own.seconds!), steps: own.steps, loss: round(own.loss!) },
    closedForm: {
      seconds: round(closed.seconds!),
      steps: closed.steps,
      loss: round(closed.loss!),
      threads: 1,
    },
    ratio: round(peerSeconds / closed.seconds!),
  },
  rounds: results,
};
if (values.save) saveResult('superposition', report);
if (values.json) process.stdout.write(resultText(report));
else
  process.stdout.write(
    `toy models: ${report.ratio} times PyTorch's samples a second; to loss ${report.equalLoss.loss}: PyTorch ` +
      `${report.equalLoss.pytorch.seconds} s, closed form ${report.equalLoss.closedForm.seconds} s in ${closed.steps} steps\n`,
  );
