/** @file All optimisers by name, as a study file or a sweep chooses them. */
import { MechanicsError, nearestNames } from '../../core/errors.ts';
import { adam, adamW } from './adam.ts';
import { bbi } from './bbi.ts';
import { conformalLeapfrog } from './conformal-leapfrog.ts';
import { ecd } from './ecd.ts';
import { hamiltonianDescent } from './hamiltonian-descent.ts';
import { heavyBall } from './heavy-ball.ts';
import { nesterov } from './nesterov.ts';
import type { Optimiser } from './optimiser.ts';
import { relativistic } from './relativistic.ts';
import { sgd } from './sgd.ts';

/** Each optimiser's maker by its name. */
export const optimisers = {
  sgd,
  adam,
  adamw: adamW,
  'heavy-ball': heavyBall,
  'conformal-leapfrog': conformalLeapfrog,
  nesterov,
  relativistic,
  'hamiltonian-descent': hamiltonianDescent,
  bbi,
  ecd,
} as const;

/** Name of an optimiser of the table. */
export type OptimiserName = keyof typeof optimisers;

/** Options of an optimiser. */
export type OptimiserOptions<N extends OptimiserName> = Parameters<(typeof optimisers)[N]>[0];

/** An optimiser by name. @throws MechanicsError `mechanics.unknown-optimiser`, naming the nearest ones. */
export function makeOptimiser<N extends OptimiserName>(name: N, options: OptimiserOptions<N>): Optimiser {
  const make = (optimisers as Record<string, (options: never) => Optimiser>)[name];
  if (make) return make(options as never);
  throw new MechanicsError('mechanics.unknown-optimiser', `there is no optimiser called ${name}`, {
    where: name,
    hint: `did you mean ${nearestNames(name, Object.keys(optimisers)).join(', ')}?`,
  });
}
