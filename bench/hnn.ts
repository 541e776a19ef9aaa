/**
 * @file Learned motions on the two tasks of Greydanus et al. 2019, five seeds each: plain and Hamiltonian networks of 200
 * tanh units in two layers as published, a symplectic network beside them. `npm run bench:hnn` prints the figures and writes
 * bench/results/hnn.json after every seed; seeds that are there already are kept unless `--again` is given. The name of a
 * task runs that one alone.
 */
import { existsSync, readFileSync } from 'node:fs';
import { quantile } from '../src/core/statistics.ts';
import { compareMotions, type MotionComparison } from '../src/networks/motion-comparison.ts';
import { springSetting, springTask, twoBodySetting, twoBodyTask } from '../src/networks/motion-tasks.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

/** Energy errors of arXiv:1906.01563, table 1. */
const published = {
  spring: { plain: 1.7e-1, hamiltonian: 3.8e-4, ratio: 447 },
  twoBody: { plain: 6.3e-2, hamiltonian: 3.9e-5, ratio: 1615 },
};

/**
 * Settings as in the paper's own code, but for the rate of the two-body task: at a constant rate the noise of the last
 * steps decides how well a Hamiltonian network does, so there the rate falls along a cosine, and fewer steps are enough.
 * The constant rate stands beside it.
 */
const tasks = {
  spring: {
    make: (seed: number) => springTask({ ...springSetting, seed }),
    setting: springSetting,
    training: { steps: 2000, decay: 1e-4 },
    published: published.spring,
    seeds: 5,
  },
  'two-body': {
    make: (seed: number) => twoBodyTask({ ...twoBodySetting, seed }),
    setting: twoBodySetting,
    training: { steps: 3000, batch: 200, schedule: { rate: 2e-3, warmUp: 100, floor: 0.01 } },
    published: published.twoBody,
    seeds: 5,
  },
  'two-body, constant rate': {
    make: (seed: number) => twoBodyTask({ ...twoBodySetting, seed }),
    setting: twoBodySetting,
    training: { steps: 10_000, batch: 200 },
    published: published.twoBody,
    seeds: 5,
  },
} as const;

const BAR = 100;
const file = 'bench/results/hnn.json';
const threads = 1;

interface Outcome {
  readonly seconds: number;
  readonly comparison: MotionComparison;
}
type Outcomes = Record<string, Outcome[]>;

const wanted = Object.keys(tasks).filter((name) => process.argv.includes(name));
const known = process.argv.includes('--again') ? {} : kept();
for (const [name, { make, training, seeds }] of Object.entries(tasks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const outcomes = known[name] ?? [];
  known[name] = outcomes;
  for (let seed = outcomes.length; seed < seeds; seed++) {
    const begun = performance.now();
    const comparison = await compareMotions(
      make(seed),
      { seed, ...training },
      { threads, progress: () => {} },
    );
    outcomes.push({ seconds: Math.round((performance.now() - begun) / 1000), comparison });
    write(name, outcomes);
    process.stdout.write(`${name}, seed ${seed}: ${JSON.stringify(comparison)}\n`);
  }
}
for (const [name, outcomes] of Object.entries(known))
  process.stdout.write(`${name}: median ratio ${median(outcomes, (c) => c.ratio)} (bar ${BAR})\n`);

function median(outcomes: readonly Outcome[], of: (comparison: MotionComparison) => number): number {
  return quantile(
    outcomes.map(({ comparison }) => of(comparison)),
    0.5,
  );
}

/** Seeds that are in the result file. */
function kept(): Outcomes {
  if (!existsSync(file)) return {};
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as {
    results: { task: string; seeds: Outcome[] }[];
  };
  return Object.fromEntries(results.map(({ task, seeds }) => [task, seeds]));
}

function write(task: string, outcomes: Outcome[]): void {
  const all = { ...kept(), [task]: outcomes };
  const results = Object.entries(tasks).map(([task, { setting, training, published: paper }]) => {
    const seeds = all[task] ?? [];
    if (seeds.length === 0) return { task, seeds };
    return {
      ...{ task, setting, training, published: paper },
      medianRatio: median(seeds, (c) => c.ratio),
      medianRatioOfMedians: median(seeds, (c) => c.medianRatio),
      ...{ bar: BAR, seeds },
    };
  });
  const result = {
    what: 'energy error of a plain network over that of a Hamiltonian one, after Greydanus et al. 2019',
    command: 'npm run bench:hnn',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    threads,
    results,
  };
  saveResult('hnn', result);
}
