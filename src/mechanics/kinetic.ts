/** @file Kinetic energies that depend on |p| alone: quadratic, relativistic, and the power family of Hamiltonian descent. */
import { MechanicsError } from '../core/errors.ts';

/** k(p) as functions of |p|², so that k = energy(|p|²) and ∇k = factor(|p|²)·p. */
export interface Kinetic {
  readonly name: string;
  energy(squared: number): number;
  /** Velocity over momentum; 0 at p = 0 where that ratio is infinite. */
  factor(squared: number): number;
}

/** |p|²/2m. */
export const quadraticKinetic = (mass = 1): Kinetic => {
  positive('mass', mass);
  return { name: 'quadratic', energy: (squared) => squared / (2 * mass), factor: () => 1 / mass };
};

/** c√(|p|² + m²c²) − mc²: no velocity exceeds c (França et al. 2020, eq. 12). */
export const relativisticKinetic = (mass = 1, speed = 1): Kinetic => {
  positive('mass', mass);
  positive('speed', speed);
  const rest = mass * speed;
  return {
    name: 'relativistic',
    energy: (squared) => (speed * squared) / (Math.sqrt(squared + rest * rest) + rest),
    factor: (squared) => speed / Math.sqrt(squared + rest * rest),
  };
};

/**
 * φ(t) = ((1 + t^a)^(A/a) − 1)/A with t = |p|: grows as t^a/a near 0 and as t^A/A far out (Maddison et al. 2018, §4).
 * Matched to the objective: 1/a + 1/b = 1 for f ~ |x|^b near its minimum, likewise A far out.
 */
export const powerKinetic = (near: number, far: number): Kinetic => {
  positive('a − 1', near - 1);
  positive('A', far);
  const tail = far / near;
  return {
    name: `power ${near}, ${far}`,
    energy: (squared) => Math.expm1(tail * Math.log1p(squared ** (near / 2))) / far,
    factor: (squared) =>
      squared === 0 && near < 2 ? 0 : squared ** (near / 2 - 1) * (1 + squared ** (near / 2)) ** (tail - 1),
  };
};

function positive(what: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new MechanicsError('mechanics.option', `${what} of a kinetic energy is ${value}`, {
    where: what,
    hint: 'give a finite number above 0',
  });
}
