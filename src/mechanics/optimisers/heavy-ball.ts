/** @file Heavy ball: a ball with mass and friction in the landscape of the loss. It is conformal symplectic Euler. */
import { at, type Optimiser, optimiser, requireAbove, type Schedule } from './optimiser.ts';

/** A particle with friction: ẋ = p/m, ṗ = −∇f − γp. */
export interface FrictionOptions {
  /** Time step h. */
  readonly step: Schedule;
  /** Friction γ ≥ 0 per unit of time; 0 gives the conservative motion. */
  readonly friction: number;
  /** m > 0; 1 unless given. */
  readonly mass?: number;
}

/**
 * Polyak's heavy ball: p′ = e^(−γh) p − h∇f(x), x′ = x + (h/m) p′. Order 1 and conformal symplectic,
 * DΦᵀΩDΦ = e^(−γh) Ω (França, Sulam, Robinson and Vidal 2020, §3). Stable on a λ-quadratic for
 * h < √(2m(1 + e^(−γh))/λ) (the same, §4). `figures`: T and H = T + V where the step began.
 */
export const heavyBall = ({ step: time, friction, mass = 1 }: FrictionOptions): Optimiser => {
  requireFriction('heavy-ball', friction, mass);
  return optimiser({
    name: 'heavy-ball',
    structure: 'conformal',
    vectors: ['momentum'],
    numbers: { kinetic: 0, energy: 0 },
    apply({ step, parameters, gradient, loss, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'heavy-ball.step');
      const kept = Math.exp(-friction * h);
      const drift = h / mass;
      let squared = 0;
      for (let i = 0; i < parameters.length; i++) {
        squared += momentum[i]! * momentum[i]!;
        const p = kept * momentum[i]! - h * gradient[i]!;
        momentum[i] = p;
        parameters[i]! += drift * p;
      }
      numbers.kinetic = squared / (2 * mass);
      numbers.energy = numbers.kinetic + loss;
    },
    figures: ({ kinetic, energy }) => ({ kinetic, energy }),
  });
};

/**
 * The usual parameters of momentum (v ← βv − ηg, x ← x + v) as step and friction at unit mass: h = √η, γ = −ln β / h.
 * @throws MechanicsError `mechanics.option` unless η > 0 and 0 < β ≤ 1.
 */
export function frictionOf(learningRate: number, momentum: number): { step: number; friction: number } {
  requireAbove(momentum, 0, 'momentum');
  const step = Math.sqrt(requireAbove(learningRate, 0, 'learningRate'));
  return { step, friction: requireFriction('momentum', -Math.log(momentum) / step, 1) };
}

/** Returns γ. @throws MechanicsError `mechanics.option` unless γ ≥ 0 and m > 0. */
export function requireFriction(where: string, friction: number, mass: number): number {
  requireAbove(mass, 0, `${where}.mass`);
  if (friction !== 0) requireAbove(friction, 0, `${where}.friction`);
  return friction;
}
