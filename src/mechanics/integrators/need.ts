/** @file The check, once per system, that a method can move it. */
import { MechanicsError, UntangleError } from '../../core/errors.ts';
import type { PairFormula } from '../differentiate.ts';
import type { Constrained, Damped, Flow, Integrator, Poisson, Separable, System } from '../types.ts';

const refuse = (method: string, system: System, wanted: string, hint: string) =>
  new MechanicsError(
    'mechanics.needs',
    `${method} moves ${wanted}, and ${system.name} is not one (${system.kind})`,
    {
      where: system.name,
      hint,
    },
  );

/**
 * Whether the method keeps what the system's own flow keeps: Ω, Ω shrunk by friction, or a Poisson structure. A method that is
 * symplectic for Hamiltonian systems is in general neither conformal nor Poisson (Hairer, Lubich, Wanner (2006) §VII.4).
 */
export function keepsStructure(
  { symplectic, needs }: Pick<Integrator, 'symplectic' | 'needs'>,
  { kind }: System,
): boolean {
  if (kind === 'damped' || kind === 'poisson') return symplectic && needs === kind;
  return symplectic && kind !== 'field';
}

/** Whether the method can move the system. */
export function canMove(method: Integrator, system: System): boolean {
  try {
    method.stepper(system);
    return true;
  } catch (error) {
    if (error instanceof UntangleError && error.code === 'mechanics.needs') return false;
    throw error;
  }
}

/** The system as H = T(p) + V(q). Throws `mechanics.needs`. */
export function needSeparable(method: string, system: System): Separable {
  if (system.kind === 'separable') return system;
  throw refuse(
    method,
    system,
    'separable systems H = T(p) + V(q)',
    system.kind === 'damped'
      ? 'this method would ignore the friction: use a conformal one'
      : 'use implicit-midpoint or another Gauss–Legendre method',
  );
}

/** The system by its rates. Throws `mechanics.needs` for a constrained one, whose rates hold multipliers. */
export function needRates(method: string, system: System): Flow {
  if (system.kind !== 'constrained') return system;
  throw refuse(method, system, 'systems without constraints', 'use rattle or shake');
}

/** The system with friction; a separable one counts as friction 0. Throws `mechanics.needs`. */
export function needDamped(method: string, system: System): Pick<Damped, 'conservative' | 'friction'> {
  if (system.kind === 'damped') return system;
  if (system.kind === 'separable') return { conservative: system, friction: 0 };
  throw refuse(method, system, 'separable systems with friction', 'make one with damped(system, friction)');
}

/** The system on its constraint surface. Throws `mechanics.needs`. */
export function needConstrained(method: string, system: System): Constrained {
  if (system.kind === 'constrained') return system;
  throw refuse(method, system, 'constrained systems', 'make one with constrained(system, constraints)');
}

/** The Poisson system with the exact flows of its parts. Throws `mechanics.needs`. */
export function needPoisson(method: string, system: System): Poisson {
  if (system.kind === 'poisson' && system.parts.length > 0) return system;
  throw refuse(
    method,
    system,
    'Poisson systems split into parts that can be solved',
    'use implicit-midpoint or rk4',
  );
}

/** L(q, q̇) of the system. Throws `mechanics.needs`. */
export function needLagrangian(method: string, system: System): PairFormula {
  if ((system.kind === 'separable' || system.kind === 'hamiltonian') && system.lagrangian)
    return system.lagrangian;
  throw refuse(
    method,
    system,
    'systems with a Lagrangian',
    'give the potential as a formula and the kinetic energy by a mass, or give a Lagrangian',
  );
}
