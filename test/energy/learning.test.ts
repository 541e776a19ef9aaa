/** @file The learning clock's promises: T, V and H of training, charges and what breaks them, barriers of known height. */
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { f64 } from '../../src/core/tensor.ts';
import { separationBarrier } from '../../src/energy/learning/barrier.ts';
import { conservationBroken, decayed, gradientFlow } from '../../src/energy/learning/breaking.ts';
import { largestCosine, type MergedSet } from '../../src/energy/learning/merged.ts';
import { separationRun } from '../../src/energy/learning/separation-run.ts';
import {
  chargeOf,
  chargeRate,
  chargesAlong,
  flowQuantity,
  generator,
  type Symmetry,
  symmetryDefect,
} from '../../src/energy/learning/symmetry.ts';
import { landscapeSystem, learnerSystem, trainingEnergy } from '../../src/energy/learning/training.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { stateOf } from '../../src/mechanics/build.ts';
import { chargeDrift, noetherCharge } from '../../src/mechanics/diagnostics/noether.ts';
import { dot, real } from '../../src/mechanics/differentiate.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { leapfrogKDK } from '../../src/mechanics/integrators/leapfrog.ts';
import { type Landscape, landscape, particle } from '../../src/mechanics/landscape.ts';
import { conformalLeapfrog } from '../../src/mechanics/optimisers/conformal-leapfrog.ts';
import { heavyBall } from '../../src/mechanics/optimisers/heavy-ball.ts';
import { sgd } from '../../src/mechanics/optimisers/sgd.ts';
import { openLearner } from '../../src/networks/learner.ts';
import { basinPath, fiveInTwo } from '../../src/superposition/basins.ts';
import { toyLandscape } from '../../src/superposition/landscape.ts';
import { sparseCodeLandscape } from '../../src/superposition/sparse-code.ts';
import { toyTask } from '../../src/superposition/task.ts';

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const normals = (seed: number, length: number, size = 1) => {
  const stream = random(seed);
  return Float64Array.from({ length }, () => size * stream.normal());
};

/** V = ½ Σ k_i x_i². */
const springs = landscape('springs', 3, (o, x) =>
  [1, 2.5, 0.4].map((k, i) => o.mul(k / 2, o.mul(x[i]!, x[i]!))).reduce((sum, term) => o.add(sum, term)),
);

