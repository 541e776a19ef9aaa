/** @file The canonicity defect: closed forms on toys, the bracket by autodiff, and its bound by the width. */
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/circuits/encode-state.ts';
import { random } from '../../../src/core/random.ts';
import { f32, f64, type Tensor } from '../../../src/core/tensor.ts';
import type { Dictionary } from '../../../src/dictionaries/types.ts';
import { evaluate, poissonBracket } from '../../../src/energy/depth/brackets.ts';
import { bracketMatrix, canonicity, canonicityDefect } from '../../../src/energy/depth/canonicity.ts';
import {
  featureObservable,
  momentumObservable,
  type ObservableShape,
} from '../../../src/energy/depth/observables.ts';
import { randomDictionary } from '../../circuits/support/dictionaries.ts';
import { run } from '../../circuits/support/tiny.ts';

/** A dictionary with the rows given, encoder and decoder alike, that is active wherever x·d > −1. */
function toy(rows: readonly (readonly number[])[], rest: Partial<Dictionary> = {}): Dictionary {
  const width = rows[0]!.length;
  const W = Float32Array.from(rows.flat());
  return {
    ...{ architecture: 'relu', activation: { kind: 'relu' }, site: 'toy', modelHash: 'toy' },
    ...{ width, features: rows.length, W_enc_FD: W, W_dec_FD: W },
    b_enc_F: new Float32Array(rows.length).fill(1),
    b_dec_D: new Float32Array(width),
    sinkNorm: Number.POSITIVE_INFINITY,
    ...rest,
  };
}

describe('closed forms', () => {
  test('an orthonormal basis is canonical', () => {
    const matrix = bracketMatrix(toy([[1, 0], [0, 1]]), [0, 1]); // biome-ignore format: a matrix
    expect([...matrix]).toEqual([1, 0, 0, 1]);
    expect(canonicityDefect(matrix, [0, 1], 2)).toMatchObject({ defect: 0, floor: 0, rank: 2, rankBound: 2 });
  });

  test('two unit directions at an angle θ: M = [[1, cos θ], [cos θ, 1]], defect |cos θ|', () => {
    const theta = 1.1;
    const matrix = bracketMatrix(toy([[1, 0], [Math.cos(theta), Math.sin(theta)]]), [0, 1]); // biome-ignore format: a matrix
    const found = canonicityDefect(matrix, [0, 1], 2);
    expect(found.defect).toBeCloseTo(Math.abs(Math.cos(theta)), 6);
    expect(found.offDiagonal.max).toBeCloseTo(Math.abs(Math.cos(theta)), 6);
    expect(found.diagonal.mean).toBeCloseTo(1, 6);
  });

  test('n directions of a tight frame in the plane: M is n/2 times a projection, rank 2, and no rank 2 comes nearer than the floor', () => {
    const n = 5;
    const rows = Array.from({ length: n }, (_, i) => [
      Math.cos((2 * Math.PI * i) / n),
      Math.sin((2 * Math.PI * i) / n),
    ]);
    const all = [0, 1, 2, 3, 4];
    const found = canonicityDefect(bracketMatrix(toy(rows), all), all, 2);
    // Eigenvalues n/2, n/2 and n − 2 zeros: ‖M − I‖² = 2(n/2 − 1)² + (n − 2).
    expect(found.defect).toBeCloseTo(Math.sqrt((2 * (n / 2 - 1) ** 2 + n - 2) / n), 5);
    expect(found.rank).toBe(2);
    expect(found.floor).toBeCloseTo(Math.sqrt((n - 2) / n), 12);
    // The nearest of rank 2 is the projection itself: encoder rows shorter by n/2.
    const projection = bracketMatrix(
      toy(rows, { W_enc_FD: Float32Array.from(rows.flat(), (v) => (2 / n) * v) }),
      all,
    );
    expect(canonicityDefect(projection, all, 2).defect).toBeCloseTo(found.floor, 5);
  });

  test('a gate scales its feature’s row', () => {
    const gated = toy(
      [
        [1, 0],
        [0, 1],
      ],
      {
        // biome-ignore format: a matrix
        activation: { kind: 'gated', r_mag_F: Float32Array.of(0, Math.log(3)), b_mag_F: new Float32Array(2) },
        architecture: 'gated',
      },
    );
    expect([...bracketMatrix(gated, [0, 1])].map((v) => Number(v.toFixed(5)))).toEqual([1, 0, 0, 3]);
  });
});

const shape: ObservableShape = { width: 6, dtype: 'float32' };
const kinds: Record<string, Partial<Dictionary>> = {
  relu: {},
  threshold: {
    architecture: 'jumprelu',
    activation: { kind: 'threshold', threshold_F: new Float32Array(12).fill(0.2) },
  },
  gated: {
    architecture: 'gated',
    activation: {
      kind: 'gated',
      r_mag_F: Float32Array.from({ length: 12 }, (_, i) => 0.1 * i),
      b_mag_F: new Float32Array(12).fill(0.05),
    },
  },
  topk: { architecture: 'topk', activation: { kind: 'topk', k: 4 } },
};

