/** @file N bodies under gravity in space; coordinates x, y, z of one body after another. */
import { separable, stateOf } from '../build.ts';
import { square } from '../differentiate.ts';
import type { Separable, State, Vector } from '../types.ts';

/** Masses and gravity of `nBody`. */
export interface NBodyOptions {
  /** One mass per body. */
  readonly masses: ArrayLike<number>;
  readonly gravity?: number;
  /** Plummer softening ε: potential −G m m′ / √(r² + ε²). */
  readonly softening?: number;
}

/** V = −G Σ_{i<j} m_i m_j / √(|r_i − r_j|² + ε²). */
export function nBody({ masses, gravity = 1, softening = 0 }: NBodyOptions): Separable {
  const m = Float64Array.from(masses);
  const bodies = m.length;
  const soft = softening * softening;
  const G = gravity;
  return separable({
    name: 'n-body',
    dimension: 3 * bodies,
    mass: Float64Array.from({ length: 3 * bodies }, (_, i) => m[Math.floor(i / 3)]!),
    potential(o, q) {
      let total = o.constant(0);
      for (let i = 0; i < bodies; i++) {
        for (let j = 0; j < i; j++) {
          let r2 = o.constant(soft);
          for (let k = 0; k < 3; k++) r2 = o.add(r2, square(o, o.sub(q[3 * i + k]!, q[3 * j + k]!)));
          total = o.sub(total, o.div(G * m[i]! * m[j]!, o.sqrt(r2)));
        }
      }
      return total;
    },
    potentialValue(q) {
      let total = 0;
      for (let i = 0; i < bodies; i++) {
        for (let j = 0; j < i; j++) {
          const x = q[3 * i]! - q[3 * j]!;
          const y = q[3 * i + 1]! - q[3 * j + 1]!;
          const z = q[3 * i + 2]! - q[3 * j + 2]!;
          total -= (G * m[i]! * m[j]!) / Math.sqrt(x * x + y * y + z * z + soft);
        }
      }
      return total;
    },
    force(q, out) {
      out.fill(0);
      for (let i = 0; i < bodies; i++) {
        const xi = q[3 * i]!;
        const yi = q[3 * i + 1]!;
        const zi = q[3 * i + 2]!;
        const gm = G * m[i]!;
        let fx = 0;
        let fy = 0;
        let fz = 0;
        for (let j = 0, at = 0; j < i; j++, at += 3) {
          const x = q[at]! - xi;
          const y = q[at + 1]! - yi;
          const z = q[at + 2]! - zi;
          const r2 = x * x + y * y + z * z + soft;
          const k = (gm * m[j]!) / (r2 * Math.sqrt(r2));
          fx += k * x;
          fy += k * y;
          fz += k * z;
          out[at] = out[at]! - k * x;
          out[at + 1] = out[at + 1]! - k * y;
          out[at + 2] = out[at + 2]! - k * z;
        }
        out[3 * i] = out[3 * i]! + fx;
        out[3 * i + 1] = out[3 * i + 1]! + fy;
        out[3 * i + 2] = out[3 * i + 2]! + fz;
      }
    },
  });
}

/** The figure-eight orbit of three unit masses, period 6.32591398. Chenciner & Montgomery, Annals of Math. 152 (2000). */
export function figureEight(): State {
  const [x, y] = [0.97000436, -0.24308753];
  const [u, v] = [-0.93240737, -0.86473146];
  return stateOf([x, y, 0, -x, -y, 0, 0, 0, 0], [-u / 2, -v / 2, 0, -u / 2, -v / 2, 0, u, v, 0]);
}

/** Total linear momentum Σ p and angular momentum Σ r × p of `q`, `p` as in `nBody`. */
export function totalMomenta(q: Vector, p: Vector): { linear: number[]; angular: number[] } {
  const linear = [0, 0, 0];
  const angular = [0, 0, 0];
  for (let at = 0; at < q.length; at += 3) {
    for (let k = 0; k < 3; k++) {
      const [a, b] = [at + ((k + 1) % 3), at + ((k + 2) % 3)];
      linear[k]! += p[at + k]!;
      angular[k]! += q[a]! * p[b]! - q[b]! * p[a]!;
    }
  }
  return { linear, angular };
}
