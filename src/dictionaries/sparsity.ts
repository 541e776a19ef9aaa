/** @file How sparse a code is: active features a row, and features that are never active. */
import type { SparseCode } from './types.ts';

/** Mean number of active features a row, and the share of features that no row has. */
export function sparsity({ slots, indices_BK, values_BK }: SparseCode, features: number) {
  const active = new Uint8Array(features);
  let entries = 0;
  values_BK.forEach((value, i) => {
    if (value === 0) return;
    entries++;
    active[indices_BK[i]!] = 1;
  });
  const alive = active.reduce((sum, on) => sum + on, 0);
  return { l0: (entries * slots) / values_BK.length, dead: 1 - alive / features };
}
