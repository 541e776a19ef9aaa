/** @file What implicit methods share: when an iteration has converged to rounding, and the errors when it does not. */
import { MechanicsError } from '../../core/errors.ts';

/** Iterations before a solver gives up. */
export const MAX_ITERATIONS = 100;
/** A change this small, relative to the size of the unknown, may be called converged once it no longer falls. */
const NEAR_ROUNDING = 1e-12;

/** A change this small can no longer be seen in the state. */
const BELOW_ROUNDING = Number.EPSILON / 256;

/**
 * True when the iteration is done: the change is below rounding, or near it and no longer falling
 * (Hairer, Lubich, Wanner (2006) §VIII.6.1: iterate to rounding, or the round-off has a drift).
 */
export const settled = (change: number, before: number, size: number): boolean =>
  change <= BELOW_ROUNDING * size || (change >= before && change <= NEAR_ROUNDING * size);

/** Thrown when a solver ends without a solution, or meets NaN. */
export function unsolvedStep(method: string, system: string, change: number, t: number): MechanicsError {
  if (Number.isNaN(change)) {
    return new MechanicsError(
      'mechanics.not-finite',
      `${system} gave NaN while ${method} solved for its step`,
      {
        where: `${system}, t = ${t}`,
        hint: 'check the force at this state, or take a smaller step',
      },
    );
  }
  return new MechanicsError(
    'mechanics.not-converged',
    `${method} found no solution of its step for ${system}`,
    {
      where: `${system}, t = ${t}, last change ${change}`,
      hint: 'take a smaller step',
    },
  );
}
