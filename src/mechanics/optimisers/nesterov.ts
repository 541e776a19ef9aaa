/** @file Nesterov's accelerated gradient: momentum with the gradient taken ahead. Not symplectic, not even conformally. */
import { type FrictionOptions, requireFriction } from './heavy-ball.ts';
import { at, type Optimiser, optimiser } from './optimiser.ts';

/**
 * In the parameters of heavy ball, with y = x + (h/m)e^(−γh)p where the gradient is taken:
 * p′ = e^(−γh) p − h∇f(y), x′ = x + (h/m) p′ (Nesterov 1983). The parameters hold y.
 * DΦᵀΩDΦ = e^(−γh)(1 − (h²/m)∂²f) Ω for one degree of freedom: the factor depends on the curvature, so the map is not
 * conformal symplectic (França et al. 2020, §3). Stable on a λ-quadratic for h < √(2m(1 + μ)/(λ(1 + 2μ))), μ = e^(−γh).
 */
export const nesterov = ({ step: time, friction, mass = 1 }: FrictionOptions): Optimiser => {
  requireFriction('nesterov', friction, mass);
  return optimiser({
    name: 'nesterov',
    structure: 'none',
    vectors: ['momentum'],
    numbers: { kinetic: 0 },
    apply({ step, parameters, gradient, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'nesterov.step');
      const nextH = at(time, step + 1, 'nesterov.step');
      const kept = Math.exp(-friction * h);
      const ahead = Math.exp(-friction * nextH) * (nextH / mass);
      // The very first gradient is taken at x itself: there is no momentum yet.
      const behind = step === 0 ? 0 : kept * (h / mass);
      let squared = 0;
      for (let i = 0; i < parameters.length; i++) {
        const before = momentum[i]!;
        const p = kept * before - h * gradient[i]!;
        squared += p * p;
        momentum[i] = p;
        parameters[i]! += -behind * before + (h / mass + ahead) * p;
      }
      numbers.kinetic = squared / (2 * mass);
    },
    figures: ({ kinetic }) => ({ kinetic }),
  });
};
