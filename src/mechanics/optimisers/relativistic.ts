/** @file Relativistic gradient descent: momentum whose velocity never exceeds c, so that steep walls cannot throw it far. */
import { relativisticKinetic } from '../kinetic.ts';
import { type FrictionOptions, requireFriction } from './heavy-ball.ts';
import { at, type Optimiser, optimiser, squaredNorm } from './optimiser.ts';

/** Options of `relativistic`: friction, and a speed limit against steep slopes. */
export interface RelativisticOptions extends FrictionOptions {
  /** c: the most that |x| moves per unit of time; 1 unless given. */
  readonly speed?: number;
}

/**
 * Drift, kick, drift of the conformal relativistic Hamiltonian c√(|p|² + m²c²) + f (França et al. 2020, algorithm 1 with
 * α = 1): with μ = e^(−γh), x½ = x + (h/2)∇k(√μ p), p½ = √μ p − h∇f(x½), x′ = x½ + (h/2)∇k(p½), p′ = √μ p½.
 * Conformal symplectic, order 2. The parameters hold x½, where the gradient is wanted. Heavy ball's cousin for c → ∞.
 */
export const relativistic = (options: RelativisticOptions): Optimiser => {
  const { step: time, friction, mass = 1, speed = 1 } = options;
  requireFriction('relativistic', friction, mass);
  const kinetic = relativisticKinetic(mass, speed);
  return optimiser({
    name: 'relativistic',
    structure: 'conformal',
    vectors: ['momentum'],
    numbers: { kinetic: 0 },
    apply({ step, parameters, gradient, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'relativistic.step');
      const nextH = at(time, step + 1, 'relativistic.step');
      const kept = Math.exp((-friction * h) / 2);
      const keptNext = Math.exp((-friction * nextH) / 2);
      for (let i = 0; i < parameters.length; i++) momentum[i] = kept * momentum[i]! - h * gradient[i]!;
      const squared = squaredNorm(momentum);
      numbers.kinetic = kinetic.energy(squared);
      const second = (h / 2) * kinetic.factor(squared);
      const carried = keptNext * kept;
      const first = (nextH / 2) * carried * kinetic.factor(carried * carried * squared);
      for (let i = 0; i < parameters.length; i++) {
        parameters[i]! += (second + first) * momentum[i]!;
        momentum[i]! *= kept;
      }
    },
    figures: ({ kinetic }) => ({ kinetic }),
  });
};
