/** @file Learned motions: second derivatives beside differences, exact symplecticity, and energy kept better than by a plain network. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withTable } from '../../scripts/hnn-table.ts';
import { jvp } from '../../src/autodiff/jvp.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f64, type Tensor } from '../../src/core/tensor.ts';
import { stateOf } from '../../src/mechanics/build.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { gaussLegendre6 } from '../../src/mechanics/integrators/gauss-legendre.ts';
import { learnedSystem } from '../../src/networks/learned-system.ts';
import { openLearner } from '../../src/networks/learner.ts';
import {
  ENERGY,
  hamiltonianNetwork,
  type MotionNetwork,
  motionObjective,
  plainNetwork,
  STATE,
  symplecticNetwork,
} from '../../src/networks/motion.ts';
import { compareMotions } from '../../src/networks/motion-comparison.ts';
import { openMotion, trainMotion } from '../../src/networks/motion-model.ts';
import {
  energyErrors,
  springSetting,
  springTask,
  twoBodySetting,
  twoBodyTask,
} from '../../src/networks/motion-tasks.ts';
import { runOnce } from '../../src/runtime/session.ts';

const context = { progress: silent, threads: 1 };
const small = { dimension: 2, hidden: 12, seed: 5, dtype: 'float64' } as const;
const chance = random(8);
const draw = (...shape: number[]) =>
  f64(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => chance.normal()),
  );

/** The network with its weights moved away from where they start, so that nothing is 0. */
const moved = (network: MotionNetwork): MotionNetwork => {
  const weights = new Map(network.graph.weights);
  for (const name of network.parameters) {
    const { shape, data } = weights.get(name) as Tensor<'float64'>;
    weights.set(
      name,
      f64(
        shape,
        data.map((value) => value + 0.3 * chance.normal()),
      ),
    );
  }
  return { ...network, graph: { ...network.graph, weights } };
};

describe('a Hamiltonian network', () => {
  const network = moved(hamiltonianNetwork(small));
  const run = (state: Tensor) => runOnce(network.graph, { [STATE]: state }, context);
  test('moves along the symplectic gradient of its scalar, by central differences', async () => {
    const state = draw(1, 4);
    const { rates } = await run(state);
    const h = 1e-5;
    const slope = async (i: number) => {
      const at = async (by: number) => {
        const shifted = f64(
          [1, 4],
          state.data.map((value, k) => value + (k === i ? by : 0)),
        );
        return Number((await run(shifted))[ENERGY]!.data[0]);
      };
      return ((await at(h)) - (await at(-h))) / (2 * h);
    };
    const [q1, q2, p1, p2] = [await slope(0), await slope(1), await slope(2), await slope(3)];
    const expected = [p1, p2, -q1, -q2];
    expected.forEach((value, i) => {
      expect(Number(rates!.data[i])).toBeCloseTo(value, 8);
    });
  });
  test('learns by the gradient of a gradient, by central differences', async () => {
    for (const decay of [0, 0.3]) {
      const learner = await openLearner(motionObjective(network, decay), context);
      const batch = { [STATE]: draw(6, 4), target: draw(6, 4) };
      await learner.run(batch);
      const direction = Float64Array.from(learner.gradient, () => chance.normal());
      const slope = direction.reduce((sum, d, i) => sum + d * learner.gradient[i]!, 0);
      const start = Float64Array.from(learner.vector);
      const at = async (h: number) => {
        learner.vector.set(start.map((w, i) => w + h * direction[i]!));
        return learner.loss(batch);
      };
      const h = 1e-5;
      expect(((await at(h)) - (await at(-h))) / (2 * h) / slope).toBeCloseTo(1, 7);
      await learner.close();
    }
  });
  test('keeps what it has learned as energy, to the order of the integration', async () => {
    const model = await openMotion(network, context);
    const starts = draw(3, 4);
    const path = await model.trajectories(starts.data, { step: 0.1, steps: 30, parts: 10 });
    await model.close();
    const energies = async (states: Float64Array) => (await run(f64([3, 4], states)))[ENERGY]!.data;
    const [first, last] = [await energies(path[0]!), await energies(path.at(-1)!)];
    expect(path).toHaveLength(31);
    expect(path.at(-1)).not.toEqual(path[0]);
    last.forEach((energy, i) => {
      expect(Number(energy)).toBeCloseTo(Number(first[i]), 7);
    });
  });
});

