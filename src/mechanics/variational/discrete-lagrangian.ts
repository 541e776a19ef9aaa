/** @file Discrete Lagrangians: the action of one step as a function of its end points, by polynomials and quadrature. */
import { MechanicsError } from '../../core/errors.ts';
import { factor } from '../linear.ts';
import type { Lagrangian } from './lagrangian.ts';

/** L_d(a, b) ≈ ∫ L dt over one step from a to b, with its derivatives. */
export interface DiscreteLagrangianAt {
  readonly value: number;
  /** ∂L_d/∂a and ∂L_d/∂b: minus the momentum at the start, and the momentum at the end. */
  readonly D1: Float64Array;
  readonly D2: Float64Array;
  /** ∂²L_d/∂a∂a, ∂a∂b, ∂b∂b, rows [n][n]. */
  readonly D11: readonly Float64Array[];
  readonly D12: readonly Float64Array[];
  readonly D22: readonly Float64Array[];
}

/** The action of one step by a rule: for variational integrators and for least action. */
export interface DiscreteLagrangian {
  readonly rule: RuleName;
  readonly order: number;
  readonly dimension: number;
  readonly lagrangian: Lagrangian;
  at(a: ArrayLike<number>, b: ArrayLike<number>, h: number): DiscreteLagrangianAt;
}

/** Control points of the step's polynomial and the quadrature on it, all in [0, 1]. */
interface Rule {
  readonly order: number;
  readonly points: readonly number[];
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

const GAUSS2 = Math.sqrt(3) / 6;
const GAUSS3 = Math.sqrt(15) / 10;

/**
 * Marsden and West 2001, §2.1 and §2.6: midpoint (implicit midpoint), trapezoidal (leapfrog), and Galerkin of degree s
 * with s Gauss points, of order 2s (the Gauss–Legendre method for constant mass; it keeps quadratic invariants).
 */
export const RULES = {
  midpoint: { order: 2, points: [0, 1], nodes: [0.5], weights: [1] },
  trapezoidal: { order: 2, points: [0, 1], nodes: [0, 1], weights: [0.5, 0.5] },
  'galerkin-4': { order: 4, points: [0, 0.5, 1], nodes: [0.5 - GAUSS2, 0.5 + GAUSS2], weights: [0.5, 0.5] },
  'galerkin-6': {
    order: 6,
    points: [0, 1 / 3, 2 / 3, 1],
    nodes: [0.5 - GAUSS3, 0.5, 0.5 + GAUSS3],
    weights: [5 / 18, 4 / 9, 5 / 18],
  },
} as const satisfies Record<string, Rule>;

/** Name of a quadrature rule of `RULES`. */
export type RuleName = keyof typeof RULES;

/**
 * The discrete Lagrangian of a rule. Points inside the step are eliminated: the action is stationary in them
 * (Newton from the straight line), and the derivatives are those of what remains (Schur complement).
 * @throws MechanicsError `mechanics.not-converged` when the inside of a step has no stationary point near the straight line.
 */
export function discreteLagrangian(lagrangian: Lagrangian, rule: RuleName): DiscreteLagrangian {
  const n = lagrangian.dimension;
  const { order, points, nodes, weights }: Rule = RULES[rule];
  const basis = nodes.map((node) => points.map((_, i) => lagrangePolynomial(points, i, node)));
  return {
    rule,
    order,
    dimension: n,
    lagrangian,
    at(a, b, h) {
      const control = points.map((c) =>
        Float64Array.from({ length: n }, (_, i) => a[i]! + c * (b[i]! - a[i]!)),
      );
      let action = stepAction(lagrangian, basis, weights, control, h);
      if (points.length > 2) action = settleInside(lagrangian, basis, weights, control, h, action);
      return condensed(action, n, points.length);
    },
  };
}

/** The action of a step as a function of all its control points: value, slope [m·n], curvature [m·n][m·n]. */
interface StepAction {
  readonly value: number;
  readonly slope: Float64Array;
  readonly curvature: Float64Array[];
}

interface Basis {
  readonly value: number;
  readonly slope: number;
}

function stepAction(
  lagrangian: Lagrangian,
  basis: readonly (readonly Basis[])[],
  weights: readonly number[],
  control: readonly Float64Array[],
  h: number,
): StepAction {
  const n = lagrangian.dimension;
  const m = control.length;
  const slope = new Float64Array(m * n);
  const curvature = Array.from({ length: m * n }, () => new Float64Array(m * n));
  let value = 0;
  for (let g = 0; g < weights.length; g++) {
    const w = weights[g]! * h;
    const [q, v] = [new Float64Array(n), new Float64Array(n)];
    for (let c = 0; c < m; c++)
      for (let i = 0; i < n; i++) {
        q[i]! += basis[g]![c]!.value * control[c]![i]!;
        // The slopes add up to 0: differences from the start lose fewer digits.
        v[i]! += (basis[g]![c]!.slope / h) * (control[c]![i]! - control[0]![i]!);
      }
    const L = lagrangian.at(q, v);
    value += w * L.value;
    for (let c = 0; c < m; c++) {
      const [bc, sc] = [basis[g]![c]!.value, basis[g]![c]!.slope / h];
      for (let i = 0; i < n; i++) {
        slope[c * n + i]! += w * (bc * L.slope[i]! + sc * L.slope[n + i]!);
        const row = curvature[c * n + i]!;
        const [qRow, vRow] = [L.curvature[i]!, L.curvature[n + i]!];
        for (let d = 0; d < m; d++) {
          const [bd, sd] = [basis[g]![d]!.value, basis[g]![d]!.slope / h];
          for (let j = 0; j < n; j++)
            row[d * n + j]! +=
              w * (bc * (bd * qRow[j]! + sd * qRow[n + j]!) + sc * (bd * vRow[j]! + sd * vRow[n + j]!));
        }
      }
    }
  }
  return { value, slope, curvature };
}

const MOST_ITERATIONS = 50;

/** Moves the inner control points, in place, to where the action is stationary in them. */
function settleInside(
  lagrangian: Lagrangian,
  basis: readonly (readonly Basis[])[],
  weights: readonly number[],
  control: readonly Float64Array[],
  h: number,
  start: StepAction,
): StepAction {
  const n = lagrangian.dimension;
  const inside = innerIndices(n, control.length);
  let action = start;
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const right = inside.map((i) => -action.slope[i]!);
    const change = factor(
      inside.map((i) => inside.map((j) => action.curvature[i]![j]!)),
      lagrangian.name,
    ).solve(right);
    let [size, scale] = [0, 0];
    inside.forEach((at, k) => {
      const point = control[Math.floor(at / n)]!;
      point[at % n]! += change[k]!;
      size = Math.max(size, Math.abs(change[k]!));
      scale = Math.max(scale, Math.abs(point[at % n]!));
    });
    action = stepAction(lagrangian, basis, weights, control, h);
    if (size <= 4 * Number.EPSILON * scale || (size >= before && size <= 1e-12 * (1 + scale))) return action;
    before = size;
  }
  throw notConverged(lagrangian.name, MOST_ITERATIONS, 'shorten the step');
}

