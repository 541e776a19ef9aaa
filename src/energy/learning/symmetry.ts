/** @file Symmetries of a loss in its parameters: their generators, charges, the rates of those that are not conserved. */
import { dot, type PairFormula, real, type VectorFormula } from '../../mechanics/differentiate.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import type { Trajectory } from '../../mechanics/types.ts';

/**
 * A continuous symmetry of V, by the numbers of the parameters that it moves (Kunin et al. 2021, "Neural Mechanics", §3).
 * Translation and rotation are isometries: under T = |p|²/2 their Noether charge stays. Scale and rescaling are not.
 */
export type Symmetry =
  /** θ_A → θ_A + c: logits before a softmax. */
  | { readonly kind: 'translation'; readonly name: string; readonly block: readonly number[] }
  /** θ_A → cθ_A: weights before a normalisation. */
  | { readonly kind: 'scale'; readonly name: string; readonly block: readonly number[] }
  /** θ_in → cθ_in, θ_out → θ_out/c: a linear or ReLU unit. */
  | {
      readonly kind: 'rescale';
      readonly name: string;
      readonly into: readonly number[];
      readonly outOf: readonly number[];
    }
  /** Each row turned in the plane of its coordinates `plane`: directions of features in a hidden space. */
  | {
      readonly kind: 'rotation';
      readonly name: string;
      readonly rows: readonly (readonly number[])[];
      readonly plane: readonly [number, number];
    };

/** ξ(θ) of θ → θ + εξ(θ): `noetherCharge(particle(V), generator(symmetry), …)` tests it and makes its charge. */
export function generator(symmetry: Symmetry): VectorFormula {
  return (o, x) => {
    const xi = Array.from(x, () => o.constant(0));
    switch (symmetry.kind) {
      case 'translation':
        for (const i of symmetry.block) xi[i] = o.constant(1);
        return xi;
      case 'scale':
        for (const i of symmetry.block) xi[i] = x[i]!;
        return xi;
      case 'rescale':
        for (const i of symmetry.into) xi[i] = x[i]!;
        for (const i of symmetry.outOf) xi[i] = o.neg(x[i]!);
        return xi;
      case 'rotation': {
        const [k, l] = symmetry.plane;
        for (const row of symmetry.rows) {
          xi[row[k]!] = o.neg(x[row[l]!]!);
          xi[row[l]!] = x[row[k]!]!;
        }
        return xi;
      }
    }
  };
}

/** C = p·ξ(θ). */
export const chargeOf =
  (symmetry: Symmetry): PairFormula =>
  (o, q, p) =>
    dot(o, p, generator(symmetry)(o, q));

const squares = (x: ArrayLike<number>, block: readonly number[]) =>
  block.reduce((sum, i) => sum + x[i]! ** 2, 0);

/** dC/dt at unit mass where V has the symmetry: 0 for isometries, 2T_A for scale, 2(T_in − T_out) for rescaling. */
export function chargeRate(symmetry: Symmetry, p: ArrayLike<number>): number {
  switch (symmetry.kind) {
    case 'translation':
    case 'rotation':
      return 0;
    case 'scale':
      return squares(p, symmetry.block);
    case 'rescale':
      return squares(p, symmetry.into) - squares(p, symmetry.outOf);
  }
}

/**
 * What gradient flow conserves (Kunin et al. 2021, §4): Σθ_A, |θ_A|², |θ_in|² − |θ_out|². A rotation gives none: its
 * generator is antisymmetric, and ξ·θ = 0 already.
 */
export function flowQuantity(symmetry: Symmetry, x: ArrayLike<number>): number | undefined {
  switch (symmetry.kind) {
    case 'translation':
      return symmetry.block.reduce((sum, i) => sum + x[i]!, 0);
    case 'scale':
      return squares(x, symmetry.block);
    case 'rescale':
      return squares(x, symmetry.into) - squares(x, symmetry.outOf);
    case 'rotation':
      return undefined;
  }
}

/** |∇V·ξ| / Σ|∂V/∂θ_i ξ_i| at a point: 0 up to rounding where V has the symmetry. */
export function symmetryDefect(V: Landscape, symmetry: Symmetry, x: ArrayLike<number>): number {
  const gradient = new Float64Array(V.dimension);
  V.at(Float64Array.from(x), gradient);
  const xi = generator(symmetry)(real, x);
  const parts = xi.map((value, i) => value * gradient[i]!);
  const size = parts.reduce((sum, part) => sum + Math.abs(part), 0);
  return size === 0 ? 0 : Math.abs(parts.reduce((sum, part) => sum + part, 0)) / size;
}

/** A charge along a recorded run beside what its rate makes of it. */
export interface ChargeSeries {
  readonly symmetry: Symmetry;
  readonly charge_K: Float64Array;
  /** C(0) + Σ h·rate, each with the momentum that moved the step: exact for leapfrog recorded at every step. */
  readonly predicted_K: Float64Array;
  /** Largest |C − predicted| over the largest Σ|p_i ξ_i|. */
  readonly defect: number;
}

/** The charge of a symmetry along a run at unit mass. */
export function chargesAlong(run: Trajectory, symmetry: Symmetry): ChargeSeries {
  const { times, q_KN, p_KN, dimension: n } = run;
  const K = times.length;
  const [charge_K, predicted_K] = [new Float64Array(K), new Float64Array(K)];
  let [worst, scale] = [0, 0];
  for (let k = 0; k < K; k++) {
    const q = q_KN.subarray(k * n, (k + 1) * n);
    const xi = generator(symmetry)(real, q);
    let size = 0;
    xi.forEach((value, i) => {
      const part = value * p_KN[k * n + i]!;
      charge_K[k]! += part;
      size += Math.abs(part);
    });
    if (k === 0) predicted_K[0] = charge_K[0]!;
    else {
      const h = times[k]! - times[k - 1]!;
      const moved = q.map((value, i) => (value - q_KN[(k - 1) * n + i]!) / h);
      predicted_K[k] = predicted_K[k - 1]! + h * chargeRate(symmetry, moved);
    }
    scale = Math.max(scale, size);
    worst = Math.max(worst, Math.abs(charge_K[k]! - predicted_K[k]!));
  }
  return { symmetry, charge_K, predicted_K, defect: scale === 0 ? 0 : worst / scale };
}
