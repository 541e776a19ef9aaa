/** @file Lie–Poisson splitting: exact flows of the parts of H, in a symmetric row. McLachlan, Phys. Rev. Lett. 71 (1993) 3043. */
import { type Algebra, real } from '../differentiate.ts';
import type { Integrator, PoissonPart } from '../types.ts';
import { needPoisson } from './need.ts';

const suzuki = 1 / (4 - Math.cbrt(4));

function lieSplitting(name: string, order: number, lengths: readonly number[]): Integrator {
  return {
    name,
    order,
    symplectic: true,
    symmetric: true,
    needs: 'poisson',
    forcesPerStep: lengths.length,
    reference: 'McLachlan, Phys. Rev. Lett. 71 (1993) 3043; Hairer, Lubich, Wanner (2006) §VII.5',
    stepper(system) {
      const { parts } = needPoisson(name, system);
      return (state, h) => {
        for (const w of lengths) strang(real, parts, state.q, w * h);
        state.t += h;
      };
    },
  };
}

/** Half of each part but the last, the last whole, the halves again in reverse; over any algebra, in place. */
export function strang<T>(
  o: Algebra<T>,
  parts: readonly PoissonPart[],
  x: { [index: number]: T },
  h: number,
): void {
  const last = parts.length - 1;
  for (let i = 0; i < last; i++) parts[i]!(o, x, h / 2);
  parts[last]!(o, x, h);
  for (let i = last - 1; i >= 0; i--) parts[i]!(o, x, h / 2);
}

/** Order 2: for Poisson systems such as the rigid body; it keeps their Casimirs. */
export const liePoisson: Integrator = lieSplitting('lie-poisson', 2, [1]);
/** Order 4: the triple jump of `liePoisson`. */
export const liePoisson4: Integrator = lieSplitting('lie-poisson-4', 4, [
  suzuki,
  suzuki,
  1 - 4 * suzuki,
  suzuki,
  suzuki,
]);
