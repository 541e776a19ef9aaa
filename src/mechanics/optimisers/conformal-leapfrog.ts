/** @file Conformal leapfrog: leapfrog between two halves of the friction; order 2, one gradient a step. */
import { type FrictionOptions, requireFriction } from './heavy-ball.ts';
import { at, type Optimiser, optimiser } from './optimiser.ts';

/**
 * p½ = e^(−γh/2) p − (h/2)∇f(x), x′ = x + (h/m) p½, p′ = e^(−γh/2)(p½ − (h/2)∇f(x′)): symmetric composition of exact
 * flows of friction, force and drift, so DΦᵀΩDΦ = e^(−γh) Ω (Bhatt, Floyd and Moore 2016, §3; leapfrog for γ = 0).
 * Stable on a λ-quadratic for h < 2√(m/λ). The state keeps p½ between updates; `figures`: T and H = T + V of the full step.
 */
export const conformalLeapfrog = ({ step: time, friction, mass = 1 }: FrictionOptions): Optimiser => {
  requireFriction('conformal-leapfrog', friction, mass);
  return optimiser({
    name: 'conformal-leapfrog',
    structure: 'conformal',
    vectors: ['momentum'],
    numbers: { kinetic: 0, energy: 0, before: 0 },
    apply({ step, parameters, gradient, loss, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'conformal-leapfrog.step');
      // The half kick that ends the step before, with that step's time; none at the very start.
      const keptBefore = Math.exp((-friction * numbers.before) / 2);
      const kept = Math.exp((-friction * h) / 2);
      const drift = h / mass;
      let squared = 0;
      for (let i = 0; i < parameters.length; i++) {
        const full = keptBefore * (momentum[i]! - (numbers.before / 2) * gradient[i]!);
        squared += full * full;
        const half = kept * full - (h / 2) * gradient[i]!;
        momentum[i] = half;
        parameters[i]! += drift * half;
      }
      numbers.kinetic = squared / (2 * mass);
      numbers.energy = numbers.kinetic + loss;
      numbers.before = h;
    },
    figures: ({ kinetic, energy }) => ({ kinetic, energy }),
  });
};
