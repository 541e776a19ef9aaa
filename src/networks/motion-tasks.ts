/** @file The spring and the two-body task of Greydanus et al. 2019 (arXiv:1906.01563, §3 and §4): samples, starts, true energy. */
import { type Random, random } from '../core/random.ts';
import { stateOf } from '../mechanics/build.ts';
import { integrate, sampleAt } from '../mechanics/integrate.ts';
import { yoshida8 } from '../mechanics/integrators/yoshida.ts';
import { nBody } from '../mechanics/systems/n-body.ts';
import { harmonicOscillator } from '../mechanics/systems/oscillator.ts';
import type { Separable, State } from '../mechanics/types.ts';
import type { MotionSamples } from './motion-model.ts';

/** Trajectories of a system to learn from, and what a learned motion is judged on. */
export interface MotionTask {
  readonly name: string;
  /** Positions (and as many momenta) of a state. */
  readonly dimension: number;
  /** Noisy states with the true rates of change. */
  readonly rates: MotionSamples;
  /** States with those `step` later, for networks that say the next state. */
  readonly next: MotionSamples;
  /** Time between samples of a trajectory. */
  readonly step: number;
  /** States [starts, 2n] to set out from, none of them on a trajectory that is learned from. */
  readonly starts: Float64Array;
  /** How long the learned motion runs from each start. */
  readonly times: readonly number[];
  /** True energy of a state. */
  energy(state: Float64Array): number;
}

export interface MotionTaskOptions {
  readonly trajectories: number;
  readonly samples: number;
  /** Length of a trajectory in time. */
  readonly time: number;
  /** Standard deviation of the noise on states; rates have none. */
  readonly noise: number;
  readonly starts: number;
  readonly seed: number;
}

/** 25 trajectories of 30 states over 3 units of time with noise 0.1, and 15 starts, as published. */
export const springSetting = { trajectories: 25, samples: 30, time: 3, noise: 0.1, starts: 15 } as const;
/** 800 near-circular orbits of 50 states over 20 units of time without noise, and 15 starts, as published. */
export const twoBodySetting = { trajectories: 800, samples: 50, time: 20, noise: 0, starts: 15 } as const;

/**
 * H = q² + p². Learned from at radii from 0.1 to 1; judged from starts with |q| and |p| from 0.2 to 1, a third of them
 * farther out than anything that was learned from, over times that grow from start to start: 20·1.09^(k+2), since the
 * published notebook (analyze-spring.ipynb) lengthens its 20 units of time in place by 9 % whenever it integrates.
 */
export function springTask(options: MotionTaskOptions): MotionTask {
  const system = harmonicOscillator({ mass: 1 / 2, stiffness: 2 });
  return motionTask('spring', system, options, {
    coordinates: [0],
    draw(chance) {
      const [x, y] = [chance.normal(), chance.normal()];
      const scale = (0.1 + 0.9 * chance.uniform()) / Math.hypot(x, y);
      return stateOf([scale * x], [scale * y]);
    },
    drawStart(chance) {
      const part = () => Math.sign(chance.uniform() - 0.5) * (0.2 + 0.8 * chance.uniform());
      return stateOf([part()], [part()]);
    },
    time: (k) => 20 * 1.09 ** (k + 2),
  });
}

/**
 * Two unit masses under gravity in a plane, on orbits around their common centre that a change of speed of 5 % (one
 * standard deviation) makes slightly elliptical. State: x, y of the first body, of the second, then the momenta. Judged
 * over 25 units of time.
 */
export function twoBodyTask(options: MotionTaskOptions): MotionTask {
  const draw = (chance: Random) => {
    const [x, y] = [0.5 + chance.uniform(), 0.5 + chance.uniform()];
    const speed = (1 + 0.05 * chance.normal()) / (2 * Math.hypot(x, y) ** 1.5);
    const [u, v] = [-y * speed, x * speed];
    return stateOf([x, y, 0, -x, -y, 0], [u, v, 0, -u, -v, 0]);
  };
  const coordinates = [0, 1, 3, 4];
  const system = nBody({ masses: [1, 1] });
  return motionTask('two-body', system, options, { coordinates, draw, drawStart: draw, time: () => 25 });
}

/** Which coordinates of the system the task shows, how starts are drawn, and how long it is judged. */
interface Drawing {
  readonly coordinates: readonly number[];
  /** Start of a trajectory to learn from. */
  readonly draw: (chance: Random) => State;
  /** Start of a trajectory to be judged on. */
  readonly drawStart: (chance: Random) => State;
  /** How long start k is run. */
  readonly time: (k: number) => number;
}

/** Longest step of the reference integration (order 8): its error is far below any network's. */
const FINE = 0.05;

function motionTask(
  name: string,
  system: Separable,
  { trajectories, samples, time, noise, starts, seed }: MotionTaskOptions,
  { coordinates, draw, drawStart, time: judged }: Drawing,
): MotionTask {
  const n = coordinates.length;
  const step = time / (samples - 1);
  const parts = Math.ceil(step / FINE);
  const chance = random(seed).fork(name);
  const flatten = (q: Float64Array, p: Float64Array) =>
    coordinates.map((i) => q[i]!).concat(coordinates.map((i) => p[i]!));
  const [states, rates, before, after]: [number[], number[], number[], number[]] = [[], [], [], []];
  const [dq, dp] = [new Float64Array(system.dimension), new Float64Array(system.dimension)];
  for (let k = 0; k < trajectories; k++) {
    const run = integrate(system, yoshida8, draw(chance), {
      step: step / parts,
      steps: parts * (samples - 1),
      every: parts,
    });
    let last: number[] | undefined;
    for (let s = 0; s < samples; s++) {
      const { q, p } = sampleAt(run, s);
      const noisy = flatten(q, p).map((value) => value + noise * chance.normal());
      system.rates(q, p, dq, dp);
      states.push(...noisy);
      rates.push(...flatten(dq, dp));
      if (last) {
        before.push(...last);
        after.push(...noisy);
      }
      last = noisy;
    }
  }
  const away = chance.fork('starts');
  const first = Array.from({ length: starts }, () => {
    const { q, p } = drawStart(away);
    return flatten(q, p);
  });
  const [fullQ, fullP] = [new Float64Array(system.dimension), new Float64Array(system.dimension)];
  return {
    name,
    dimension: n,
    step,
    rates: { states: Float64Array.from(states), targets: Float64Array.from(rates) },
    next: { states: Float64Array.from(before), targets: Float64Array.from(after) },
    starts: Float64Array.from(first.flat()),
    times: Array.from({ length: starts }, (_, k) => judged(k)),
    energy(state) {
      coordinates.forEach((i, k) => {
        fullQ[i] = state[k]!;
        fullP[i] = state[n + k]!;
      });
      return system.energy(fullQ, fullP);
    },
  };
}

/**
 * For each trajectory the mean over time of (H(x̂) − H(x₀))²: the true motion keeps the energy of its start, so this is
 * the mean squared error of the energy along the learned motion.
 */
export function energyErrors(task: MotionTask, path: readonly Float64Array[]): Float64Array {
  const width = 2 * task.dimension;
  const row = (states: Float64Array, r: number) => states.subarray(r * width, (r + 1) * width);
  return Float64Array.from({ length: task.starts.length / width }, (_, r) => {
    const before = task.energy(row(task.starts, r));
    const own = path.slice(0, 1 + Math.round(task.times[r]! / task.step));
    return own.reduce((sum, states) => sum + (task.energy(row(states, r)) - before) ** 2, 0) / own.length;
  });
}
