/** @file Gauss–Legendre collocation, order 2 (implicit midpoint), 4 and 6: symplectic for every H, separable or not. */
import type { Flow, Integrator, Step, Vector } from '../types.ts';
import { MAX_ITERATIONS, settled, unsolvedStep } from './implicit.ts';
import { needRates } from './need.ts';

const root3 = Math.sqrt(3);
const root15 = Math.sqrt(15);

/** Weights b_i and matrices a_ij with 1, 2 and 3 stages. Hairer, Lubich, Wanner (2006) §II.1.3. */
const WEIGHTS = { 1: [1], 2: [1 / 2, 1 / 2], 3: [5 / 18, 4 / 9, 5 / 18] } as const;
const MATRIX = {
  1: [[1 / 2]],
  2: [
    [1 / 4, 1 / 4 - root3 / 6],
    [1 / 4 + root3 / 6, 1 / 4],
  ],
  3: [
    [5 / 36, 2 / 9 - root15 / 15, 5 / 36 - root15 / 30],
    [5 / 36 + root15 / 24, 2 / 9, 5 / 36 - root15 / 24],
    [5 / 36 + root15 / 30, 2 / 9 + root15 / 15, 5 / 36],
  ],
} as const;

function gaussLegendre(name: string, stages: 1 | 2 | 3): Integrator {
  return {
    name,
    order: 2 * stages,
    symplectic: true,
    symmetric: true,
    needs: 'rates',
    forcesPerStep: stages,
    reference: 'Butcher 1964; symplectic: Sanz-Serna, BIT 28 (1988) 877',
    stepper: (system) => collocation(name, needRates(name, system), MATRIX[stages], WEIGHTS[stages]),
  };
}

/** Order 2, one stage: the simplest symplectic method for an H that does not separate. */
export const implicitMidpoint: Integrator = gaussLegendre('implicit-midpoint', 1);
/** Order 4, two stages: the usual choice where H does not separate. */
export const gaussLegendre4: Integrator = gaussLegendre('gauss-legendre-4', 2);
/** Order 6, three stages: for small errors where H does not separate. */
export const gaussLegendre6: Integrator = gaussLegendre('gauss-legendre-6', 3);

/** Stage slopes by fixed-point iteration down to rounding; the last step's slopes are the first guess. */
function collocation(
  name: string,
  flow: Flow,
  matrix: readonly (readonly number[])[],
  weights: readonly number[],
): Step {
  const { dimension, momenta } = flow;
  const stages = weights.length;
  const slopes = () => weights.map(() => ({ q: new Float64Array(dimension), p: new Float64Array(momenta) }));
  const k = slopes();
  const at = { q: new Float64Array(dimension), p: new Float64Array(momenta) };
  const rate = { q: new Float64Array(dimension), p: new Float64Array(momenta) };

  const stage = (i: number, part: 'q' | 'p', from: Vector, h: number) => {
    const to = at[part];
    const row = matrix[i]!;
    for (let n = 0; n < to.length; n++) {
      let sum = 0;
      for (let j = 0; j < stages; j++) sum += row[j]! * k[j]![part][n]!;
      to[n] = from[n]! + h * sum;
    }
  };
  const adopt = (kept: Vector, found: Vector) => {
    let change = 0;
    for (let n = 0; n < kept.length; n++) {
      const d = Math.abs(found[n]! - kept[n]!);
      if (!(d <= change)) change = d;
      kept[n] = found[n]!;
    }
    return change;
  };

  return (state, h) => {
    const { q, p } = state;
    const size = largest(q, largest(p, Math.abs(h)));
    let before = Number.POSITIVE_INFINITY;
    for (let iteration = 0; ; iteration++) {
      let change = 0;
      for (let i = 0; i < stages; i++) {
        stage(i, 'q', q, h);
        stage(i, 'p', p, h);
        flow.rates(at.q, at.p, rate.q, rate.p);
        const moved = adopt(k[i]!.q, rate.q) + adopt(k[i]!.p, rate.p);
        if (!(moved <= change)) change = moved;
      }
      change *= Math.abs(h);
      if (settled(change, before, size)) break;
      if (iteration === MAX_ITERATIONS || !Number.isFinite(change)) {
        for (const slope of k) {
          slope.q.fill(0);
          slope.p.fill(0);
        }
        throw unsolvedStep(name, flow.name, change, state.t);
      }
      before = change;
    }
    for (let i = 0; i < stages; i++) {
      const b = weights[i]! * h;
      for (let n = 0; n < dimension; n++) q[n]! += b * k[i]!.q[n]!;
      for (let n = 0; n < momenta; n++) p[n]! += b * k[i]!.p[n]!;
    }
    state.t += h;
  };
}

function largest(x: Vector, floor: number): number {
  let size = floor;
  for (let i = 0; i < x.length; i++) size = Math.max(size, Math.abs(x[i]!));
  return size;
}
