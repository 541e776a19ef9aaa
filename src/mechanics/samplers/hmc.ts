/** @file Hamiltonian Monte Carlo: trajectories of a symplectic integrator, accepted by their energy error. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { leapfrogKDK } from '../integrators/leapfrog.ts';
import { counted, type Landscape, particle } from '../landscape.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import type { Integrator, State } from '../types.ts';
import { type Chain, recorder, type SamplingOptions } from './chain.ts';
import { drawMomentum, MOST_ENERGY_ERROR, metropolis } from './momentum.ts';
import { stepAdaptation } from './step-adaptation.ts';

/** Options of `hmc`: steps, trajectories and masses. */
export interface HmcOptions extends SamplingOptions {
  /** Step length; the first guess when there is a warm-up. */
  readonly step: number;
  /** Mean length of a trajectory in time; each is drawn between 0.5 and 1.5 times it, against resonances. */
  readonly length: number;
  /** m_i: the inverse scales of the target; 1 unless given. */
  readonly mass?: number | ArrayLike<number>;
  /** Leapfrog unless given. It must be symplectic and symmetric. */
  readonly integrator?: Integrator;
  /** Acceptance that the warm-up aims at; 0.8 unless given. */
  readonly target?: number;
}

/**
 * Draws from exp(−V) (Duane et al. 1987; Neal 2011, §3).
 * @throws MechanicsError `mechanics.not-finite` when V is not finite where the chain starts; later on, such a trajectory
 * is refused and counted as divergent; `mechanics.option` for an integrator that is not symplectic and symmetric.
 */
export function hmc(V: Landscape, start: ArrayLike<number>, options: HmcOptions, random: Random): Chain {
  const { draws, warmUp = 0, length, integrator = leapfrogKDK, target = 0.8 } = options;
  requireAbove(length, 0, 'hmc.length');
  if (!integrator.symplectic || !integrator.symmetric)
    throw new MechanicsError('mechanics.option', `${integrator.name} does not keep exp(−V) in balance`, {
      where: 'hmc.integrator',
      hint: 'take a symplectic and symmetric method, e.g. leapfrog-kdk',
    });
  const landscape = counted(V);
  const system = particle(landscape, options.mass);
  const advance = integrator.stepper(system);
  const adaptation = stepAdaptation(options.step, target, 'hmc');
  const n = V.dimension;
  const record = recorder(n, draws);
  let q: Float64Array = Float64Array.from(start);
  let value = system.potential(q);
  for (let k = -warmUp; k < draws; k++) {
    throwIfAborted(options.signal);
    const h = k < 0 ? adaptation.step() : adaptation.settled();
    const state: State = { t: 0, q: q.slice(), p: drawMomentum(system, random) };
    const before = system.energy(state.q, state.p);
    const steps = Math.max(1, Math.round((length * (0.5 + random.uniform())) / h));
    let error = Number.POSITIVE_INFINITY;
    try {
      for (let s = 0; s < steps; s++) advance(state, h);
      error = system.energy(state.q, state.p) - before;
    } catch (failure) {
      if (!isNotFinite(failure)) throw failure;
    }
    const { probability, accepted } = metropolis(error, random);
    if (accepted) {
      q = state.q;
      value = system.potential(q);
    }
    if (k < 0) adaptation.learn(probability);
    else record.keep(q, value, probability, !(error < MOST_ENERGY_ERROR));
  }
  return record.chain('hmc', adaptation.settled(), landscape.evaluations());
}

/** Whether an error says that a value was not finite. */
export const isNotFinite = (failure: unknown): boolean =>
  failure instanceof Error && 'code' in failure && failure.code === 'mechanics.not-finite';