describe('a learned Hamiltonian as a mechanical system', () => {
  test('has the energy and the rates of its network, and keeps its energy under a symplectic integrator', async () => {
    const network = moved(hamiltonianNetwork(small));
    const system = learnedSystem(network);
    const state = draw(1, 4);
    const { rates, [ENERGY]: energy } = await runOnce(network.graph, { [STATE]: state }, context);
    const [q, p] = [state.data.slice(0, 2), state.data.slice(2)];
    const [dq, dp] = [new Float64Array(2), new Float64Array(2)];
    system.rates(q, p, dq, dp);
    expect(system.energy(q, p)).toBeCloseTo(Number(energy!.data[0]), 12);
    [...dq, ...dp].forEach((rate, i) => {
      expect(rate).toBeCloseTo(Number(rates!.data[i]), 12);
    });
    const run = integrate(system, gaussLegendre6, stateOf(q, p), { step: 0.1, steps: 50 });
    const drift = run.energies.map((value) => Math.abs(value - run.energies[0]!));
    expect(Math.max(...drift)).toBeLessThan(1e-7);
  });
  test('a network of another kind has none', () => {
    expect(() => learnedSystem(plainNetwork(small))).toThrowError(
      expect.objectContaining({ code: 'network.no-hamiltonian' }),
    );
  });
});

describe('a symplectic network', () => {
  test('conserves Ω exactly, whatever its weights: ‖DΦᵀΩDΦ − Ω‖ ≤ 1e-13', async () => {
    for (const dimension of [1, 2, 4]) {
      const { graph } = moved(symplecticNetwork({ ...small, dimension, layers: 5 }));
      const n = 2 * dimension;
      // One state n times, with the n unit vectors as tangents: row j is column j of the Jacobian.
      const state = draw(n);
      const feeds = {
        [STATE]: f64(
          [n, n],
          Array.from({ length: n * n }, (_, i) => state.data[i % n]!),
        ),
        [`tangent:${STATE}`]: f64(
          [n, n],
          Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)),
        ),
      };
      const out = await runOnce(jvp(graph, { of: ['next'], wrt: [STATE] }), feeds, context);
      const D = out['tangent:next']!.data as Float64Array;
      const omega = (i: number, j: number) => Number(j === i + dimension) - Number(i === j + dimension);
      let worst = 0;
      let far = 0;
      for (let a = 0; a < n; a++)
        for (let b = 0; b < n; b++) {
          let sum = 0;
          for (let i = 0; i < n; i++)
            for (let j = 0; j < n; j++) sum += D[a * n + i]! * omega(i, j) * D[b * n + j]!;
          worst = Math.max(worst, Math.abs(sum - omega(a, b)));
          far = Math.max(far, Math.abs(D[a * n + b]! - Number(a === b)));
        }
      expect(far).toBeGreaterThan(0.01);
      expect(worst).toBeLessThan(1e-13);
    }
  });
  test('leaves every state where it is before it has learned', async () => {
    const model = await openMotion(symplecticNetwork(small), context);
    const { data } = draw(3, 4);
    expect(await model.output(data)).toEqual(data);
    await model.close();
  });
});

