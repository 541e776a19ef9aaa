/** @file Explicit Euler and the classical Runge–Kutta method: not symplectic, here to show their drift. */
import type { Flow, Integrator, Step, Vector } from '../types.ts';
import { needRates } from './need.ts';

/** An explicit Runge–Kutta method: slope i is taken at y + h Σ_{j<i} matrix[i][j] k_j. */
export interface Tableau {
  readonly matrix: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

function explicit(name: string, order: number, reference: string, tableau: Tableau): Integrator {
  return {
    name,
    order,
    symplectic: false,
    symmetric: false,
    needs: 'rates',
    forcesPerStep: tableau.weights.length,
    reference,
    stepper(system) {
      const flow = needRates(name, system);
      const stages = rungeKutta(flow, tableau);
      const { matrix, weights } = tableau;
      const step: Step = (state, h) => {
        for (let i = 0; i < matrix.length; i++) stages.slope(i, state.q, state.p, h);
        stages.advance(weights, state.q, state.p, h);
        state.t += h;
      };
      return step;
    },
  };
}

/** Work arrays and inner loops of an explicit Runge–Kutta method for one system. */
export function rungeKutta(flow: Flow, { matrix }: Tableau) {
  const { dimension, momenta } = flow;
  const rows = matrix.map((row) => Float64Array.from(row));
  const kq = matrix.map(() => new Float64Array(dimension));
  const kp = matrix.map(() => new Float64Array(momenta));
  const at = { q: new Float64Array(dimension), p: new Float64Array(momenta) };
  const combine = (weights: ArrayLike<number>, k: readonly Vector[], from: Vector, h: number, to: Vector) => {
    for (let n = 0; n < to.length; n++) {
      let sum = 0;
      for (let j = 0; j < weights.length; j++) sum += weights[j]! * k[j]![n]!;
      to[n] = from[n]! + h * sum;
    }
  };
  return {
    kq,
    kp,
    /** Computes slope i; those before it must be there. */
    slope(i: number, q: Vector, p: Vector, h: number) {
      combine(rows[i]!, kq, q, h, at.q);
      combine(rows[i]!, kp, p, h, at.p);
      flow.rates(at.q, at.p, kq[i]!, kp[i]!);
    },
    /** q, p += h Σ weights_j k_j. */
    advance(weights: ArrayLike<number>, q: Vector, p: Vector, h: number) {
      combine(weights, kq, q, h, q);
      combine(weights, kp, p, h, p);
    },
  };
}

/** Order 1 with one rate: for contrast, it gains energy without end. */
export const explicitEuler: Integrator = explicit('euler', 1, 'Euler 1768', { matrix: [[]], weights: [1] });

/** Order 4 with 4 rates: for contrast, accurate for short times and drifting in long ones. */
export const rungeKutta4: Integrator = explicit('rk4', 4, 'Kutta 1901', {
  matrix: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
});

/** The fifth-order solution of Dormand and Prince, and its difference from their fourth-order one. */
export const DORMAND_PRINCE: Tableau & { readonly error: readonly number[] } = {
  matrix: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  ],
  weights: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  error: [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40],
};

/** Order 5 with 6 rates at a fixed step: for contrast and for fields that are not Hamiltonian. */
export const dormandPrince5: Integrator = explicit(
  'dormand-prince-5',
  5,
  'Dormand & Prince, J. Comp. Appl. Math. 6 (1980) 19',
  DORMAND_PRINCE,
);
