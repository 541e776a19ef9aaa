/** @file The shadow Hamiltonian: what a symplectic method conserves in place of H, from the iterates of its own step. */
import { MechanicsError } from '../../core/errors.ts';
import { stateOf } from '../build.ts';
import { recoverHamiltonian } from '../poincare.ts';
import type { Integrator, State, System } from '../types.ts';

/** Derivative at 0 of the curve through equally spaced points: central to order 8, forward to order 8. */
const CENTRAL = [4 / 5, -1 / 5, 4 / 105, -1 / 280];
const FORWARD = [-761 / 280, 8, -14, 56 / 3, -35 / 2, 56 / 5, -14 / 3, 8 / 7, -1 / 8];

/**
 * The modified vector field whose exact flow the method follows, at a point (q, p): the derivative of the curve through
 * the iterates …, Φ⁻¹x, x, Φx, … (Hairer, Lubich and Wanner 2006, §IX.1; the interpolation is that of Skeel and Hardy
 * 2001). Known to order h⁸; central for symmetric methods, where Φ⁻¹ is a step by −h.
 */
export function modifiedField(integrator: Integrator, system: System, h: number) {
  const n = system.dimension;
  if (integrator.variableTime)
    throw new MechanicsError('mechanics.needs', `${integrator.name} chooses its own steps`, {
      where: system.name,
      hint: 'a shadow Hamiltonian belongs to a step of known length',
    });
  return (x: Float64Array, out: Float64Array): void => {
    out.fill(0);
    const add = (state: State, weight: number) => {
      for (let i = 0; i < n; i++) {
        out[i]! += (weight / h) * state.q[i]!;
        out[n + i]! += (weight / h) * state.p[i]!;
      }
    };
    const start = () => stateOf(x.subarray(0, n), x.subarray(n));
    if (integrator.symmetric) {
      for (const direction of [1, -1]) {
        const [state, step] = [start(), integrator.stepper(system)];
        for (const weight of CENTRAL) {
          step(state, direction * h);
          add(state, direction * weight);
        }
      }
      return;
    }
    const [state, step] = [start(), integrator.stepper(system)];
    FORWARD.forEach((weight, k) => {
      if (k > 0) step(state, h);
      add(state, weight);
    });
  };
}

/**
 * H̃(x) − H̃(base) of a symplectic method with step h, by Poincaré's lemma along the straight line from `base`: valid where
 * the line stays where the step is smooth. Order 8 in h, up to rounding 1e-16/h.
 * @throws MechanicsError `mechanics.needs` for a method that is not symplectic, a system without momenta, or one with friction
 * or constraints (it moves on a surface, off which no line may lead).
 */
export function shadowHamiltonian(
  integrator: Integrator,
  system: System,
  h: number,
  base: Pick<State, 'q' | 'p'>,
): (q: ArrayLike<number>, p: ArrayLike<number>) => number {
  const { kind, momenta, dimension } = system;
  if (!integrator.symplectic || momenta !== dimension || kind === 'damped' || kind === 'constrained')
    throw new MechanicsError(
      'mechanics.needs',
      `${integrator.name} on ${system.name} follows no Hamiltonian of free q and p`,
      {
        where: integrator.name,
        hint: 'take a symplectic method and a Hamiltonian system without constraints',
      },
    );
  const value = modifiedField(integrator, system, h);
  const field = { dimension: 2 * system.dimension, value };
  const from = [...base.q, ...base.p];
  return (q, p) => {
    const to = [...Array.from(q), ...Array.from(p)];
    // The field is a difference of iterates over h: it carries their rounding.
    const largest = Math.max(...from.map(Math.abs), ...to.map(Math.abs));
    const noise = (16 * Number.EPSILON * largest) / Math.abs(h);
    return recoverHamiltonian(field, from, { tolerance: 1e-12, noise })(to);
  };
}
