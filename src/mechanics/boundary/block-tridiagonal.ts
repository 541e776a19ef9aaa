/** @file Symmetric block-tridiagonal systems, by block elimination: cost N·n³ for N blocks of n. */
import { factor, isPositive } from '../linear.ts';

/** One row of blocks: the diagonal block, the block to its right (its transpose is the one below), and the right-hand side. */
export interface BlockRow {
  readonly diagonal: readonly Float64Array[];
  readonly upper: readonly Float64Array[] | undefined;
  readonly right: ArrayLike<number>;
}

/**
 * Solves the system; `positive` says whether the matrix is positive definite (all Schur complements are).
 * @throws MechanicsError `mechanics.singular`.
 */
export function solveBlockTridiagonal(
  rows: readonly BlockRow[],
  where: string,
): { readonly change: Float64Array[]; readonly positive: boolean } {
  const solved: { factors: ReturnType<typeof factor>; right: Float64Array }[] = [];
  let positive = true;
  rows.forEach(({ diagonal, right }, k) => {
    const block = diagonal.map((row) => row.slice());
    const b = Float64Array.from(right);
    const [above, coupling] = [solved[k - 1], rows[k - 1]?.upper];
    if (above && coupling) {
      const carried = above.factors.solve(above.right);
      for (let j = 0; j < b.length; j++) {
        const column = above.factors.solve(coupling.map((row) => row[j]!));
        for (let i = 0; i < b.length; i++)
          for (let l = 0; l < coupling.length; l++) block[i]![j]! -= coupling[l]![i]! * column[l]!;
        for (let l = 0; l < coupling.length; l++) b[j]! -= coupling[l]![j]! * carried[l]!;
      }
    }
    positive &&= isPositive(block);
    solved.push({ factors: factor(block, where), right: b });
  });
  const change: Float64Array[] = new Array(rows.length);
  for (let k = rows.length - 1; k >= 0; k--) {
    const { factors, right } = solved[k]!;
    const upper = rows[k]!.upper;
    const next = change[k + 1];
    const b = right.map((r, i) =>
      upper && next ? next.reduce((sum, x, j) => sum - upper[i]![j]! * x, r) : r,
    );
    change[k] = factors.solve(b);
  }
  return { change, positive };
}
