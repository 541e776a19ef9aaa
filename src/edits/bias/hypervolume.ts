/** @file Hypervolume of a trade-off: how much of the unit cube the points of a curve are better than (Zitzler & Thiele 1999). */

/** Costs between 0 (best) and 1 (the reference, worst). */
export type Costs = readonly [number, number, number];

/** Volume of the union of the boxes between each point and (1, 1, 1); costs outside [0, 1] are clipped. */
export function hypervolume(points: readonly Costs[]): number {
  const clipped = points
    .map(([a, b, c]) => [clip(a), clip(b), clip(c)] as const)
    .filter((point) => point.every(Number.isFinite))
    .sort((p, q) => p[2] - q[2]);
  let volume = 0;
  clipped.forEach((point, i) => {
    // Between this point's third cost and the next one's, the section is the union of all rectangles so far.
    const height = (clipped[i + 1]?.[2] ?? 1) - point[2];
    if (height > 0) volume += height * area(clipped.slice(0, i + 1));
  });
  return volume;
}

/** Area of the union of the rectangles between each point's first two costs and (1, 1). */
function area(points: readonly Costs[]): number {
  const sorted = [...points].sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  let [sum, lowest] = [0, 1];
  for (const [a, b] of sorted) {
    if (b >= lowest) continue;
    sum += (1 - a) * (lowest - b);
    lowest = b;
  }
  return sum;
}

const clip = (value: number): number => Math.min(1, Math.max(0, value));
