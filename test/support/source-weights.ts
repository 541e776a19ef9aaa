/** @file The weights of an opened model file in memory, in our names and orientation. */
import { emptyArray, tensor } from '../../src/core/tensor.ts';
import type { Weight } from '../../src/graph/types.ts';
import type { WeightSource } from '../../src/models/source.ts';
import { placeOfRow, readStored, storedSize } from '../../src/models/stored.ts';
import { modelWeights } from '../../src/models/weights.ts';

/** Reads all weights of `source`. */
export function sourceWeights(source: WeightSource, dtype: 'float32' | 'float64'): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const spec of modelWeights(source.shape)) {
    const stored = source.stored(spec);
    const { rows, columns } = storedSize(spec, stored);
    const values = new Float32Array(rows * columns);
    readStored(spec, stored, source.readTensor, 0, rows, values);
    const data = emptyArray(dtype, values.length);
    for (let r = 0; r < rows; r++) {
      const place = stored.transposed ? placeOfRow(spec, stored, r) : r;
      for (let c = 0; c < columns; c++)
        data[stored.transposed ? c * rows + place : r * columns + c] = values[r * columns + c]!;
    }
    weights.set(spec.name, tensor(dtype, spec.shape, data));
  }
  return weights;
}
