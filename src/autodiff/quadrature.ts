/** @file Quadrature on the straight line from the clean (α = 0) to the patched state (α = 1), by name. */
import { CircuitError } from '../core/errors.ts';

/** Points in [0, 1] and weights that sum to one. */
export interface Quadrature {
  readonly name: string;
  readonly points: readonly number[];
  readonly weights: readonly number[];
}

/** The rule the effects are computed with unless asked otherwise (mechanics.md §2: higher order than the published left rule). */
export const DEFAULT_RULE = 'midpoint-10';

/**
 * `attribution-patching` (one point, at clean), `left-N` (Marks et al. 2024, appendix: α = j/N), `midpoint-N`
 * (α = (j + ½)/N) or `gauss-N` (Gauss–Legendre, exact for polynomials of degree 2N − 1).
 * @throws CircuitError `circuit.unknown-rule`
 */
export function quadrature(name: string): Quadrature {
  if (name === 'attribution-patching') return { name, points: [0], weights: [1] };
  const match = /^(left|midpoint|gauss)-([1-9]\d{0,3})$/.exec(name);
  if (!match) {
    throw new CircuitError('circuit.unknown-rule', `there is no quadrature rule "${name}"`, {
      where: name,
      hint: 'use attribution-patching, left-N, midpoint-N or gauss-N, for example midpoint-10',
    });
  }
  const count = Number(match[2]);
  if (match[1] === 'gauss') return { name, ...gaussLegendre(count) };
  const shift = match[1] === 'left' ? 0 : 0.5;
  return {
    name,
    points: Array.from({ length: count }, (_, j) => (j + shift) / count),
    weights: new Array<number>(count).fill(1 / count),
  };
}

/**
 * Points and weights of Gauss–Legendre on [0, 1]: the roots of the Legendre polynomial by Newton's method from
 * Tricomi's estimate (Abramowitz & Stegun, §22.16.6 and §25.4.29).
 */
function gaussLegendre(count: number): Pick<Quadrature, 'points' | 'weights'> {
  const roots = Array.from({ length: count }, (_, i) => {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let step = 0; step < 100; step++) {
      let [before, value] = [1, x];
      for (let n = 2; n <= count; n++) {
        [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      }
      slope = (count * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    return { point: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
  return { points: roots.map((r) => r.point), weights: roots.map((r) => r.weight) };
}

/** Rules that share points: every distinct point once, with its weight in each rule (0 where a rule lacks it). */
export interface JointQuadrature {
  readonly points: readonly number[];
  /** weights[rule][point] */
  readonly weights: readonly (readonly number[])[];
}

/** Merges rules so that a gradient at a point that several rules ask for is taken once. */
export function joinRules(rules: readonly Quadrature[]): JointQuadrature {
  const key = (alpha: number) => Math.round(alpha * 1e9);
  const points = [...new Map(rules.flatMap((r) => r.points.map((p) => [key(p), p] as const))).values()].sort(
    (a, b) => a - b,
  );
  const weights = rules.map((rule) => {
    const byPoint = new Map(rule.points.map((p, j) => [key(p), rule.weights[j]!] as const));
    return points.map((p) => byPoint.get(key(p)) ?? 0);
  });
  return { points, weights };
}
