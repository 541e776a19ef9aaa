/** @file Sequence clock, masks and co-activation entropy against numpy (test/oracles/energy-clocks.py). */
import { expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { effectiveFeatures } from '../../src/energy/ensemble/coactivation.ts';
import { maskEnergies, maskThermodynamics } from '../../src/energy/ensemble/masks.ts';
import { featureMotion } from '../../src/energy/sequence/motion.ts';
import oracle from '../oracles/energy-clocks.json' with { type: 'json' };

test('entropy of co-activation: rows against rows gives what features against features give', () => {
  const { rows, features, cosine, energy } = oracle.coactivation;
  const at = (r: number, f: number) => Math.max(0, Math.sin(1.3 * r * (f + 1) + 0.7 * f) - 0.4) * (1 + f);
  const code = {
    slots: features,
    indices_BK: Int32Array.from({ length: rows * features }, (_, i) => i % features),
    values_BK: Float32Array.from({ length: rows * features }, (_, i) =>
      at(Math.floor(i / features), i % features),
    ),
  };
  const options = { random: random(1), permutations: 1 };
  expect(effectiveFeatures(code, options).entropy).toBeCloseTo(cosine, 6);
  expect(effectiveFeatures(code, { ...options, norm: 'energy' }).entropy).toBeCloseTo(energy, 6);
  // Units of a feature are its own: cosine does not see them.
  const louder = code.values_BK.map((value, i) => value * (1 + (i % features) * 3));
  expect(effectiveFeatures({ ...code, values_BK: louder }, options).entropy).toBeCloseTo(cosine, 6);
});

test('the motion of a feature', () => {
  const q_T = Array.from({ length: 20 }, (_, t) => Math.max(0, Math.cos(0.9 * t)));
  const motion = featureMotion([{ q_T, V_T: q_T.map((q, t) => Math.sin(2.1 * t) * q) }]);
  for (const key of ['mass', 'kinetic', 'potential', 'energy', 'drift'] as const) {
    expect(motion[key]).toBeCloseTo(oracle.motion[key], 12);
  }
});

test('an ensemble of masks with interactions', () => {
  const V = Array.from({ length: 32 }, (_, s) => Math.cos(1.1 * s) + 0.3 * Math.sin(0.37 * s * s));
  const [row] = maskThermodynamics(maskEnergies(V), [oracle.masks.beta]);
  for (const key of ['freeEnergy', 'energy', 'entropy', 'specificHeat'] as const) {
    expect(row![key]).toBeCloseTo(oracle.masks[key], 12);
  }
  row!.kept_N.forEach((kept, i) => {
    expect(kept).toBeCloseTo(oracle.masks.kept[i]!, 12);
  });
});
