/** @file Nothing silent: results that hold NaN or infinity are told before they are used. */
import { RuntimeError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';

/**
 * Throws when a floating-point tensor holds a value that is not finite. One pass over the data.
 * @throws RuntimeError `runtime.not-finite` with the tensor's name, the first place and how many.
 */
export function requireFinite(tensors: Readonly<Record<string, Tensor>>, where: string): void {
  for (const [name, t] of Object.entries(tensors)) {
    if (t.dtype !== 'float32' && t.dtype !== 'float64') continue;
    const data = t.data as Float32Array | Float64Array;
    // A sum of x·0 is 0 exactly when all are finite, and the loop stays free of branches.
    let probe = 0;
    for (let i = 0; i < data.length; i++) probe += data[i]! * 0;
    if (probe === 0) continue;
    let [first, count] = [-1, 0];
    for (let i = 0; i < data.length; i++) {
      if (Number.isFinite(data[i])) continue;
      if (count++ === 0) first = i;
    }
    throw new RuntimeError(
      'runtime.not-finite',
      `${where}: "${name}" is ${data[first]} at [${placeOf(first, t.shape).join(', ')}] (${count} of ${data.length})`,
      { where: name, hint: 'read the values before it to find where the first NaN or infinity appears' },
    );
  }
}

function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return place;
}
