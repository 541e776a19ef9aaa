/** @file What one step preserves: the symplectic form, volume, and the way back. Derivatives are exact. */
import { MechanicsError } from '../../core/errors.ts';
import { stateOf } from '../build.ts';
import { finite } from '../finite.ts';
import { factor } from '../linear.ts';
import { stepJacobian } from '../tangent.ts';
import type { Integrator, State, System } from '../types.ts';

/** Largest entry of DΦᵀΩDΦ − cΩ, with c = e^(−γh) for a damped system and 1 otherwise. @throws `mechanics.needs` for a system without formulas, or held on a surface. */
export function symplecticityDefect(integrator: Integrator, system: System, at: State, h: number): number {
  return formDefect(freeJacobian(integrator, system, at, h), contraction(system, h));
}

/** Largest entry of DᵀΩD − factor·Ω for a Jacobian [2n][2n] of (q, p). @throws MechanicsError `mechanics.not-finite`. */
export function formDefect(D: readonly (readonly number[])[], factorOfForm = 1): number {
  const n = D.length / 2;
  let worst = 0;
  for (let a = 0; a < 2 * n; a++)
    for (let b = 0; b < 2 * n; b++) {
      let form = 0;
      for (let i = 0; i < n; i++) form += D[i]![a]! * D[n + i]![b]! - D[n + i]![a]! * D[i]![b]!;
      const omega = b - a === n ? 1 : a - b === n ? -1 : 0;
      worst = Math.max(worst, Math.abs(form - factorOfForm * omega));
    }
  return finite(worst, 'a derivative of the step', 'DΦᵀΩDΦ');
}

/** |det DΦ − cⁿ|: how far the step is from keeping volume (Liouville). */
export function volumeDefect(integrator: Integrator, system: System, at: State, h: number): number {
  const { determinant } = factor(freeJacobian(integrator, system, at, h), system.name);
  return Math.abs(determinant - contraction(system, h) ** system.dimension);
}

/** Largest change of a coordinate after a step by h and a step by −h. @throws MechanicsError `mechanics.not-finite`. */
export function reversibilityDefect(integrator: Integrator, system: System, at: State, h: number): number {
  const [state, step] = [stateOf(at.q, at.p, at.t), integrator.stepper(system)];
  step(state, h);
  step(state, -h);
  const worst = Math.max(
    ...state.q.map((q, i) => Math.abs(q - at.q[i]!)),
    ...state.p.map((p, i) => Math.abs(p - at.p[i]!)),
  );
  return finite(worst, 'the state after a step and back', system.name);
}

/** DΦ where all of phase space is open: on a surface only its own tangents count, and these columns are none of them. */
function freeJacobian(integrator: Integrator, system: System, at: State, h: number): number[][] {
  if (system.kind !== 'constrained') return stepJacobian(integrator, system, at, h);
  throw new MechanicsError('mechanics.needs', `${system.name} moves on a surface in phase space`, {
    where: system.name,
    hint: 'carry tangents of the surface along with tangentStepper, and compare their areas',
  });
}

const contraction = (system: System, h: number): number =>
  system.kind === 'damped' ? Math.exp(-system.friction * h) : 1;
