/**
 * @file How many features a dictionary has in effect: exp S of the von Neumann entropy S = −Tr ρ log ρ of the normalised
 * co-activation matrix ρ, beside what features that fire independently of each other would give.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { EnergyError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { SparseCode } from '../../dictionaries/types.ts';

/**
 * How ρ is made of the activations f [R, F]. `cosine`: ρ_ij = Σ_r f_ri f_rj / (‖f_i‖ ‖f_j‖) / F_active, every feature counts alike;
 * `energy`: fᵀf / Tr, features count by their squared activation.
 */
export type CoactivationNorm = 'cosine' | 'energy';

/** Effective numbers beside their bound and their null. */
export interface EffectiveFeatures {
  readonly norm: CoactivationNorm;
  /** Rows looked at, and features that are active in one of them at least. */
  readonly rows: number;
  readonly active: number;
  /** Mean number of active features a row. */
  readonly l0: number;
  /** S, nats. */
  readonly entropy: number;
  /** exp S: at most min(rows, active). */
  readonly effective: number;
  /** exp S with each feature's activations put on rows at random, independently: mean and standard deviation. */
  readonly independent: { readonly effective: number; readonly deviation: number };
}

interface Column {
  readonly rows: Int32Array;
  readonly values: Float64Array;
}

/**
 * @param code features of rows; negative values (neurons) count with their sign
 * @param options.rows drawn at random from those with an active feature; 384 unless given (the cost is cubic in it)
 * @throws EnergyError `energy.no-active` when fewer than two rows have an active feature
 */
export function effectiveFeatures(
  code: Pick<SparseCode, 'slots' | 'indices_BK' | 'values_BK'>,
  {
    random,
    rows: most = 384,
    norm = 'cosine',
    permutations = 4,
  }: {
    readonly random: Random;
    readonly rows?: number;
    readonly norm?: CoactivationNorm;
    readonly permutations?: number;
  },
): EffectiveFeatures {
  const chosen = rowsWithFeatures(code, most, random.fork('rows'));
  if (chosen.length < 2) {
    throw new EnergyError('energy.no-active', 'fewer than two rows have an active feature', {
      where: 'co-activation',
      hint: 'give more text, or a dictionary that is active on it',
    });
  }
  const columns = columnsOf(code, chosen);
  const R = chosen.length;
  const entropy = entropyOf(gram(columns, R, norm));
  const stream = random.fork('independent');
  const nulls = Array.from({ length: permutations }, () =>
    Math.exp(
      entropyOf(
        gram(
          columns.map(({ values }) => ({ values, rows: placesAmong(R, values.length, stream) })),
          R,
          norm,
        ),
      ),
    ),
  );
  const mean = nulls.reduce((sum, v) => sum + v, 0) / permutations;
  return {
    norm,
    rows: R,
    active: columns.length,
    l0: columns.reduce((sum, { values }) => sum + values.length, 0) / R,
    entropy,
    effective: Math.exp(entropy),
    independent: {
      effective: mean,
      deviation: Math.sqrt(nulls.reduce((sum, v) => sum + (v - mean) ** 2, 0) / permutations),
    },
  };
}

function rowsWithFeatures(
  { slots, values_BK }: Pick<SparseCode, 'slots' | 'values_BK'>,
  most: number,
  random: Random,
): number[] {
  const rows = Array.from({ length: values_BK.length / slots }, (_, row) => row).filter((row) =>
    values_BK.subarray(row * slots, (row + 1) * slots).some((value) => value !== 0),
  );
  return rows.length <= most ? rows : random.shuffle(rows).slice(0, most);
}

/** The active features, each as the rows it is active in. */
function columnsOf(
  { slots, indices_BK, values_BK }: Pick<SparseCode, 'slots' | 'indices_BK' | 'values_BK'>,
  rows: readonly number[],
): Column[] {
  const byFeature = new Map<number, { rows: number[]; values: number[] }>();
  rows.forEach((row, r) => {
    for (let at = row * slots; at < (row + 1) * slots; at++) {
      const value = values_BK[at]!;
      if (value === 0) continue;
      const feature = indices_BK[at]!;
      const column = byFeature.get(feature) ?? { rows: [], values: [] };
      byFeature.set(feature, column);
      column.rows.push(r);
      column.values.push(value);
    }
  });
  return [...byFeature.values()].map((column) => ({
    rows: Int32Array.from(column.rows),
    values: Float64Array.from(column.values),
  }));
}

/** `count` different rows of R. */
function placesAmong(R: number, count: number, random: Random): Int32Array {
  return Int32Array.from(random.permutation(R).subarray(0, count));
}

/** The [R, R] matrix with the same eigenvalues as ρ [F, F], zeros aside: row against row in place of feature against feature. */
function gram(columns: readonly Column[], R: number, norm: CoactivationNorm): Float64Array {
  const G = new Float64Array(R * R);
  let trace = 0;
  for (const { rows, values } of columns) {
    const square = values.reduce((sum, v) => sum + v * v, 0);
    const weight = norm === 'cosine' ? 1 / square : 1;
    trace += weight * square;
    for (let a = 0; a < rows.length; a++) {
      const scaled = weight * values[a]!;
      for (let b = 0; b <= a; b++) {
        const product = scaled * values[b]!;
        G[rows[a]! * R + rows[b]!]! += product;
        if (a !== b) G[rows[b]! * R + rows[a]!]! += product;
      }
    }
  }
  return G.map((value) => value / trace);
}

/** −Tr ρ log ρ of a symmetric matrix of trace 1, in nats. */
function entropyOf(rho_RR: Float64Array): number {
  const R = Math.sqrt(rho_RR.length);
  const { realEigenvalues } = new EigenvalueDecomposition(Matrix.from1DArray(R, R, rho_RR), {
    assumeSymmetric: true,
  });
  return realEigenvalues.reduce((sum, p) => (p > 1e-15 ? sum - p * Math.log(p) : sum), 0);
}