describe('T, V and H of a training run', () => {
  const start = [1, -0.5, 2];

  test('without friction H stays, up to the square of the step', async () => {
    const largest = async (step: number) => {
      const run = await trainingEnergy(
        landscapeSystem(springs),
        conformalLeapfrog({ step, friction: 0 }),
        start,
        { steps: 10 / step, time: step },
      );
      expect(run).toMatchObject({ clock: 'learning', potentialOf: 'full batch', kineticOf: 'momentum' });
      return Math.max(...run.energies.map((H) => Math.abs(H - run.energies[0]!)));
    };
    const [coarse, fine] = [await largest(0.1), await largest(0.05)];
    expect(coarse).toBeLessThan(0.01);
    expect(coarse / fine).toBeGreaterThan(3.5);
    expect(coarse / fine).toBeLessThan(4.5);
  });

  test('friction takes 2γ∫T dt, and nothing else goes missing', async () => {
    const missing = async (step: number) => {
      const run = await trainingEnergy(
        landscapeSystem(springs),
        conformalLeapfrog({ step, friction: 0.3 }),
        start,
        { steps: 8 / step, time: step, friction: 0.3 },
      );
      const [first, last] = [run.energies[0]!, run.energies.at(-1)!];
      expect(last).toBeLessThan(0.3 * first);
      return Math.max(...run.energies.map((H, k) => Math.abs(H + run.dissipated_K![k]! - first)));
    };
    const [coarse, fine] = [await missing(0.1), await missing(0.05)];
    expect(coarse).toBeLessThan(0.02);
    expect(coarse / fine).toBeGreaterThan(3);
  });

  test('gradient descent has no momentum: T is what the step moved, m|Δθ/h|²/2', async () => {
    const run = await trainingEnergy(landscapeSystem(springs), sgd({ learningRate: 0.1 }), start, {
      steps: 4,
      time: 0.5,
      mass: 3,
    });
    expect(run.kineticOf).toBe('displacement');
    const moved = [1, -0.5 * 2.5, 2 * 0.4].map((g) => (0.1 * g) / 0.5);
    expect(run.kinetic_K[0]).toBeCloseTo((3 * moved.reduce((s, v) => s + v * v, 0)) / 2, 12);
    expect(run.p_KN[0]).toBeCloseTo(-3 * moved[0]!, 12);
  });

  /** Least squares y = xW with W [2, 1], through the graph engine. */
  const objective = () => {
    const b = graphBuilder();
    const x = b.input('x', 'float64', ['batch', 2]);
    const y = b.input('y', 'float64', ['batch', 1]);
    const W = b.weight('W', f64([2, 1], [0.5, -1]));
    const error = b.op('Sub', [b.op('MatMul', [x, W]), y]);
    const all = b.op('ReduceMean', [b.op('Mul', [error, error])], { keepdims: { int: 0 } }, 'loss');
    return { graph: b.finish([all]), loss: 'loss', parameters: ['W'] };
  };
  const batchOf = (seed: number) => ({
    x: f64([4, 2], [...normals(seed, 8)]),
    y: f64([4, 1], [...normals(seed + 100, 4)]),
  });
  const lossOf = (seed: number, W: ArrayLike<number>) => {
    const { x, y } = batchOf(seed);
    return range(0, 4).reduce(
      (sum, row) => sum + (x.data[2 * row]! * W[0]! + x.data[2 * row + 1]! * W[1]! - y.data[row]!) ** 2 / 4,
      0,
    );
  };

  test('with batches V is the loss on a fixed batch that no step learns from; on the full batch it is the loss', async () => {
    const learner = await openLearner(objective(), { threads: 1 });
    try {
      const some = learnerSystem('squares', learner, {
        batch: (step) => batchOf(step),
        evaluation: [batchOf(50)],
      });
      const optimiser = () => heavyBall({ step: 0.1, friction: 1 });
      const run = await trainingEnergy(some, optimiser(), [0.5, -1], { steps: 6, every: 2, time: 0.1 });
      expect(run.potentialOf).toBe('evaluation batch');
      expect([...run.times]).toEqual([0, 0.2, 0.4, 0.6000000000000001]);
      run.times.forEach((_, k) => {
        const W = run.q_KN.subarray(2 * k, 2 * k + 2);
        expect(run.potential_K[k]).toBeCloseTo(lossOf(50, W), 10);
        expect(run.loss_K[k]).toBeCloseTo(lossOf(2 * k, W), 10);
        expect(run.energies[k]).toBe(run.kinetic_K[k]! + run.potential_K[k]!);
      });
      const whole = learnerSystem('squares', learner, { full: batchOf(1) });
      const all = await trainingEnergy(whole, optimiser(), [0.5, -1], { steps: 3, time: 0.1 });
      expect(all.potentialOf).toBe('full batch');
      expect([...all.potential_K]).toEqual([...all.loss_K]);
    } finally {
      await learner.close();
    }
  });
});

