/** @file L(q, v) with first and second derivatives: from a formula, or from a metric and a cost (least action on features). */
import { gradient, hessian, joined, type PairFormula, real } from '../differentiate.ts';
import type { Vector } from '../types.ts';

/** L and its derivatives at a point; index i < n is q_i, index n + i is v_i. */
export interface LagrangianAt {
  readonly value: number;
  /** [2n]. */
  readonly slope: ArrayLike<number>;
  /** [2n][2n]. */
  readonly curvature: readonly ArrayLike<number>[];
}

/** L(q, v) with first and second derivatives: what discrete actions, least action and shooting start from. */
export interface Lagrangian {
  readonly name: string;
  readonly dimension: number;
  at(q: ArrayLike<number>, v: ArrayLike<number>): LagrangianAt;
}

/** A Lagrangian from a formula; all derivatives are exact. */
export function lagrangian(name: string, dimension: number, formula: PairFormula): Lagrangian {
  const L = joined(formula, dimension);
  return {
    name,
    dimension,
    at(q, v) {
      const x = [...Array.from(q), ...Array.from(v)];
      return { value: L(real, x), slope: gradient(real, L, x), curvature: hessian(L, x) };
    },
  };
}

/** ½ vᵀG(q)v + V(q), the running cost of least action, where a model supplies G and V. */
export interface MetricAndCost {
  readonly name: string;
  readonly dimension: number;
  /** G(q), rows [n][n], symmetric and positive. */
  metric(q: Vector): readonly ArrayLike<number>[];
  /** (∂G/∂q_k) v for each k, [n][n]; leave it out when G is constant. */
  slopesTimes?(q: Vector, v: Vector): readonly ArrayLike<number>[];
  cost(q: Vector): {
    readonly value: number;
    readonly slope: ArrayLike<number>;
    readonly curvature: readonly ArrayLike<number>[];
  };
}

/**
 * L = ½ vᵀG(q)v + V(q). Values and slopes are exact; the second derivatives of G in q are left out of the curvature,
 * which makes Newton's method a quasi-Newton one where G varies, with the same solutions.
 */
export function metricLagrangian(spec: MetricAndCost): Lagrangian {
  const n = spec.dimension;
  return {
    name: spec.name,
    dimension: n,
    at(position, velocity) {
      const [q, v] = [Float64Array.from(position), Float64Array.from(velocity)];
      const G = spec.metric(q);
      const { value, slope: costSlope, curvature: costCurvature } = spec.cost(q);
      const p = times(G, v);
      const slopeTimesV = spec.slopesTimes?.(q, v) ?? [];
      const slope = new Float64Array(2 * n);
      const curvature = Array.from({ length: 2 * n }, () => new Float64Array(2 * n));
      for (let i = 0; i < n; i++) {
        slope[i] = costSlope[i]! + (slopeTimesV[i] ? inner(v, slopeTimesV[i]!) / 2 : 0);
        slope[n + i] = p[i]!;
        for (let j = 0; j < n; j++) {
          curvature[i]![j] = costCurvature[i]![j]!;
          curvature[n + i]![n + j] = G[i]![j]!;
          const mixed = slopeTimesV[i]?.[j] ?? 0;
          curvature[i]![n + j] = mixed;
          curvature[n + j]![i] = mixed;
        }
      }
      return { value: inner(v, p) / 2 + value, slope, curvature };
    },
  };
}

const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

const times = (rows: readonly ArrayLike<number>[], v: ArrayLike<number>): Float64Array =>
  Float64Array.from(rows, (row) => inner(row, v));
