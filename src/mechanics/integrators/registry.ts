/** @file All methods of integration by name. */
import { MechanicsError, nearestNames } from '../../core/errors.ts';
import type { Integrator } from '../types.ts';
import { blanesMoan6 } from './blanes-moan.ts';
import { conformalEuler, conformalLeapfrog } from './conformal.ts';
import { dormandPrince } from './dormand-prince.ts';
import { extrapolation12 } from './extrapolation.ts';
import { forestRuth } from './forest-ruth.ts';
import { gaussLegendre4, gaussLegendre6, implicitMidpoint } from './gauss-legendre.ts';
import { kahanLi6, kahanLi8 } from './kahan-li.ts';
import { leapfrogDKD, leapfrogKDK } from './leapfrog.ts';
import { liePoisson, liePoisson4 } from './lie-poisson.ts';
import { mclachlan2, mclachlan4 } from './mclachlan.ts';
import { pefrl } from './pefrl.ts';
import { rattle, shake } from './rattle.ts';
import { adaptiveLeapfrog } from './reversible-adaptive.ts';
import { dormandPrince5, explicitEuler, rungeKutta4 } from './runge-kutta.ts';
import { suzuki4 } from './suzuki.ts';
import { symplecticEuler } from './symplectic-euler.ts';
import { galerkin4, galerkin6, variationalMidpoint, variationalTrapezoidal } from './variational.ts';
import { yoshida6, yoshida8 } from './yoshida.ts';

/** Every method, in the order in which they are listed. */
export const integrators: ReadonlyMap<string, Integrator> = new Map(
  [
    symplecticEuler,
    leapfrogDKD,
    leapfrogKDK,
    mclachlan2,
    forestRuth,
    pefrl,
    suzuki4,
    mclachlan4,
    yoshida6,
    kahanLi6,
    blanesMoan6,
    yoshida8,
    kahanLi8,
    implicitMidpoint,
    gaussLegendre4,
    gaussLegendre6,
    variationalMidpoint,
    variationalTrapezoidal,
    galerkin4,
    galerkin6,
    rattle,
    shake,
    liePoisson,
    liePoisson4,
    conformalEuler,
    conformalLeapfrog,
    adaptiveLeapfrog,
    explicitEuler,
    rungeKutta4,
    dormandPrince5,
    dormandPrince,
    extrapolation12,
  ].map((method) => [method.name, method]),
);

/** The method of this name. Throws `mechanics.unknown-integrator` with the nearest names. */
export function integratorNamed(name: string): Integrator {
  const found = integrators.get(name);
  if (found) return found;
  throw new MechanicsError('mechanics.unknown-integrator', `no integrator is called ${name}`, {
    where: name,
    hint: `did you mean ${nearestNames(name, integrators.keys()).join(', ')}?`,
  });
}
