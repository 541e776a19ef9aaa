/**
 * @file Toy models of superposition side by side with a batched PyTorch loop: 20 features in 5 neurons, 50 instances.
 *
 *   npm run bench:superposition [-- --json] [--rounds 5] [--steps 400] [--long 1000] [--save]
 *
 * In every round each side trains for `steps` steps of equal batches, one side after the other; ours begins anew each time
 * and starts its threads within the time. A ratio is the median over rounds. Then each side trains for `long` steps from
 * new weights. Equal loss is 1 % above the larger of the two losses at the end (one per cent is what sets of 50 seeds differ
 * by); the time to it is that of the first 25 steps whose mean is not above it, and of our closed-form gradients.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { type Answer, type Command, PIECE, settings } from './settings.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '400' },
    long: { type: 'string', default: '1000' },
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
// Warm up.
await peer.ask({ train: 100 });

const perStep = settings.instances * settings.batch;
const results = [];
for (let i = 0; i < rounds; i++) {
  const own = await us.ask({ train: steps });
  const other = await peer.ask({ train: steps });
  results.push({
    samplesPerSecond: {
      untangle: Math.round((steps * perStep) / own.seconds!),
      pytorch: Math.round((steps * perStep) / other.seconds!),
    },
    ratio: round(other.seconds! / own.seconds!),
  });
  console.error(`round ${i + 1}: ${JSON.stringify(results.at(-1))}`);
}
await peer.ask({ setup: settings });
const [own, other] = [await us.ask({ train: long }), await peer.ask({ train: long })];
const target = 1.01 * Math.max(own.curve!.at(-1)!, other.curve!.at(-1)!);
const closed = await us.ask({ reach: target });
/** Steps and seconds until a curve is not above the target. */
const reached = ({ curve, seconds }: Answer) => {
  const steps = PIECE * (curve!.findIndex((loss) => loss <= target) + 1);
  return { seconds: round((seconds! * steps) / long), steps, lossAtTheEnd: round(curve!.at(-1)!) };
};
const samples = reached(own);
const pytorch = reached(other);
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
    ...{ loss: round(target), pytorch, samples },
    closedForm: { seconds: round(closed.seconds!), steps: closed.steps, threads: 1 },
    ratio: {
      samples: round(pytorch.seconds / samples.seconds),
      closedForm: round(pytorch.seconds / closed.seconds!),
    },
  },
  rounds: results,
};
if (values.save) saveResult('superposition', report);
if (values.json) process.stdout.write(resultText(report));
else
  process.stdout.write(
    `toy models: ${report.ratio} times PyTorch's samples a second; to loss ${report.equalLoss.loss}: PyTorch ` +
      `${pytorch.seconds} s, samples ${samples.seconds} s, closed form ${closed.seconds} s in ${closed.steps} steps\n`,
  );
