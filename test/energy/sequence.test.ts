/** @file The sequence clock's promises: T, V, E and drift by their definitions, nulls of known size, first order against runs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Network } from '../../src/circuits/cuts.ts';
import type { Pairs } from '../../src/circuits/examples.ts';
import { METRIC } from '../../src/circuits/metric.ts';
import { random } from '../../src/core/random.ts';
import { f32, type Tensor } from '../../src/core/tensor.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { featureTrajectories, sequenceClock } from '../../src/energy/sequence/clock.ts';
import { featureMotion } from '../../src/energy/sequence/motion.ts';
import { readTexts } from '../../src/energy/sequence/read.ts';
import { gathering } from '../../src/energy/sequence/table.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { run } from '../circuits/support/tiny.ts';

const T = 6;
/** Weights of the metric m = −½(Σ_t w_t·x_t)². */
const w_TD = [0.3, -0.2, 0.5, 0.4, -0.6, 0.1, 0.2, 0.7, -0.1, -0.5, 0.8, 0.25];

/** A network whose state is its input and whose metric is minus a known loss. */
function knownNetwork(): Network {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 'position', 2]);
  const state = b.site('state', x);
  const weighted = b.op('Mul', [state, b.constant(f32([T, 2], w_TD))]);
  const y = b.op('ReduceSum', [weighted, b.ints(1, 2)], { keepdims: { int: 0 } });
  b.op('Mul', [b.op('Mul', [y, y]), b.constant(f32([], [-0.5]))], {}, METRIC);
  return {
    graph: b.finish([METRIC]),
    cuts: ['state'],
    width: 2,
    places: [{ site: 'state', depth: 0, width: 2, complete: true }],
  };
}

/** f = ReLU(x): feature i is coordinate i where it is above 0. */
const positive = (sinkNorm = Number.POSITIVE_INFINITY): Dictionary => ({
  architecture: 'relu',
  activation: { kind: 'relu' },
  site: 'state',
  modelHash: 'known',
  width: 2,
  features: 2,
  W_enc_FD: Float32Array.from([1, 0, 0, 1]),
  b_enc_F: new Float32Array(2),
  W_dec_FD: Float32Array.from([1, 0, 0, 1]),
  b_dec_D: new Float32Array(2),
  sinkNorm,
});

function textsOf(x_BTD: ArrayLike<number>): Pairs {
  const examples = x_BTD.length / (2 * T);
  const inputs: Record<string, Tensor> = { x: f32([examples, T, 2], x_BTD) };
  const none = new Int32Array(examples);
  const ids = new Int32Array(examples * T);
  const answers = { clean_BT: ids, patch_BT: ids, answer_B: none, wrong_B: none };
  return { examples, positions: T, ...answers, inputs: { clean: inputs, patch: inputs } };
}

const noise = (seed: number, texts: number) => {
  const stream = random(seed);
  return Float32Array.from({ length: texts * T * 2 }, () => stream.normal());
};

/** y = Σ w·x of one text. */
const yOf = (x: ArrayLike<number>, text: number) =>
  w_TD.reduce((sum, w, i) => sum + w * x[text * T * 2 + i]!, 0);

/** q and V of a feature over the positions that are read (all but the first), by the definitions. */
function series(x: ArrayLike<number>, feature: number, scale: number) {
  return Array.from({ length: x.length / (2 * T) }, (_, text) => {
    const at = (t: number) => x[(text * T + t) * 2 + feature]!;
    const q_T = Array.from({ length: T - 1 }, (__, t) => Math.max(0, at(t + 1)));
    const V_T = q_T.map((q, t) => scale * q * yOf(x, text) * w_TD[(t + 1) * 2 + feature]!);
    return { q_T, V_T };
  });
}

describe('one feature', () => {
  test('T, V, E and drift of a motion worked out by hand', () => {
    // Δq = 2, −1; a = 2, ½; V = −1, 3; m = (1 + 3)/(2 + ½) = 1.6; E = 2.2, 3.8.
    const motion = featureMotion([{ q_T: [0, 2, 1], V_T: [-1, 3, 99] }]);
    expect(motion.mass).toBeCloseTo(1.6, 12);
    expect(motion.kinetic).toBeCloseTo(2, 12);
    expect(motion.potential).toBeCloseTo(1, 12);
    expect(motion.absPotential).toBeCloseTo(2, 12);
    expect(motion.energy).toBeCloseTo(3, 12);
    expect(motion.drift).toBeCloseTo(0.8 / 4, 12);
    expect(featureMotion([{ q_T: [0, 2, 1], V_T: [-1, 3, 99] }], 'unit').kinetic).toBeCloseTo(1.25, 12);
  });

  test('a feature with T = −V at every step has drift 0, and E = 0', () => {
    const q_T = [0, 1, 3, 2, 2.5];
    const V_T = q_T.map((q, t) => -(((q_T[t + 1] ?? q) - q) ** 2) * 0.7);
    const motion = featureMotion([{ q_T, V_T }]);
    expect(motion.mass).toBeCloseTo(1.4, 12);
    expect(motion.drift).toBeLessThan(1e-7);
    expect(motion.energy).toBeCloseTo(0, 12);
  });

  test('with the matched mass ⟨T⟩ = ⟨|V|⟩, and the drift is blind to units of q and V', () => {
    const value = fc.double({ min: -5, max: 5, noNaN: true });
    const text = fc.array(fc.tuple(value, value), { minLength: 4, maxLength: 12 });
    fc.assert(
      fc.property(
        text,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (steps, a, b) => {
          const q_T = steps.map(([q]) => q);
          const V_T = steps.map(([, V]) => V);
          const motion = featureMotion([{ q_T, V_T }]);
          fc.pre(
            motion.absPotential > 1e-3 && motion.kinetic > 1e-3 && motion.mass > 1e-3 && motion.mass < 1e3,
          );
          expect(motion.kinetic).toBeCloseTo(motion.absPotential, 8);
          const scaled = featureMotion([{ q_T: q_T.map((q) => a * q), V_T: V_T.map((V) => b * V) }]);
          expect(scaled.drift).toBeCloseTo(motion.drift, 6);
        },
      ),
    );
  });
});