/** Leaves only the end points: first and second derivatives of the action with the inside made stationary. */
function condensed({ value, slope, curvature }: StepAction, n: number, m: number): DiscreteLagrangianAt {
  const last = (m - 1) * n;
  const inside = innerIndices(n, m);
  const ends = [...Array.from({ length: n }, (_, i) => i), ...Array.from({ length: n }, (_, i) => last + i)];
  const reduced = ends.map((i) => Float64Array.from(ends, (j) => curvature[i]![j]!));
  if (inside.length > 0) {
    const inner = factor(
      inside.map((i) => inside.map((j) => curvature[i]![j]!)),
      'a step',
    );
    // What rounding leaves of the inner slope is condensed too.
    const left = inner.solve(inside.map((i) => slope[i]!));
    for (const end of ends)
      for (let k = 0; k < inside.length; k++) slope[end]! -= curvature[end]![inside[k]!]! * left[k]!;
    ends.forEach((j, column) => {
      const response = inner.solve(inside.map((i) => curvature[i]![j]!));
      ends.forEach((i, row) => {
        for (let k = 0; k < inside.length; k++)
          reduced[row]![column]! -= curvature[i]![inside[k]!]! * response[k]!;
      });
    });
  }
  const block = (from: number, to: number) =>
    reduced.slice(from, from + n).map((row) => row.slice(to, to + n));
  return {
    value,
    D1: slope.slice(0, n),
    D2: slope.slice(last, last + n),
    D11: block(0, 0),
    D12: block(0, n),
    D22: block(n, n),
  };
}

const innerIndices = (n: number, m: number): number[] => Array.from({ length: (m - 2) * n }, (_, i) => n + i);

/** The i-th Lagrange polynomial on `points`, and its slope, at x. */
function lagrangePolynomial(points: readonly number[], i: number, x: number): Basis {
  let [value, slope] = [1, 0];
  for (let j = 0; j < points.length; j++) {
    if (j === i) continue;
    const width = points[i]! - points[j]!;
    slope = (slope * (x - points[j]!) + value) / width;
    value *= (x - points[j]!) / width;
  }
  return { value, slope };
}

/** A solver that did not arrive. */
export const notConverged = (where: string, iterations: number, hint: string): MechanicsError =>
  new MechanicsError('mechanics.not-converged', `no solution after ${iterations} iterations`, {
    where,
    hint,
  });
