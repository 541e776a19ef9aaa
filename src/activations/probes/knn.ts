/** @file Nearest neighbours as a probe: what a concept leaves in the shape of the cloud. */
import { columnsOf, standardised } from './standard.ts';

/** Squared distances of standardised test rows to training rows, so that several seeds share them. */
export interface Neighbours {
  readonly tests: number;
  readonly rows: number;
  /** Training rows by distance for each test row, row-major [tests, rows]. */
  readonly order_MN: Uint32Array;
}

/** Sorts the training rows by Euclidean distance to every test row; columns are standardised by the training rows. */
export function neighbours(
  train_ND: ArrayLike<number>,
  test_MD: ArrayLike<number>,
  width: number,
): Neighbours {
  const columns = columnsOf(train_ND, width);
  const a = Float32Array.from(standardised(train_ND, columns));
  const b = Float32Array.from(standardised(test_MD, columns));
  const rows = a.length / width;
  const tests = b.length / width;
  const order_MN = new Uint32Array(tests * rows);
  const distance_N = new Float64Array(rows);
  for (let m = 0; m < tests; m++) {
    for (let n = 0; n < rows; n++) {
      let sum = 0;
      for (let d = 0, i = m * width, j = n * width; d < width; d++, i++, j++) {
        const difference = b[i]! - a[j]!;
        sum += difference * difference;
      }
      distance_N[n] = sum;
    }
    const order = Uint32Array.from({ length: rows }, (_, n) => n);
    order.sort((p, q) => distance_N[p]! - distance_N[q]! || p - q);
    order_MN.set(order, m * rows);
  }
  return { tests, rows, order_MN };
}

/**
 * Share of the k nearest kept training rows with label 1, less ½, of each test row: above 0 says 1.
 * @param kept_N 1 for training rows that this seed has
 */
export function knnLogits(
  { tests, rows, order_MN }: Neighbours,
  labels_N: ArrayLike<number>,
  kept_N: ArrayLike<number>,
  k = 15,
): Float64Array {
  return Float64Array.from({ length: tests }, (_, m) => {
    let [found, ones] = [0, 0];
    for (let i = 0; i < rows && found < k; i++) {
      const n = order_MN[m * rows + i]!;
      if (kept_N[n] === 0) continue;
      found++;
      ones += labels_N[n]!;
    }
    return found === 0 ? 0 : ones / found - 0.5;
  });
}
