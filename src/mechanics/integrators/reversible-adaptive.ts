/** @file Time-reversible adaptive steps. Hairer & Söderlind, SIAM J. Sci. Comput. 26 (2005) 1838. */
import { MechanicsError } from '../../core/errors.ts';
import { directional, joined, type PairFormula, real, type VectorFormula } from '../differentiate.ts';
import type { Flow, Integrator, State, Vector } from '../types.ts';
import { leapfrogKDK } from './leapfrog.ts';
import { needRates } from './need.ts';

/**
 * A symmetric method `base` whose step is h · σ(q, p). The density z = 1/σ is not read off the state, which would
 * break reversibility, but carried along: z' = z + h G/2 before and after each step, G = −(∇σ · ẏ)/σ.
 * A step by −h undoes a step by h exactly. Symplecticity is lost; long orbits still do not drift.
 * `sigma` over any algebra, positive; 1 where the step should be h.
 */
export function reversibleAdaptive(name: string, base: Integrator, sigma: PairFormula): Integrator {
  if (!base.symmetric) {
    throw new MechanicsError('mechanics.option', `${base.name} is not symmetric`, {
      where: name,
      hint: 'time-reversible steps need a symmetric method, e.g. leapfrog-kdk',
    });
  }
  return {
    name,
    order: base.order,
    symplectic: false,
    symmetric: true,
    needs: base.needs,
    forcesPerStep: base.forcesPerStep + 1,
    variableTime: true,
    reference: 'Hairer & Söderlind, SIAM J. Sci. Comput. 26 (2005) 1838',
    stepper(system) {
      const flow = needRates(name, system);
      const step = base.stepper(system);
      const growth = densityGrowth(flow, sigma);
      /** The state that the last step left, and z there: for any other state z starts anew at 1/σ. */
      const left: State = { t: 0, q: new Float64Array(flow.dimension), p: new Float64Array(flow.momenta) };
      let z = Number.NaN;
      let rise = 0;
      return (state, h) => {
        if (Number.isNaN(z) || !equal(left.q, state.q) || !equal(left.p, state.p)) {
          z = 1 / sigma(real, state.q, state.p);
          rise = growth(state);
        }
        const middle = z + (h / 2) * rise;
        if (!(middle > 0)) throw vanished(flow.name, state.t);
        step(state, h / middle);
        rise = growth(state);
        z = middle + (h / 2) * rise;
        left.q.set(state.q);
        left.p.set(state.p);
      };
    },
  };
}

/** G = −d(log σ)/dt along the motion. */
function densityGrowth(flow: Flow, sigma: PairFormula) {
  const { dimension, momenta } = flow;
  const one = joined(sigma, dimension);
  const joint: VectorFormula = (o, y) => [one(o, y)];
  const y = new Float64Array(dimension + momenta);
  const rates = new Float64Array(dimension + momenta);
  const dq = rates.subarray(0, dimension);
  const dp = rates.subarray(dimension);
  return ({ q, p }: State) => {
    flow.rates(q, p, dq, dp);
    y.set(q);
    y.set(p, dimension);
    const { values, tangents } = directional(real, joint, y, rates);
    return -tangents[0]! / values[0]!;
  };
}

const equal = (a: Vector, b: Vector) => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

const vanished = (system: string, t: number) =>
  new MechanicsError('mechanics.step-too-small', `the step control of ${system} lost its way at t = ${t}`, {
    where: system,
    hint: 'take a smaller step: σ changes too much in one',
  });

/** Leapfrog with steps h |q|^(3/2): equal angles on Kepler-like orbits, small steps near the centre. */
export const adaptiveLeapfrog: Integrator = reversibleAdaptive('adaptive-leapfrog', leapfrogKDK, (o, q) => {
  let r2 = o.mul(q[0]!, q[0]!);
  for (let i = 1; i < q.length; i++) r2 = o.add(r2, o.mul(q[i]!, q[i]!));
  return o.pow(r2, 0.75);
});
