import fc from 'fast-check';
import { expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { hamiltonian, stateOf } from '../../src/mechanics/build.ts';
import { poissonBracket } from '../../src/mechanics/diagnostics/brackets.ts';
import { conservedQuantity } from '../../src/mechanics/diagnostics/noether.ts';
import { shadowHamiltonian } from '../../src/mechanics/diagnostics/shadow.ts';
import { volumeDefect } from '../../src/mechanics/diagnostics/structure.ts';
import { type PairFormula, real } from '../../src/mechanics/differentiate.ts';
import { integrators } from '../../src/mechanics/integrators/registry.ts';
import { normalise, turn } from '../../src/mechanics/isokinetic.ts';
import { factor, isPositive } from '../../src/mechanics/linear.ts';
import { heavyBall } from '../../src/mechanics/optimisers/heavy-ball.ts';
import { recoverHamiltonian, testHamiltonian, vectorField } from '../../src/mechanics/poincare.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const vector = (n: number) => fc.array(number(-3, 3), { minLength: n, maxLength: n });
const matrix = (n: number) => fc.array(vector(n), { minLength: n, maxLength: n });

test('heavy ball contracts area by e^(−γh) for any step, friction, mass and curvature', () =>
  fc.assert(
    fc.property(number(0.01, 1), number(0, 3), number(0.1, 10), number(-5, 5), (step, friction, mass, k) => {
      const image = (x: number, p: number) => {
        const optimiser = heavyBall({ step, friction, mass });
        optimiser.restore({ ...optimiser.save(), vectors: { momentum: Float64Array.of(p) } });
        const at = Float64Array.of(x);
        optimiser.update(at, Float64Array.of(k * x), 0);
        return [at[0]!, optimiser.save().vectors.momentum![0]!] as const;
      };
      const [[a, c], [b, d]] = [image(1, 0), image(0, 1)];
      const size = Math.abs(a * d) + Math.abs(b * c);
      expect(Math.abs(a * d - b * c - Math.exp(-friction * step))).toBeLessThan(1e-14 * (1 + size));
    }),
  ));

test('a turn keeps the speed, and the turn back undoes it and its gain', () =>
  fc.assert(
    fc.property(vector(4), vector(4), number(0, 2), (direction, slope, time) => {
      const u = Float64Array.from(direction);
      if (normalise(u) < 1e-3) return;
      const before = u.slice();
      const gradient = Float64Array.from(slope);
      const gain = turn(u, gradient, 1, time);
      expect(Math.hypot(...u)).toBeCloseTo(1, 12);
      // Backwards in time: turn round, turn, turn round.
      for (let i = 0; i < 4; i++) u[i] = -u[i]!;
      expect(turn(u, gradient, 1, time) + gain).toBeCloseTo(0, 8);
      u.forEach((ui, i) => {
        expect(-ui).toBeCloseTo(before[i]!, 8);
      });
    }),
  ));

test('LU solves what it factors, and positive matrices are those of the form AᵀA + 1', () =>
  fc.assert(
    fc.property(matrix(4), vector(4), (A, x) => {
      const product = A.map((_, i) =>
        A.map((__, j) => A.reduce((sum, row) => sum + row[i]! * row[j]!, i === j ? 1 : 0)),
      );
      expect(isPositive(product)).toBe(true);
      expect(isPositive(product.map((row) => row.map((v) => -v)))).toBe(false);
      const b = product.map((row) => row.reduce((sum, v, j) => sum + v * x[j]!, 0));
      factor(product, 'test')
        .solve(b)
        .forEach((xi, i) => {
          expect(xi).toBeCloseTo(x[i]!, 8);
        });
    }),
  ));

test('a linear field Jᵀ-symmetric by construction is Hamiltonian with H = ½ xᵀSx; with friction it is not', () =>
  fc.assert(
    fc.property(matrix(4), vector(4), number(0.1, 2), (A, x, friction) => {
      const S = A.map((row, i) => row.map((v, j) => v + A[j]![i]!));
      const field = (gamma: number) =>
        vectorField(4, (o, z) => {
          const slopes = S.map((row) =>
            row.reduce((sum, s, j) => o.add(sum, o.mul(s, z[j]!)), o.constant(0)),
          );
          return [
            slopes[2]!,
            slopes[3]!,
            o.sub(o.neg(slopes[0]!), o.mul(gamma, z[2]!)),
            o.sub(o.neg(slopes[1]!), o.mul(gamma, z[3]!)),
          ];
        });
      const look = { random: random(1), points: 2 };
      expect(testHamiltonian(field(0), look).hamiltonian).toBe(true);
      expect(testHamiltonian(field(friction), look).hamiltonian).toBe(false);
      const H = S.reduce((sum, row, i) => sum + row.reduce((s, v, j) => s + v * x[j]! * x[i]!, 0) / 2, 0);
      expect(recoverHamiltonian(field(0), [0, 0, 0, 0])(x)).toBeCloseTo(H, 9);
    }),
    { numRuns: 30 },
  ));

test('{H, C} = 0 exactly where C is found to be conserved', () => {
  const H: PairFormula = (o, q, p) =>
    o.mul(
      0.5,
      o.add(o.add(o.mul(q[0]!, q[0]!), o.mul(q[1]!, q[1]!)), o.add(o.mul(p[0]!, p[0]!), o.mul(p[1]!, p[1]!))),
    );
  const swap: PairFormula = (o, q, p) => o.add(o.mul(q[0]!, q[1]!), o.mul(p[0]!, p[1]!));
  const system = hamiltonian({ name: 'two oscillators', dimension: 2, energy: H });
  expect(conservedQuantity(system, swap, { random: random(2) }).symmetry).toBe(true);
  fc.assert(
    fc.property(vector(2), vector(2), (q, p) => {
      expect(poissonBracket(H, swap)(real, q, p)).toBeCloseTo(0, 13);
    }),
  );
});

test('every method that calls itself symplectic keeps area on the pendulum, wherever it starts', () => {
  const methods = [...integrators.values()].filter(
    ({ symplectic, needs }) => symplectic && (needs === 'separable' || needs === 'rates'),
  );
  fc.assert(
    fc.property(
      number(-3, 3),
      number(-2, 2),
      number(0.01, 0.3),
      fc.constantFrom(...methods),
      (q, p, h, method) => {
        expect(volumeDefect(method, pendulum(), stateOf([q], [p]), h)).toBeLessThan(1e-13);
      },
    ),
    { numRuns: 60 },
  );
});

test('a shadow energy is that of its own level sets: equal after a step, for any start', () => {
  const method = integrators.get('leapfrog-kdk')!;
  const shadow = shadowHamiltonian(method, pendulum(), 0.05, stateOf([0], [0]));
  fc.assert(
    fc.property(number(-2, 2), number(-1, 1), (q, p) => {
      const state = stateOf([q], [p]);
      const before = shadow(state.q, state.p);
      method.stepper(pendulum())(state, 0.05);
      expect(Math.abs(shadow(state.q, state.p) - before)).toBeLessThan(1e-11);
    }),
    { numRuns: 30 },
  );
});
