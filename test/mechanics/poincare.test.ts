import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import type { VectorFormula } from '../../src/mechanics/differentiate.ts';
import {
  circulation,
  recoverHamiltonian,
  testHamiltonian,
  vectorField,
} from '../../src/mechanics/poincare.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';

/** Hénon–Heiles' field, written out by hand. */
const henon = vectorField(4, (o, z) => {
  const [x, y, px, py] = [z[0]!, z[1]!, z[2]!, z[3]!];
  return [px, py, o.neg(o.add(x, o.mul(2, o.mul(x, y)))), o.sub(o.sub(o.mul(y, y), o.mul(x, x)), y)];
});

describe('a flow is symplectic exactly if its field is locally Hamiltonian', () => {
  test('Hénon–Heiles: the field passes, and its H comes back to 1e-13', () => {
    const { hamiltonian, defect, failures } = testHamiltonian(henon, { random: random(1) });
    expect(hamiltonian).toBe(true);
    expect(defect).toBeLessThan(1e-15);
    expect(failures).toEqual([]);
    const H = recoverHamiltonian(henon, [0, 0, 0, 0]);
    const { energy } = henonHeiles();
    const stream = random(2);
    for (let k = 0; k < 20; k++) {
      const x = Float64Array.from({ length: 4 }, () => stream.normal());
      expect(H(x)).toBeCloseTo(energy(x.slice(0, 2), x.slice(2)), 12);
    }
  });
  test('friction fails everywhere, and by γ', () => {
    const friction = vectorField(2, (o, z) => [z[1]!, o.sub(o.neg(o.sin(z[0]!)), o.mul(0.3, z[1]!))]);
    const { hamiltonian, defect, failures } = testHamiltonian(friction, { random: random(3), points: 16 });
    expect(hamiltonian).toBe(false);
    expect(failures.length).toBe(16);
    expect(defect).toBeCloseTo(0.3, 10);
  });
  test('says where a field fails that is Hamiltonian elsewhere', () => {
    // Friction that only acts at q > 0.
    const patchy = vectorField(2, (o, z) => [z[1]!, o.sub(o.neg(z[0]!), o.mul(z[1]!, o.relu(z[0]!)))]);
    const { failures } = testHamiltonian(patchy, { random: random(4) });
    expect(failures.length).toBeGreaterThan(10);
    for (const { x } of failures) expect(x[0]).toBeGreaterThan(0);
    expect(failures[0]!.defect).toBeGreaterThanOrEqual(failures.at(-1)!.defect);
  });
  test('a Lotka–Volterra field is Hamiltonian in the logarithms of its populations only', () => {
    const plain = vectorField(2, (o, z) => [o.mul(z[0]!, o.sub(1, z[1]!)), o.mul(z[1]!, o.sub(z[0]!, 1))]);
    const logs = vectorField(2, (o, z) => [o.sub(1, o.exp(z[1]!)), o.sub(o.exp(z[0]!), 1)]);
    const region = { random: random(5) };
    expect(testHamiltonian(plain, { ...region, centre: [2, 2] }).hamiltonian).toBe(false);
    expect(testHamiltonian(logs, region).hamiltonian).toBe(true);
    const H = recoverHamiltonian(logs, [0, 0]);
    const [u, v] = [0.7, -0.4];
    expect(H([u, v])).toBeCloseTo(v - Math.exp(v) + u - Math.exp(u) + 2, 13);
  });
  test('round a hole: locally Hamiltonian with no single H', () => {
    // f = J∇(angle of (q, p)).
    const around: VectorFormula = (o, z) => {
      const r2 = o.add(o.mul(z[0]!, z[0]!), o.mul(z[1]!, z[1]!));
      return [o.div(z[0]!, r2), o.div(z[1]!, r2)];
    };
    const vortex = vectorField(2, around);
    expect(testHamiltonian(vortex, { random: random(6), centre: [2, 2] }).hamiltonian).toBe(true);
    const square = [
      [1, 1],
      [-1, 1],
      [-1, -1],
      [1, -1],
    ];
    expect(circulation(vortex, square)).toBeCloseTo(2 * Math.PI, 12);
    expect(
      circulation(
        vortex,
        square.map(([q, p]) => [q! + 5, p!]),
      ),
    ).toBeCloseTo(0, 12);
    expect(
      circulation(henon, [
        [0, 0, 0, 0],
        [1, 0, 0.3, 0],
        [0.2, 1, 0, 1],
      ]),
    ).toBeCloseTo(0, 12);
  });
  test('what cannot be tested says so', () => {
    const odd = vectorField(3, (_o, z) => [z[0]!, z[1]!, z[2]!]);
    expect(() => testHamiltonian(odd, { random: random(7) })).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
    expect(() => testHamiltonian({ dimension: 2, value: henon.value }, { random: random(7) })).toThrowError(
      expect.objectContaining({ code: 'mechanics.needs' }),
    );
    const pole = vectorField(2, (o, z) => [o.div(1, z[1]!), o.constant(0)]);
    expect(() => recoverHamiltonian(pole, [0, -1])([0, 1.3])).toThrowError(
      expect.objectContaining({ code: 'mechanics.not-converged' }),
    );
  });
});
