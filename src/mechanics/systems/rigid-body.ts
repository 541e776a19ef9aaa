/** @file The free rigid body: angular momentum L in the body's frame, L̇ = L × I⁻¹L, a Lie–Poisson system on so(3)*. */
import { poisson } from '../build.ts';
import type { Algebra } from '../differentiate.ts';
import { square, sum } from '../differentiate.ts';
import { massMatrix } from '../mass.ts';
import type { Poisson, PoissonPart } from '../types.ts';

/** H = Σ L_k²/2I_k with moments of inertia I; the Casimir is |L|². McLachlan, Phys. Rev. Lett. 71 (1993) 3043. Throws `mechanics.mass`. */
export function rigidBody({ inertia = [1, 2, 3] }: { inertia?: readonly number[] } = {}): Poisson {
  massMatrix(inertia, 3, 'rigid-body');
  return poisson({
    name: 'rigid-body',
    dimension: 3,
    energy: (o, L) =>
      sum(
        o,
        inertia.map((moment, k) => o.mul(0.5 / moment, square(o, L[k]!))),
      ),
    structure: (L) => [
      [0, -L[2]!, L[1]!],
      [L[2]!, 0, -L[0]!],
      [-L[1]!, L[0]!, 0],
    ],
    casimirs: { 'squared angular momentum': (L) => L[0]! ** 2 + L[1]! ** 2 + L[2]! ** 2 },
    parts: inertia.map((moment, k) => turnAbout(k, moment)),
  });
}

/** The exact flow of L_k²/2I_k: L turns about axis k by the angle −h L_k/I_k. */
const turnAbout =
  (k: number, moment: number): PoissonPart =>
  <T>(o: Algebra<T>, L: { [index: number]: T }, h: number) => {
    const [a, b] = [(k + 1) % 3, (k + 2) % 3];
    const angle = o.mul(h / moment, L[k]!);
    const [cos, sin] = [o.cos(angle), o.sin(angle)];
    const [x, y] = [L[a]!, L[b]!];
    L[a] = o.add(o.mul(cos, x), o.mul(sin, y));
    L[b] = o.sub(o.mul(cos, y), o.mul(sin, x));
  };