describe('the tasks', () => {
  test('the spring: true rates, samples that lie on circles, starts of the published kind', () => {
    const task = springTask({ ...springSetting, noise: 0, seed: 3 });
    const { states, targets } = task.rates;
    expect(states).toHaveLength(25 * 30 * 2);
    for (let i = 0; i < states.length; i += 2) {
      expect(targets[i]).toBeCloseTo(2 * states[i + 1]!, 12);
      expect(targets[i + 1]).toBeCloseTo(-2 * states[i]!, 12);
      const first = states.subarray(60 * Math.floor(i / 60));
      expect(task.energy(states.subarray(i, i + 2))).toBeCloseTo(task.energy(first), 9);
    }
    expect([...task.starts].every((x) => Math.abs(x) >= 0.2 && Math.abs(x) <= 1)).toBe(true);
    expect(task.times[0]).toBeCloseTo(23.762, 3);
    // exp(2Jh) turns the circle: the pairs of `next` are one sample apart.
    const [q, p] = task.next.states;
    expect(task.next.targets[0]).toBeCloseTo(q! * Math.cos(2 * task.step) + p! * Math.sin(2 * task.step), 9);
  });
  test('two bodies: energy and momentum are those of the system', () => {
    const task = twoBodyTask({ ...twoBodySetting, trajectories: 2, seed: 3 });
    const { states, targets } = task.rates;
    expect(task.dimension).toBe(4);
    for (let i = 0; i < states.length; i += 8) {
      const [x1, y1, x2, y2, u1, v1, u2, v2] = states.subarray(i, i + 8);
      const r = Math.hypot(x1! - x2!, y1! - y2!);
      const energy = (u1! ** 2 + v1! ** 2 + u2! ** 2 + v2! ** 2) / 2 - 1 / r;
      expect(task.energy(states.subarray(i, i + 8))).toBeCloseTo(energy, 12);
      expect(targets[i]).toBe(u1);
      expect(targets[i + 4]).toBeCloseTo((x2! - x1!) / r ** 3, 12);
      expect(u1! + u2!).toBeCloseTo(0, 9);
    }
  });
  test('the error of the energy is 0 along the true motion', () => {
    const task = springTask({ ...springSetting, seed: 1 });
    const turned = (t: number) =>
      Float64Array.from(task.starts, (x, i) => {
        const other = task.starts[i ^ 1]!;
        return x * Math.cos(2 * t) + (i % 2 === 0 ? other : -other) * Math.sin(2 * t);
      });
    const path = Array.from({ length: 900 }, (_, k) => turned(k * task.step));
    expect(Math.max(...energyErrors(task, path))).toBeLessThan(1e-24);
    expect(
      Math.min(
        ...energyErrors(
          task,
          path.map((states) => states.map((x) => 1.1 * x)),
        ),
      ),
    ).toBeGreaterThan(1e-4);
  });
});

describe('learning a motion', () => {
  test('a Hamiltonian network keeps the energy of a spring better than a plain one', async () => {
    const task = springTask({ ...springSetting, seed: 0 });
    const { plain, hamiltonian, ratio } = await compareMotions(
      task,
      { seed: 0, steps: 300, hidden: 64, decay: 1e-4 },
      context,
    );
    expect(ratio).toBeCloseTo(plain.mean / hamiltonian.mean, 12);
    expect(hamiltonian.mean).toBeLessThan(0.01);
    expect(ratio).toBeGreaterThan(3);
  });
  test('a network without noise learns the true rates', async () => {
    const task = springTask({ ...springSetting, noise: 0, seed: 2 });
    const network = plainNetwork({ dimension: 1, hidden: 32, seed: 2 });
    const learned = await trainMotion(
      network,
      task.rates,
      { steps: 400, seed: 2, learningRate: 5e-3 },
      context,
    );
    const model = await openMotion(learned, context);
    const [q, p] = await model.output(Float64Array.of(0.3, -0.4));
    await model.close();
    expect(Math.hypot(q! + 0.8, p! + 0.6)).toBeLessThan(0.05);
  });
});

test('the table in docs/networks.md is that of the committed results, with ratios above the bar', () => {
  const page = readFileSync('docs/networks.md', 'utf8');
  expect(withTable(page)).toBe(page);
  const { results } = JSON.parse(readFileSync('bench/results/hnn.json', 'utf8')) as {
    results: { task: string; medianRatio: number; seeds: unknown[] }[];
  };
  for (const { task, medianRatio, seeds } of results.filter(({ task }) => !task.includes('constant'))) {
    expect([task, seeds.length]).toEqual([task, 5]);
    expect(medianRatio).toBeGreaterThanOrEqual(100);
  }
});