/** Losses with a symmetry each, and the symmetry. */
const shifted: { V: Landscape; symmetry: Symmetry } = {
  V: landscape('logits', 4, (o, t) => {
    const differences = o.add(o.exp(o.sub(t[1]!, t[0]!)), o.add(1, o.exp(o.sub(t[2]!, t[0]!))));
    return o.add(o.log(differences), o.mul(t[3]!, t[3]!));
  }),
  symmetry: { kind: 'translation', name: 'logits', block: [0, 1, 2] },
};
const scaled: { V: Landscape; symmetry: Symmetry } = {
  V: landscape('directions', 4, (o, t) => {
    const norm = o.sqrt([0, 1, 2].map((i) => o.mul(t[i]!, t[i]!)).reduce((s, term) => o.add(s, term)));
    const [x, y, z] = [0, 1, 2].map((i) => o.div(t[i]!, norm));
    return o.add(o.add(o.mul(x!, y!), o.mul(0.5, o.mul(z!, z!))), o.mul(t[3]!, t[3]!));
  }),
  symmetry: { kind: 'scale', name: 'before a norm', block: [0, 1, 2] },
};
/** Two units of a sparse autoencoder: encoder and bias times c, decoder by c. */
const units = { units: 3, width: 2 };
const sparse: { V: Landscape; symmetry: Symmetry } = {
  V: sparseCodeLandscape(normals(4, 40), units, 0.05),
  symmetry: { kind: 'rescale', name: 'unit 1', into: [2, 3, 13], outOf: [8, 9] },
};
const toy: { V: Landscape; symmetry: Symmetry } = {
  V: toyLandscape(fiveInTwo, 16),
  symmetry: {
    kind: 'rotation',
    name: 'hidden space',
    rows: range(0, 5).map((i) => [2 * i, 2 * i + 1]),
    plane: [0, 1],
  },
};
const cases = [shifted, scaled, sparse, toy];
const pointOf = ({ dimension }: Landscape, seed: number) => normals(seed, dimension, 0.6).map((x) => x + 0.3);

describe('symmetries', () => {
  test.each(cases)(
    '$V.name has its symmetry ($symmetry.kind), and a random direction is none',
    ({ V, symmetry }) => {
      for (const seed of [1, 2, 3]) expect(symmetryDefect(V, symmetry, pointOf(V, seed))).toBeLessThan(1e-12);
      const wrong: Symmetry = { kind: 'translation', name: 'wrong', block: [0] };
      expect(symmetryDefect(V, wrong, pointOf(V, 1))).toBe(1);
    },
  );

  test.each([shifted, toy])(
    '$V.name: an isometry’s charge is conserved (Noether), $symmetry.kind',
    ({ V, symmetry }) => {
      const look = { random: random(3), points: 8, width: 0.7 };
      expect(noetherCharge(particle(V), generator(symmetry), look).symmetry).toBe(true);
      const run = integrate(particle(V), leapfrogKDK, stateOf(pointOf(V, 1), normals(9, V.dimension)), {
        step: 0.05,
        steps: 200,
      });
      expect(chargeDrift(run, chargeOf(symmetry)).largest).toBeLessThan(1e-12);
      expect(chargesAlong(run, symmetry).defect).toBeLessThan(1e-12);
    },
  );

  test.each([scaled, sparse])(
    '$V.name: $symmetry.kind is no isometry; its charge goes as twice the kinetic energy',
    ({ V, symmetry }) => {
      const look = { random: random(3), points: 8, width: 0.7 };
      expect(noetherCharge(particle(V), generator(symmetry), look).symmetry).toBe(false);
      const p = normals(9, V.dimension);
      const start = stateOf(pointOf(V, 1), p);
      const run = integrate(particle(V), leapfrogKDK, start, { step: 0.01, steps: 100 });
      const series = chargesAlong(run, symmetry);
      expect(series.defect).toBeLessThan(1e-11);
      expect(Math.abs(series.charge_K.at(-1)! - series.charge_K[0]!)).toBeGreaterThan(0.1);
      // The rate itself, by a central difference over one small step each way.
      const ends = [1e-4, -1e-4].map((step) => {
        const { final } = integrate(particle(V), leapfrogKDK, start, { step, steps: 1 });
        return chargeOf(symmetry)(real, final.q, final.p);
      });
      expect((ends[0]! - ends[1]!) / 2e-4).toBeCloseTo(chargeRate(symmetry, p), 6);
    },
  );

  test('twice T means twice T: the rates by hand', () => {
    const p = [1, 2, 3, 4, 5];
    expect(chargeRate({ kind: 'scale', name: '', block: [0, 2] }, p)).toBe(10);
    expect(chargeRate({ kind: 'rescale', name: '', into: [0, 1], outOf: [4] }, p)).toBe(-20);
    expect(chargeOf(sparse.symmetry)(real, normals(1, 15), normals(2, 15))).toBeCloseTo(
      [2, 3, 13].reduce((s, i) => s + normals(1, 15)[i]! * normals(2, 15)[i]!, 0) -
        [8, 9].reduce((s, i) => s + normals(1, 15)[i]! * normals(2, 15)[i]!, 0),
      12,
    );
  });

  test('permuting features is a symmetry without a charge: permuted starts have permuted motions', () => {
    const V = toyLandscape(toyTask({ features: 5, neurons: 2, sparsity: 0.9 }), 16);
    const order = [2, 0, 4, 1, 3];
    const permuted = (x: Float64Array) =>
      Float64Array.from(range(0, 15), (i) =>
        i < 10 ? x[2 * order[Math.floor(i / 2)]! + (i % 2)]! : x[10 + order[i - 10]!]!,
      );
    const [q, p] = [pointOf(V, 5), normals(6, 15, 0.1)];
    const end = (a: Float64Array, b: Float64Array) =>
      integrate(particle(V), leapfrogKDK, stateOf(a, b), { step: 0.1, steps: 50 }).final.q;
    const [plain, other] = [permuted(end(q, p)), end(permuted(q), permuted(p))];
    plain.forEach((x, i) => {
      expect(other[i]).toBeCloseTo(x, 10);
    });
  });
});

