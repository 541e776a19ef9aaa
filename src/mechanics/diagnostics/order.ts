/** @file The order of a method, seen by refining the step: how many powers of h its error falls with. */
import { stateOf } from '../build.ts';
import { finite } from '../finite.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import type { Integrator, State, System } from '../types.ts';

/** Errors at halved steps, and the order they show. */
export interface Refinement {
  /** Step and error at each refinement, the widest first. */
  readonly steps: readonly number[];
  readonly errors: readonly number[];
  /** log₂ of the error's fall at each halving. */
  readonly slopes: readonly number[];
  /** Slope of log error against log step over all refinements, by least squares. */
  readonly order: number;
}

/** How long the motion runs, and which steps are tried. */
export interface RefinementOptions {
  /** Time that the motion runs. */
  readonly time: number;
  /** Widest step; it divides `time` a whole number of times. */
  readonly step: number;
  /** How often the step is halved; 3 unless given. */
  readonly halvings?: number;
}

/**
 * Order by the largest energy error on the way, for symplectic methods. Choose steps whose errors lie well above
 * rounding, and starts that are not at rest. @throws MechanicsError `mechanics.option` unless step and time are positive,
 * `mechanics.not-finite` when the motion runs away.
 */
export const energyOrder = (
  system: System,
  integrator: Integrator,
  start: State,
  options: RefinementOptions,
): Refinement =>
  refine(system.name, options, (h) => {
    const [state, step] = [stateOf(start.q, start.p), integrator.stepper(system)];
    const first = system.energy(state.q, state.p);
    let worst = 0;
    for (let k = Math.round(options.time / h); k > 0; k--) {
      step(state, h);
      worst = Math.max(worst, Math.abs(system.energy(state.q, state.p) - first));
    }
    return worst;
  });

/**
 * Order by the distance between the end points of a step and of its half, for any method: no exact solution is needed.
 * One more halving is made than errors are returned. @throws as `energyOrder`.
 */
export function stateOrder(
  system: System,
  integrator: Integrator,
  start: State,
  options: RefinementOptions,
): Refinement {
  const end = (h: number) => {
    const [state, step] = [stateOf(start.q, start.p), integrator.stepper(system)];
    for (let k = Math.round(options.time / h); k > 0; k--) step(state, h);
    return [...state.q, ...state.p];
  };
  return refine(system.name, options, (h) => {
    const [coarse, fine] = [end(h), end(h / 2)];
    return Math.hypot(...coarse.map((x, i) => x - fine[i]!));
  });
}

function refine(
  where: string,
  { time, step, halvings = 3 }: RefinementOptions,
  error: (h: number) => number,
): Refinement {
  requireAbove(step, 0, `${where}: step`);
  requireAbove(time, 0, `${where}: time`);
  const steps = Array.from({ length: halvings + 1 }, (_, k) => step / 2 ** k);
  const errors = steps.map((h) => finite(error(h), `the error at step ${h}`, where));
  const slopes = errors.slice(1).map((e, k) => Math.log2(errors[k]! / e));
  const middle = (steps.length - 1) / 2;
  const logs = errors.map((e) => Math.log2(e));
  const above = logs.reduce((sum, y, k) => sum - (k - middle) * y, 0);
  const below = logs.reduce((sum, _, k) => sum + (k - middle) ** 2, 0);
  return { steps, errors, slopes, order: above / below };
}
