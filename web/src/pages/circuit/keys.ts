/** @file Arrow keys in the graph: the nearest part in that direction. */

interface Placed {
  readonly x: number;
  readonly y: number;
}

const directions: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The nearest of `all` in the direction of an arrow key, sideways distance counting double; undefined if none. */
export function nearestInDirection<P extends Placed>(key: string, from: P, all: readonly P[]): P | undefined {
  const direction = directions[key];
  if (!direction) return undefined;
  const [dx, dy] = direction;
  let best: { placed: P; cost: number } | undefined;
  for (const placed of all) {
    const [x, y] = [placed.x - from.x, placed.y - from.y];
    const ahead = x * dx + y * dy;
    if (ahead < 1) continue;
    const cost = ahead + 2 * Math.abs(x * dy + y * dx);
    if (!best || cost < best.cost) best = { placed, cost };
  }
  return best?.placed;
}