describe('what gradient flow conserves (Kunin et al. 2021)', () => {
  test.each([shifted, scaled, sparse])(
    '$V.name, $symmetry.kind: kept by the flow; with weight decay it decays',
    ({ V, symmetry }) => {
      const start = pointOf(V, 1);
      const first = flowQuantity(symmetry, start)!;
      const last = (flow: ReturnType<typeof gradientFlow>) =>
        flowQuantity(symmetry, flow.q_KN.subarray(-V.dimension))!;
      // The sparse code has kinks, at which any integrator makes an error.
      const tolerance = V === sparse.V ? 1e-7 : 1e-9;
      expect(Math.abs(last(gradientFlow(V, start, { time: 2 })) - first)).toBeLessThan(tolerance);
      const decay = last(gradientFlow(decayed(V, 0.3), start, { time: 2 }));
      const power = symmetry.kind === 'translation' ? 1 : 2;
      expect(Math.abs(decay - first * Math.exp(-power * 0.3 * 2))).toBeLessThan(tolerance);
    },
  );

  test.each([shifted, scaled, sparse])(
    '$V.name, $symmetry.kind: steps break it by exactly what they must',
    ({ V, symmetry }) => {
      const start = pointOf(V, 1);
      for (const weightDecay of [0, 0.3]) {
        const options = { learningRate: 0.1, weightDecay, steps: 40 };
        const broken = conservationBroken(V, symmetry, start, options)!;
        expect(Math.abs(broken.after - broken.predicted)).toBeLessThan(1e-12);
        if (weightDecay > 0) expect(Math.abs(broken.after - broken.before)).toBeGreaterThan(0.1);
      }
      const off = (learningRate: number) => {
        const broken = conservationBroken(V, symmetry, start, { learningRate, steps: 2 / learningRate })!;
        return Math.abs(broken.after - broken.flow);
      };
      if (symmetry.kind === 'translation') expect(off(0.1)).toBeLessThan(1e-12);
      else {
        // Over a fixed time the error is of first order in the step.
        const order = Math.log2(off(0.01) / off(0.005));
        expect(order).toBeGreaterThan(0.9);
        expect(order).toBeLessThan(1.1);
      }
    },
  );

  test('a rotation conserves nothing under gradient flow', () => {
    const start = pointOf(toy.V, 1);
    expect(conservationBroken(toy.V, toy.symmetry, start, { learningRate: 0.1, steps: 1 })).toBeUndefined();
  });
});

/** Σ_{i≠j} ReLU(cos(d_i, d_j))², the separation potential normalised inside V, with springs that hold lengths near 1. */
const separated = (features: number): Landscape =>
  landscape('separation, normalised', 2 * features, (o, q) => {
    const rows = range(0, features).map((i) => {
      const row = [q[2 * i]!, q[2 * i + 1]!];
      const norm = o.sqrt(dot(o, row, row));
      return row.map((x) => o.div(x, norm));
    });
    let total = o.constant(0);
    for (let i = 0; i < features; i++) {
      const stretch = o.sub(
        o.sqrt(o.add(o.mul(q[2 * i]!, q[2 * i]!), o.mul(q[2 * i + 1]!, q[2 * i + 1]!))),
        1,
      );
      total = o.add(total, o.mul(5, o.mul(stretch, stretch)));
      for (let j = 0; j < i; j++) {
        const overlap = o.relu(dot(o, rows[i]!, rows[j]!));
        total = o.add(total, o.mul(2, o.mul(overlap, overlap)));
      }
    }
    return total;
  });
