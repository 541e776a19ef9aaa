/**
 * @file Extrapolated leapfrog: steps h/1, h/2, …, h/s by leapfrog, and the polynomial in h² through them taken at 0. Order 2s.
 * For many digits over moderate times: it drifts. Reference: Hairer, Nørsett, Wanner, Solving ODEs I (1993), II.9 and II.14.
 */
import type { Integrator } from '../types.ts';
import { needSeparable } from './need.ts';

/** The Aitken–Neville scheme over `columns` leapfrog runs with 1, 2, …, columns steps each. */
function extrapolatedLeapfrog(columns: number): Integrator {
  const name = `extrapolation-${2 * columns}`;
  return {
    name,
    order: 2 * columns,
    symplectic: false,
    symmetric: false,
    needs: 'separable',
    forcesPerStep: 1 + (columns * (columns + 1)) / 2,
    reference:
      'Gragg 1965; Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I (1993) §II.9, II.14',
    stepper(system) {
      const { dimension: n, velocity, force } = needSeparable(name, system);
      const first = new Float64Array(n);
      const f = new Float64Array(n);
      const v = new Float64Array(n);
      const rows = () => Array.from({ length: columns }, () => new Float64Array(n));
      const [Q, P] = [rows(), rows()];
      return (state, h) => {
        const { q, p } = state;
        force(q, first);
        for (let j = 0; j < columns; j++) {
          const [a, b] = [Q[j]!, P[j]!];
          const small = h / (j + 1);
          a.set(q);
          for (let i = 0; i < n; i++) b[i] = p[i]! + 0.5 * small * first[i]!;
          for (let k = 0; k <= j; k++) {
            velocity(b, v);
            for (let i = 0; i < n; i++) a[i]! += small * v[i]!;
            force(a, f);
            const kick = k === j ? 0.5 * small : small;
            for (let i = 0; i < n; i++) b[i]! += kick * f[i]!;
          }
          for (let k = j - 1; k >= 0; k--) {
            const weight = 1 / (((j + 1) / (k + 1)) ** 2 - 1);
            extend(Q[k]!, Q[k + 1]!, weight);
            extend(P[k]!, P[k + 1]!, weight);
          }
        }
        q.set(Q[0]!);
        p.set(P[0]!);
        state.t += h;
      };
    },
  };
}

/** One entry of the scheme: coarse = fine + weight · (fine − coarse). */
function extend(coarse: Float64Array, fine: Float64Array, weight: number): void {
  for (let i = 0; i < coarse.length; i++) coarse[i] = fine[i]! + weight * (fine[i]! - coarse[i]!);
}

/** Order 12: for many digits in few steps. */
export const extrapolation12: Integrator = extrapolatedLeapfrog(6);
