/** @file Small dense linear systems: LU with partial pivoting. Rows are arrays of numbers. */
import { MechanicsError } from '../core/errors.ts';

/** A factored matrix, and what to do with it. */
export interface Factors {
  /** x with A x = b, in a new array. */
  solve(b: ArrayLike<number>): Float64Array;
  readonly determinant: number;
}

/** LU factors of a square matrix. @throws MechanicsError `mechanics.singular` when a pivot is 0 or not a number. */
export function factor(rows: readonly ArrayLike<number>[], where: string): Factors {
  const n = rows.length;
  const lu = rows.map((row) => Float64Array.from(row));
  const order = Array.from({ length: n }, (_, i) => i);
  let determinant = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(lu[i]![k]!) > Math.abs(lu[pivot]![k]!)) pivot = i;
    const top = lu[pivot]!;
    if (!(Math.abs(top[k]!) > 0 && Number.isFinite(top[k]!))) throw singular(where, k);
    if (pivot !== k) {
      [lu[k], lu[pivot]] = [top, lu[k]!];
      [order[k], order[pivot]] = [order[pivot]!, order[k]!];
      determinant = -determinant;
    }
    determinant *= top[k]!;
    for (let i = k + 1; i < n; i++) {
      const row = lu[i]!;
      const ratio = row[k]! / top[k]!;
      row[k] = ratio;
      if (ratio !== 0) for (let j = k + 1; j < n; j++) row[j]! -= ratio * top[j]!;
    }
  }
  return {
    determinant,
    solve(b) {
      const x = Float64Array.from(order, (from) => b[from]!);
      for (let i = 0; i < n; i++) {
        const row = lu[i]!;
        for (let j = 0; j < i; j++) x[i]! -= row[j]! * x[j]!;
      }
      for (let i = n - 1; i >= 0; i--) {
        const row = lu[i]!;
        for (let j = i + 1; j < n; j++) x[i]! -= row[j]! * x[j]!;
        x[i]! /= row[i]!;
      }
      return x;
    },
  };
}

const singular = (where: string, k: number) =>
  new MechanicsError(
    'mechanics.singular',
    `the linear system of ${where} has no single solution (pivot ${k})`,
    {
      where,
      hint: 'look for coordinates that nothing depends on, or for a Lagrangian without a kinetic term in them',
    },
  );

/** Whether a symmetric matrix is positive definite: all pivots of elimination without exchanges are positive. */
export function isPositive(rows: readonly ArrayLike<number>[]): boolean {
  const n = rows.length;
  const left = rows.map((row) => Float64Array.from(row));
  for (let k = 0; k < n; k++) {
    if (!(left[k]![k]! > 0)) return false;
    for (let i = k + 1; i < n; i++) {
      const ratio = left[i]![k]! / left[k]![k]!;
      for (let j = k + 1; j < n; j++) left[i]![j]! -= ratio * left[k]![j]!;
    }
  }
  return true;
}
