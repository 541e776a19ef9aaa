/** @file Dormand–Prince 5(4) that chooses its own steps to a tolerance. J. Comp. Appl. Math. 6 (1980) 19. */
import { MechanicsError } from '../../core/errors.ts';
import type { Integrator, State, Vector } from '../types.ts';
import { needRates } from './need.ts';
import { DORMAND_PRINCE, rungeKutta } from './runge-kutta.ts';

/** Error that an adaptive method may make in one step. */
export interface Tolerance {
  /** Allowed error of a step, as a share of each component's size. */
  readonly relative?: number;
  /** Added to it, in the component's own unit. */
  readonly absolute?: number;
}

const { matrix, weights, error } = DORMAND_PRINCE;
/** The seventh slope stands at the end of the step: it gives the error, and is the next step's first. */
const WITH_END = { matrix: [...matrix, weights], weights };
/** Hairer, Nørsett, Wanner I (1993) §II.4: safety factor, smallest and largest change of the step. */
const [SAFETY, SHRINK, GROW] = [0.9, 0.2, 5];
const SMALLEST_STEP = 1e-14;
/** Inner steps that one step may be made of: beyond them the motion is out of reach, not merely slow. */
const MOST_INNER_STEPS = 1_000_000;

/**
 * Advances by exactly the step it is asked for, in as many inner steps as the tolerance needs.
 * Throws `mechanics.step-too-small` when no inner step meets the tolerance, or a million of them do not reach the end.
 */
export function adaptiveDormandPrince({ relative = 1e-9, absolute = 1e-12 }: Tolerance = {}): Integrator {
  const name = 'dormand-prince';
  if (!(relative >= 0 && absolute >= 0 && relative + absolute > 0)) {
    throw new MechanicsError('mechanics.option', `tolerances ${relative} and ${absolute} cannot be met`, {
      where: name,
      hint: 'give tolerances from 0, at least one of them above it',
    });
  }
  return {
    name,
    order: 5,
    symplectic: false,
    symmetric: false,
    needs: 'rates',
    forcesPerStep: 6,
    reference: 'Dormand & Prince 1980; step control: Hairer, Nørsett, Wanner I (1993) §II.4',
    stepper(system) {
      const flow = needRates(name, system);
      const stages = rungeKutta(flow, WITH_END);
      const trial: State = { t: 0, q: new Float64Array(flow.dimension), p: new Float64Array(flow.momenta) };
      const squares = (from: Vector, to: Vector, k: readonly Vector[], h: number) => {
        let total = 0;
        for (let n = 0; n < from.length; n++) {
          let e = 0;
          for (let j = 0; j < error.length; j++) e += error[j]! * k[j]![n]!;
          const scale = absolute + relative * Math.max(Math.abs(from[n]!), Math.abs(to[n]!));
          total += ((h * e) / scale) ** 2;
        }
        return total;
      };
      let length = 0;
      return (state, h) => {
        const { q, p } = state;
        const size = flow.dimension + flow.momenta;
        let left = h;
        if (length === 0) length = Math.abs(h);
        stages.slope(0, q, p, 0);
        for (let inner = 0; left !== 0; inner++) {
          if (inner === MOST_INNER_STEPS) throw tooFar(flow.name, state.t, h);
          const last = length >= Math.abs(left);
          const tried = last ? left : Math.sign(h) * length;
          for (let i = 1; i < matrix.length; i++) stages.slope(i, q, p, tried);
          trial.q.set(q);
          trial.p.set(p);
          stages.advance(weights, trial.q, trial.p, tried);
          flow.rates(trial.q, trial.p, stages.kq[6]!, stages.kp[6]!);
          const norm = Math.sqrt(
            (squares(q, trial.q, stages.kq, tried) + squares(p, trial.p, stages.kp, tried)) / size,
          );
          const change = Number.isFinite(norm)
            ? Math.min(GROW, Math.max(SHRINK, SAFETY * norm ** -0.2))
            : SHRINK;
          if (norm <= 1) {
            q.set(trial.q);
            p.set(trial.p);
            stages.kq[0]!.set(stages.kq[6]!);
            stages.kp[0]!.set(stages.kp[6]!);
            state.t += tried;
            left = last ? 0 : left - tried;
            if (!last || change < 1) length = Math.abs(tried) * change;
          } else {
            length = Math.abs(tried) * Math.min(1, change);
            if (length < SMALLEST_STEP * Math.max(1, Math.abs(state.t)))
              throw tooSmall(flow.name, state.t, norm);
          }
        }
      };
    },
  };
}

const tooFar = (system: string, t: number, h: number) =>
  new MechanicsError(
    'mechanics.step-too-small',
    `${MOST_INNER_STEPS} inner steps did not take ${system} through one step of ${h}`,
    { where: `${system}, t = ${t}`, hint: 'ask for shorter steps: each is made of as many as it needs' },
  );

const tooSmall = (system: string, t: number, norm: number) =>
  Number.isFinite(norm)
    ? new MechanicsError('mechanics.step-too-small', `no step of ${system} meets the tolerance at t = ${t}`, {
        where: system,
        hint: 'the motion may be singular there: look at its rates, or raise the tolerance',
      })
    : new MechanicsError('mechanics.not-finite', `the rates of ${system} are not finite at t = ${t}`, {
        where: system,
        hint: 'check the force for divisions by zero near this state',
      });

/** Dormand–Prince with steps of its own choice, at its usual tolerance: the method to compare with. */
export const dormandPrince: Integrator = adaptiveDormandPrince();