describe('a dictionary over texts', () => {
  const x = noise(3, 5);
  const texts = { pairs: textsOf(x), scale: 2 };

  test('potentials are f ∂L/∂f of the known loss; the first position passes by', async () => {
    let visited = 0;
    await readTexts(knownNetwork(), positive(), texts, run, (text) => {
      visited++;
      expect([...text.read_T]).toEqual([0, 1, 1, 1, 1, 1]);
      text.q_TK.forEach((q, at) => {
        const t = Math.floor(at / text.slots);
        const i = text.indices_TK[at]!;
        const expected = t === 0 ? 0 : Math.max(0, x[(text.text * T + t) * 2 + i]!);
        if (q !== 0) expect(q).toBeCloseTo(expected, 6);
        expect(text.V_TK[at]).toBeCloseTo(2 * q * yOf(x, text.text) * w_TD[t * 2 + i]!, 5);
      });
    });
    expect(visited).toBe(5);
  });

  test('the table is each feature by its definition, in every mass rule', async () => {
    const result = await sequenceClock(knownNetwork(), positive(), texts, { seed: 1 }, run);
    expect(result).toMatchObject({ clock: 'sequence', site: 'state', texts: 5, steps: 20, permutations: 19 });
    const all = [0, 1].map((feature) => series(x, feature, 2));
    const [matched, common, unit] = result.tables;
    for (const [table, massOf] of [
      [matched!, undefined],
      [common!, common!.features[0]!.mass],
      [unit!, 1],
    ] as const) {
      expect(table.features.map((f) => f.feature).sort()).toEqual([0, 1]);
      for (const row of table.features) {
        const expected = featureMotion(all[row.feature]!, massOf ?? 'matched');
        for (const key of ['mass', 'kinetic', 'potential', 'absPotential', 'energy', 'drift'] as const) {
          expect(row[key]).toBeCloseTo(expected[key], 4);
        }
        expect(row.article).toBeCloseTo(row.energy, 12);
        expect(row.performance).toBe(-row.potential);
      }
    }
    const sum = (of: (f: { kinetic: number; absPotential: number }) => number) =>
      common!.features.reduce((total, f) => total + of(f), 0);
    expect(sum((f) => f.kinetic)).toBeCloseTo(
      sum((f) => f.absPotential),
      8,
    );
  });

  test('the null has the variance of an independent order: Var E = m² Var a + Var V on average', async () => {
    const one = { pairs: textsOf(noise(8, 1)), scale: 1 };
    const own = series(noise(8, 1), 1, 1)[0]!;
    const { tables } = await sequenceClock(
      knownNetwork(),
      positive(),
      one,
      { seed: 5, permutations: 4000 },
      run,
    );
    const row = tables[2]!.features.find((f) => f.feature === 1)!;
    const a = own.q_T.slice(1).map((q, t) => (q - own.q_T[t]!) ** 2 / 2);
    const V = own.V_T.slice(0, -1);
    const variance = (v: number[]) => {
      const mean = v.reduce((s, y) => s + y, 0) / v.length;
      return v.reduce((s, y) => s + (y - mean) ** 2, 0) / v.length;
    };
    // Of all 24 orders, by hand.
    const orders = (items: number[]): number[][] =>
      items.length === 0
        ? [[]]
        : items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((o) => [item, ...o]));
    const drifts = orders(V).map((order) => {
      const E = a.map((value, t) => value + order[t]!);
      return Math.sqrt(variance(E)) / (row.kinetic + row.absPotential);
    });
    const squares = drifts.reduce((s, d) => s + d * d, 0) / drifts.length;
    expect(squares * (row.kinetic + row.absPotential) ** 2).toBeCloseTo(variance(a) + variance(V), 6);
    expect(row.nullDrift).toBeCloseTo(drifts.reduce((s, d) => s + d, 0) / drifts.length, 2);
    const atMost = drifts.filter((d) => d <= row.drift + 1e-9).length / drifts.length;
    expect(Math.abs(row.belowNull - atMost)).toBeLessThan(0.04);
  });

  test('where V is as T with a minus sign the drift is below every null; with a plus sign it is above', () => {
    const stream = random(12);
    const table = (sign: number) => {
      const all = gathering(1, 19, random(4));
      for (let text = 0; text < 4; text++) {
        const q = Float32Array.from({ length: 12 }, () =>
          stream.uniform() < 0.4 ? 1 + stream.uniform() : 0,
        );
        all.add({
          ...{ text, positions: 12, slots: 1, q_TK: q, indices_TK: new Int32Array(12) },
          read_T: new Uint8Array(12).fill(1),
          V_TK: Float64Array.from(q, (value, t) => (sign * ((q[t + 1] ?? 0) - value) ** 2) / 2).map((V, t) =>
            q[t] === 0 ? 0 : V,
          ),
        });
      }
      return all.table('matched');
    };
    const [lowering, raising] = [table(-1), table(1)];
    expect(lowering).toMatchObject({ belowNull: 1, belowNullLowering: 1 });
    // No feature raises the loss: there is no share of those, and JSON has no NaN to write.
    expect(JSON.parse(JSON.stringify(lowering))).not.toHaveProperty('belowNullRaising');
    expect(lowering.medianDrift).toBeLessThan(lowering.medianNullDrift);
    expect(raising).toMatchObject({ belowNull: 0, belowNullRaising: 0 });
    expect(raising.medianDrift).toBeGreaterThan(raising.medianNullDrift);
  });

  test('the same seed gives the same nulls, another seed others', async () => {
    const nulls = async (seed: number) =>
      (
        await sequenceClock(knownNetwork(), positive(), texts, { seed, permutations: 3 }, run)
      ).tables[0]!.features.map((f) => f.nullDrift);
    expect(await nulls(1)).toEqual(await nulls(1));
    expect(await nulls(1)).not.toEqual(await nulls(2));
  });

  test('texts without a step, and features that are not there, are errors that say so', async () => {
    const clock = sequenceClock(knownNetwork(), positive(1e-9), texts, { seed: 1 }, run);
    await expect(clock).rejects.toMatchObject({ code: 'energy.no-steps' });
    const trace = featureTrajectories(knownNetwork(), positive(), texts, { features: [2] }, run);
    await expect(trace).rejects.toMatchObject({ code: 'energy.no-feature', where: 'state' });
  });

  test('a sink interrupts the motion on both of its sides', async () => {
    const quiet = noise(3, 1).map((v) => v / 10);
    quiet.set([30, 40], 3 * 2);
    const [trace] = await featureTrajectories(
      knownNetwork(),
      positive(10),
      { pairs: textsOf(quiet), scale: 1 },
      { features: [0] },
      run,
    );
    expect([...trace!.position_K]).toEqual([1, 4]);
  });

  test('first order misses the runs by ½f²(w·d)², which is what is left of a quadratic loss', async () => {
    const { exact } = await sequenceClock(knownNetwork(), positive(), texts, { seed: 1, exact: {} }, run);
    expect(exact!.points).toHaveLength(8);
    for (const { feature, position, activation, linear, exact: runs } of exact!.points) {
      const half = (2 * (activation * w_TD[position * 2 + feature]!) ** 2) / 2;
      expect(linear - runs).toBeCloseTo(half, 5);
    }
    const error = exact!.points.reduce((s, p) => s + Math.abs(p.linear - p.exact), 0);
    expect(exact!.error).toBeCloseTo(error / exact!.points.reduce((s, p) => s + Math.abs(p.exact), 0), 10);
    expect(exact!.correlation).toBeGreaterThan(0.5);
  });

  test('a trajectory is the motion sample by sample: q, p, T, V and E over texts behind each other', async () => {
    const [trace] = await featureTrajectories(knownNetwork(), positive(), texts, { features: [1] }, run);
    const own = series(x, 1, 2);
    const { mass } = featureMotion(own);
    expect(trace!.mass).toBeCloseTo(mass, 4);
    expect(trace!.clock).toBe('sequence');
    expect([...trace!.text_K]).toEqual([0, 1, 2, 3, 4].flatMap((text) => [text, text, text, text]));
    let k = 0;
    for (const { q_T, V_T } of own) {
      for (let t = 0; t + 1 < q_T.length; t++, k++) {
        expect(trace!.q_KN[k]).toBeCloseTo(q_T[t]!, 5);
        expect(trace!.p_KN[k]).toBeCloseTo(trace!.mass * (q_T[t + 1]! - q_T[t]!), 4);
        expect(trace!.energies[k]).toBeCloseTo(trace!.p_KN[k]! ** 2 / (2 * trace!.mass) + V_T[t]!, 4);
      }
    }
    expect(k).toBe(trace!.times.length);
  });
});