test.each(Object.keys(kinds))('is the bracket {f_i, p_j} that autodiff gives (%s)', async (kind) => {
  const base = randomDictionary(random(4), { site: 'toy', width: 6, features: 12, k: 4 });
  const dictionary: Dictionary = {
    ...base,
    architecture: 'relu',
    activation: { kind: 'relu' },
    ...kinds[kind],
  };
  const stream = random(9);
  const noise = (): Tensor =>
    f32(
      [1, 2, 6],
      Array.from({ length: 12 }, () => stream.normal()),
    );
  const point = { state: noise(), costate: noise() };
  const state = await encodeState(
    dictionary,
    point.state.data as Float32Array,
    { examples: 1, positions: 2, width: 6 },
    1,
  );
  const active: number[] = [];
  for (let j = state.k; j < 2 * state.k; j++)
    if (state.values_BTK[j] !== 0) active.push(state.indices_BTK[j]!);
  expect(active.length).toBeGreaterThan(1);
  const closed = bracketMatrix(dictionary, active);
  const brackets = active.flatMap((i) =>
    active.map((j) =>
      poissonBracket(featureObservable(shape, dictionary, i, 1), momentumObservable(shape, dictionary, j, 1)),
    ),
  );
  const found = await evaluate(brackets, point, run);
  found.forEach(([value], k) => {
    expect(value).toBeCloseTo(closed[k]!, 5);
  });
  const off = Array.from({ length: 12 }, (_, i) => i).find((i) => !active.includes(i))!;
  const [zero] = await evaluate(
    [
      poissonBracket(
        featureObservable(shape, dictionary, off, 1),
        momentumObservable(shape, dictionary, active[0]!, 1),
      ),
    ],
    point,
    run,
  );
  expect(zero![0]).toBeCloseTo(0, 12);
});

test('features have brackets with a float64 network too', async () => {
  const dictionary = toy([[1, 0], [0.6, 0.8]]); // biome-ignore format: a matrix
  const wide: ObservableShape = { width: 2, dtype: 'float64' };
  const point = { state: f64([1, 1, 2], [0.3, 0.2]), costate: f64([1, 1, 2], [1, 1]) };
  const bracket = poissonBracket(
    featureObservable(wide, dictionary, 1, 0),
    momentumObservable(wide, dictionary, 0, 0),
  );
  const [values] = await evaluate([bracket], point, run);
  expect(values![0]).toBeCloseTo(0.6, 6);
});

describe('of a dictionary on activations', () => {
  const dictionary = randomDictionary(random(4), { site: 'toy', width: 6, features: 30, k: 4 });

  test('rows have the rank of what is active, all together at most the width', async () => {
    const stream = random(2);
    const x = Float32Array.from({ length: 4 * 9 * 6 }, () => stream.normal());
    const state = await encodeState(dictionary, x, { examples: 4, positions: 9, width: 6 }, 1);
    const found = canonicity(dictionary, [state]);
    expect(found.rows).toBe(4 * 8);
    expect(found.together.active).toBeGreaterThan(3);
    expect(found.together.rank).toBeCloseTo(found.together.active, 6);
    const { anywhere } = found;
    expect(anywhere.features).toBeGreaterThan(20);
    expect(anywhere.rank).toBe(6);
    expect(anywhere.rankBound).toBe(6);
    expect(anywhere.defect).toBeGreaterThan(anywhere.floor);
    // By the definition.
    const all = Array.from({ length: 30 }, (_, i) => i);
    const whole = bracketMatrix(dictionary, all);
    let square = 0;
    for (const a of all) {
      for (const b of all) {
        let dot = 0;
        for (let d = 0; d < 6; d++) dot += dictionary.W_enc_FD[a * 6 + d]! * dictionary.W_dec_FD[b * 6 + d]!;
        square += (dot - Number(a === b)) ** 2;
        expect(whole[a * 30 + b]).toBeCloseTo(dot, 10);
      }
    }
    expect(canonicityDefect(whole, all, 6).defect).toBeCloseTo(Math.sqrt(square / 30), 10);
    const [top] = anywhere.largest;
    expect(Math.abs(top!.value)).toBeCloseTo(anywhere.offDiagonal.max, 10);
    expect(Math.abs(whole[top!.i * 30 + top!.j]!)).toBeCloseTo(anywhere.offDiagonal.max, 10);
  });

  test('nothing active says so', async () => {
    const silent = { ...dictionary, b_enc_F: new Float32Array(30).fill(-100) };
    const state = await encodeState(
      silent,
      new Float32Array(12).fill(1),
      { examples: 1, positions: 2, width: 6 },
      1,
    );
    expect(() => canonicity(silent, [state])).toThrow(expect.objectContaining({ code: 'energy.no-active' }));
  });
});
