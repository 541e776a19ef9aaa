/** @file Orders of methods on a built-in system, by halving the step: what `untangle mechanics order` prints and the Studio draws. */
import { energyOrder } from '../../mechanics/diagnostics/order.ts';
import { canMove } from '../../mechanics/integrators/need.ts';
import { integratorNamed } from '../../mechanics/integrators/registry.ts';
import type { SystemEntry } from '../../mechanics/systems/registry.ts';
import { requireConserved } from './compare.ts';

/** One method's line. */
export interface MeasuredOrder {
  readonly name: string;
  /** What theory promises. */
  readonly order: number;
  /** Step and largest energy error at each refinement, the widest first. */
  readonly steps: readonly number[];
  readonly errors: readonly number[];
  /** Mean slope of what lies above rounding; NaN where nothing does. */
  readonly slope: number;
}

/** Methods whose lines have the slopes 1, 2, 4, 4, 6 and 6. */
export const ORDER_METHODS = [
  'symplectic-euler',
  'leapfrog-kdk',
  'forest-ruth',
  'pefrl',
  'yoshida-6',
  'kahan-li-6',
] as const;

/** Those of `ORDER_METHODS` that can move the system; where none can, the system's own method. */
export function orderMethods({ make, integrator }: SystemEntry): readonly string[] {
  const able = ORDER_METHODS.filter((name) => canMove(integratorNamed(name), make()));
  return able.length > 0 ? able : [integrator];
}

/** Errors this small are rounding: there is no slope to measure. */
const ROUNDING = 1e-13;

/**
 * Energy error against step of `methods`, from the system's own step down.
 * Throws MechanicsError `mechanics.not-conserved` for a system with friction, `mechanics.needs`, `mechanics.unknown-integrator`.
 */
export function measuredOrders(
  entry: SystemEntry,
  methods: readonly string[],
  { time = 100 * entry.step, halvings = 4 }: { readonly time?: number; readonly halvings?: number } = {},
): MeasuredOrder[] {
  requireConserved(entry);
  const whole = Math.max(1, Math.round(time / entry.step)) * entry.step;
  return methods.map((one) => {
    const method = integratorNamed(one);
    const options = { time: whole, step: entry.step, halvings };
    const { steps, errors, slopes } = energyOrder(entry.make(), method, entry.start(), options);
    const above = slopes.filter((_, k) => errors[k + 1]! > ROUNDING);
    const slope = above.reduce((sum, x) => sum + x, 0) / above.length;
    return { name: method.name, order: method.order, steps, errors, slope };
  });
}
