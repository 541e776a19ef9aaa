/** @file Conformal symplectic methods: exact friction around a symplectic step, DΦᵀΩDΦ = e^(−γh) Ω. */
import type { Integrator } from '../types.ts';
import { leapfrogKDK } from './leapfrog.ts';
import { needDamped } from './need.ts';
import { symplecticEuler } from './symplectic-euler.ts';

const reference = 'Bhatt, Floyd, Moore, J. Sci. Comput. 66 (2016) 1234; França et al., NeurIPS 2020';

/** p shrinks by e^(−γh), then symplectic Euler: heavy ball. */
export const conformalEuler: Integrator = conformal('conformal-euler', symplecticEuler, [1, 0]);
/** Half the friction, leapfrog, half the friction. */
export const conformalLeapfrog: Integrator = conformal('conformal-leapfrog', leapfrogKDK, [0.5, 0.5]);

/** `share` of the friction acts before and after the step of `base`. */
function conformal(name: string, base: Integrator, share: readonly [number, number]): Integrator {
  return {
    name,
    order: base.order,
    symplectic: true,
    symmetric: base.symmetric,
    needs: 'damped',
    forcesPerStep: base.forcesPerStep,
    reference,
    stepper(system) {
      const { conservative, friction } = needDamped(name, system);
      const step = base.stepper(conservative);
      const shrink = (p: Float64Array, time: number) => {
        if (time === 0) return;
        const factor = Math.exp(-friction * time);
        for (let i = 0; i < p.length; i++) p[i]! *= factor;
      };
      return (state, h) => {
        shrink(state.p, share[0] * h);
        step(state, h);
        shrink(state.p, share[1] * h);
      };
    },
  };
}
