/** @file Hamiltonian descent: friction and a kinetic energy chosen to match the objective, for linear rates beyond smooth strongly convex ones. */
import { type Kinetic, quadraticKinetic } from '../kinetic.ts';
import { requireFriction } from './heavy-ball.ts';
import { at, type Optimiser, optimiser, type Schedule, squaredNorm } from './optimiser.ts';

/** Options of `hamiltonianDescent`: step, friction, and the kinetic energy that fits the loss. */
export interface HamiltonianDescentOptions {
  /** Time step ε. */
  readonly step: Schedule;
  /** Friction γ ≥ 0. */
  readonly friction: number;
  /** k(p); |p|²/2 unless given. */
  readonly kinetic?: Kinetic;
}

/**
 * First explicit method of Maddison, Paulin, Teh, O'Donoghue and Doucet (2018, §3): with δ = 1/(1 + γε),
 * p′ = δ(p − ε∇f(x)), x′ = x + ε∇k(p′). Conformal symplectic with factor δ in place of e^(−γε).
 */
export const hamiltonianDescent = (options: HamiltonianDescentOptions): Optimiser => {
  const { step: time, friction, kinetic = quadraticKinetic() } = options;
  requireFriction('hamiltonian-descent', friction, 1);
  return optimiser({
    name: 'hamiltonian-descent',
    structure: 'conformal',
    vectors: ['momentum'],
    numbers: { kinetic: 0, energy: 0 },
    apply({ step, parameters, gradient, loss, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'hamiltonian-descent.step');
      const kept = 1 / (1 + friction * h);
      numbers.kinetic = kinetic.energy(squaredNorm(momentum));
      numbers.energy = numbers.kinetic + loss;
      for (let i = 0; i < parameters.length; i++) momentum[i] = kept * (momentum[i]! - h * gradient[i]!);
      const drift = h * kinetic.factor(squaredNorm(momentum));
      for (let i = 0; i < parameters.length; i++) parameters[i]! += drift * momentum[i]!;
    },
    figures: ({ kinetic, energy }) => ({ kinetic, energy }),
  });
};
