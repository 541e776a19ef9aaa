/**
 * @file Integrators side by side with SciPy and diffrax at equal error: a pendulum, and 100 bodies.
 *
 *   npm run bench:mechanics [-- --json] [--rounds 5] [--seconds 0.3] [--save]
 *
 * Each side first looks for its fastest method and setting whose last state lies within the tolerated error of a
 * reference. Then, in every round, each side solves the problem with that choice, one side after the other. A ratio is
 * the median over rounds of the other's seconds to ours. The reference is SciPy's DOP853 at 1e-13.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { random } from '../../src/core/random.ts';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { type Contestant, contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { resultText, saveResult } from '../results.ts';
import { type Answer, type Command, type Problem, type Side, sides } from './settings.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.3' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const tell = (text: string) => console.error(text);
const median = (numbers: readonly number[]) => quantile([...numbers], 0.5);
const round = (value: number) => Number(value.toPrecision(4));
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');
const python = peersPython({ requirements, venv: '.venv-mechanics', variable: 'UNTANGLE_MECHANICS_PYTHON' });

const bodies = 100;
const r = random(7);
const normals = (n: number, scale: number) => Array.from({ length: n }, () => scale * r.normal());
const cases: readonly { readonly problem: Problem; readonly error: number }[] = [
  { problem: { name: 'pendulum', q: [1], p: [0.5], end: 200 }, error: 1e-6 },
  { problem: { name: 'pendulum', q: [1], p: [0.5], end: 200 }, error: 1e-9 },
  {
    problem: {
      name: 'bodies',
      q: normals(3 * bodies, 1),
      p: normals(3 * bodies, 0.5 / bodies),
      mass: Array.from({ length: bodies }, () => 1 / bodies),
      softening: 0.05,
      end: 1,
    },
    error: 1e-7,
  },
];

type Peer = Contestant<Command, Answer>;
const contestants: Record<string, Peer> = {
  untangle: oursFrom(beside('ours.ts')),
  scipy: contestant('scipy', python, [beside('peer.py'), 'scipy']),
  diffrax: contestant('diffrax', python, [beside('peer.py'), 'diffrax']),
};

/** Largest difference of a coordinate at the end. */
const distance = (a: Answer, b: Answer) =>
  Math.max(...a.q.map((x, i) => Math.abs(x - b.q[i]!)), ...a.p.map((x, i) => Math.abs(x - b.p[i]!)));

interface Choice {
  readonly method: string;
  readonly setting: number;
  readonly seconds: number;
  readonly steps: number;
  readonly error: number;
}

/** The fastest method of a side within the error: per method the first setting, from loose to tight, that is. */
async function choose(side: Side, peer: Peer, reference: Answer, error: number): Promise<Choice> {
  let best: Choice | undefined;
  for (const [method, settings] of Object.entries(side.methods)) {
    for (const setting of settings) {
      const answer = await peer.ask({ solve: { method, setting, seconds: 0 } });
      const off = distance(answer, reference);
      if (!(off <= error)) continue;
      const timed = await peer.ask({ solve: { method, setting, seconds } });
      if (!best || timed.seconds < best.seconds) {
        best = { method, setting, seconds: timed.seconds, steps: timed.steps, error: off };
      }
      break;
    }
  }
  if (!best) throw new Error(`${side.name} did not reach an error of ${error}`);
  return best;
}

const rows = [];
for (const { problem, error } of cases) {
  for (const peer of Object.values(contestants)) await peer.ask({ problem });
  const reference = await contestants.scipy!.ask({ solve: { method: 'DOP853', setting: 1e-13, seconds: 0 } });
  const chosen: Record<string, Choice> = {};
  for (const side of sides[problem.name]) {
    chosen[side.name] = await choose(side, contestants[side.name]!, reference, error);
    tell(`${problem.name} within ${error}: ${side.name} takes ${JSON.stringify(chosen[side.name])}`);
  }
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(chosen).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) {
    for (const [name, { method, setting }] of Object.entries(chosen)) {
      const answer = await contestants[name]!.ask({ solve: { method, setting, seconds } });
      times[name]!.push(answer.seconds);
    }
  }
  const ratio = (name: string) => round(median(times[name]!.map((t, i) => t / times.untangle![i]!)));
  rows.push({
    problem: problem.name,
    degreesOfFreedom: problem.q.length,
    end: problem.end,
    error,
    faster: { thanSciPy: ratio('scipy'), thanDiffrax: ratio('diffrax') },
    sides: Object.entries(chosen).map(([name, { method, setting, steps, error: reached }]) => ({
      name,
      method,
      setting,
      steps,
      reached: round(reached),
      milliseconds: round(1000 * median(times[name]!)),
      stepsPerSecond: Math.round(steps / median(times[name]!)),
      timeUnitsPerSecond: Math.round(problem.end / median(times[name]!)),
    })),
  });
  tell(JSON.stringify(rows.at(-1)));
}
for (const peer of Object.values(contestants)) peer.end();

const report = {
  what: 'Seconds to the same error: ours, SciPy, diffrax compiled for the processor; ratios are medians over rounds',
  command: `npm run bench:mechanics -- --rounds ${rounds} --seconds ${seconds}`,
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  versions: peerVersions(python, requirements),
  rows,
};
if (values.save) saveResult('mechanics', report);
if (values.json) process.stdout.write(resultText(report));
else {
  for (const row of rows) {
    process.stdout.write(
      `${row.problem}, error ${row.error}: ${row.faster.thanSciPy} times as fast as SciPy, ${row.faster.thanDiffrax} as diffrax\n`,
    );
  }
}
