/** @file A figure that must be a number: diagnostics end with an error rather than with NaN. */
import { MechanicsError } from '../core/errors.ts';

/** Returns `value`. @throws MechanicsError `mechanics.not-finite`. */
export function finite(value: number, what: string, where: string): number {
  if (Number.isFinite(value)) return value;
  throw new MechanicsError('mechanics.not-finite', `${what} is ${value}`, {
    where,
    hint: 'take a smaller step, or look for a division by zero or a motion that runs away',
  });
}