const turns = (...angles: number[]) =>
  Float64Array.from(angles.flatMap((a) => [Math.cos(2 * Math.PI * a), Math.sin(2 * Math.PI * a)]));
const setOf = (features: number, cosine: number): MergedSet => ({
  directions: range(0, features).map((i) => [2 * i, 2 * i + 1]),
  cosine,
});

describe('the separation barrier', () => {
  test.each([
    ['two directions', 2, turns(0, 0.5)],
    ['two directions, opposite to the last bit', 2, Float64Array.from([1, 0, -1, 0])],
    ['a triangle', 3, turns(0, 1 / 3, 2 / 3)],
  ] as const)('%s: V only rises towards a merger, so the barrier is 2c²', (_, features, start) => {
    const set = setOf(features, 0.8);
    const found = separationBarrier(separated(features), start, set);
    expect(found.kind).toBe('estimated barrier');
    expect(found.floor).toBeLessThan(1e-12);
    expect(found.barrier).toBeGreaterThan(2 * 0.8 ** 2 - 1e-9);
    expect(found.barrier).toBeLessThan(2 * 0.8 ** 2 + 0.03);
    expect(largestCosine(found.entry, set)).toBeGreaterThanOrEqual(0.8);
    expect(found.energies[0]).toBe(found.floor);
  });

  test('the motion stays separated below the barrier, and the margin has to exceed the energy error', () => {
    const set = setOf(2, 0.8);
    const [V, start] = [separated(2), turns(0, 0.5)];
    const found = separationBarrier(V, start, set);
    const at = (height: number, seed: number) =>
      separationRun(V, start, set, found, { height, step: 0.01, steps: 4000, random: random(seed) });
    for (const seed of [1, 2, 3]) {
      const below = at(0.8, seed);
      expect(below).toMatchObject({ marginHolds: true, merged: false });
      expect(below.energy).toBeCloseTo(0.8 * found.barrier, 10);
      expect(below.margin).toBeCloseTo(0.2 * found.barrier, 10);
      expect(below.energyError).toBeGreaterThan(0);
      expect(below.largestCosine).toBeLessThan(0.8);
    }
    const above = [1, 2, 3, 4, 5].map((seed) => at(6, seed));
    expect(above.every(({ margin, marginHolds }) => margin < 0 && !marginHolds)).toBe(true);
    expect(above.some(({ merged }) => merged)).toBe(true);
  });

  test('short directions are no features that could merge; without two there is no way', () => {
    const V = separated(2);
    const start = Float64Array.from([1, 0, 0.01, 0.01]);
    expect(largestCosine(start, setOf(2, 0.8))).toBe(-1);
    expect(() => separationBarrier(V, start, setOf(2, 0.8))).toThrowError(
      expect.objectContaining({ code: 'energy.no-way' }),
    );
  });

  test('the pentagon of the toy model: the lowest way into a merger leads over the saddle to the digons', () => {
    const { pentagon, band } = basinPath({ frequencies: 16 });
    const V = toyLandscape(fiveInTwo, 16);
    const set = setOf(5, 0.95);
    const found = separationBarrier(V, pentagon.x, set, {
      pairs: [
        [1, 0],
        [2, 0],
        [4, 3],
      ],
    });
    expect(found.barrier).toBeCloseTo(band.saddleEnergy, 9);
    expect(found.converged).toBe(true);
    const run = separationRun(V, pentagon.x, set, found, {
      height: 0.5,
      step: 0.05,
      steps: 2000,
      random: random(1),
    });
    expect(run).toMatchObject({ marginHolds: true, merged: false });
  });
});
