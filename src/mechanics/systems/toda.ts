/** @file The periodic Toda lattice: H = Σ p²/2 + Σ (e^(q_i − q_{i+1}) − 1). Integrable: the Lax matrix keeps its eigenvalues. */
import { separable } from '../build.ts';
import type { Separable, Vector } from '../types.ts';

/** `count` unit masses on a ring of exponential springs: a nonlinear chain whose invariants are known (`todaLax`). */
export function todaLattice({ count = 3 } = {}): Separable {
  return separable({
    name: 'toda-lattice',
    dimension: count,
    potential(o, q) {
      let total = o.constant(-count);
      for (let i = 0; i < count; i++) total = o.add(total, o.exp(o.sub(q[i]!, q[(i + 1) % count]!)));
      return total;
    },
    force(q, out) {
      let before = Math.exp(q[count - 1]! - q[0]!);
      for (let i = 0; i < count; i++) {
        const after = Math.exp(q[i]! - q[(i + 1) % count]!);
        out[i] = before - after;
        before = after;
      }
    },
  });
}

/** Flaschka's Lax matrix [N][N], N ≥ 3: b_i = −p_i/2, a_i = ½ e^((q_i − q_{i+1})/2). Phys. Rev. B 9 (1974) 1924. */
export function todaLax(q: Vector, p: Vector): number[][] {
  const n = q.length;
  const lax = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++) {
    const next = (i + 1) % n;
    lax[i]![i] = -p[i]! / 2;
    lax[i]![next] = lax[next]![i] = Math.exp((q[i]! - q[next]!) / 2) / 2;
  }
  return lax;
}
