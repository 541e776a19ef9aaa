/** @file An orthonormal basis of the span of given rows: modified Gram–Schmidt, twice (Giraud et al. 2005: twice is enough). */
import { GraphError } from '../core/errors.ts';
import { f64, type Tensor } from '../core/tensor.ts';

/** What is left of a row, relative to it, below which it counts as depending on the rows before it. */
const DEPENDENT = 1e-6;

/**
 * Rows [r, width] in float64 that span what the rows of `directions` [n, width] (or one row, [width]) span.
 * @throws GraphError `graph.shape` when there is no such matrix, or nothing is spanned
 */
export function orthonormalRows(
  directions: Tensor<'float32'> | Tensor<'float64'>,
  where: string,
): Tensor<'float64'> {
  const { shape, data } = directions;
  const width = shape.at(-1);
  if (width === undefined || shape.length > 2) {
    throw new GraphError(
      'graph.shape',
      `directions have the shape [${shape}], expected [directions, width]`,
      {
        where,
      },
    );
  }
  const basis: Float64Array[] = [];
  for (let at = 0; at < data.length; at += width) {
    const row = Float64Array.from(data.subarray(at, at + width));
    const before = Math.hypot(...row);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = row.reduce((sum, x, i) => sum + x * other[i]!, 0);
        for (let i = 0; i < width; i++) row[i]! -= along * other[i]!;
      }
    }
    const length = Math.hypot(...row);
    if (length <= DEPENDENT * before || length === 0) continue;
    basis.push(row.map((x) => x / length));
  }
  if (basis.length === 0) {
    throw new GraphError('graph.shape', 'the directions span nothing: all of them are zero', { where });
  }
  return f64(
    [basis.length, width],
    basis.flatMap((row) => [...row]),
  );
}
