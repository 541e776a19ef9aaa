/** @file Shooting: the same boundary-value problem by aiming from the start. An independent check of least action. */
import { factor } from '../linear.ts';
import type { Field, Integrator, State } from '../types.ts';
import { notConverged } from '../variational/discrete-lagrangian.ts';
import type { Lagrangian } from '../variational/lagrangian.ts';
import { type Ends, requireEnds } from './ends.ts';

/** Ends of the path that `shoot` looks for, and the method that follows it. */
export interface ShootingOptions extends Ends {
  /** Any method that needs rates alone, e.g. Runge–Kutta or Gauss–Legendre. */
  readonly integrator: Integrator;
  readonly steps: number;
  readonly duration?: number;
  /** First guess of the unknown start: velocities of pinned coordinates, positions of free ones; the straight line unless given. */
  readonly guess?: ArrayLike<number>;
}

/** A start that reaches the end, and the motion between them. */
export interface Shot {
  /** Position and velocity at the start, [n] each. */
  readonly q: Float64Array;
  readonly v: Float64Array;
  /** Positions at every step, [N + 1][n]. */
  readonly path: readonly Float64Array[];
  /** How far the shot misses: pinned ends by position, free ends by momentum. */
  readonly miss: number;
}

/** The Euler–Lagrange motion of a Lagrangian as a field of (q, v): L_vv v̇ = L_q − L_vq v. */
export const eulerLagrange = (lagrangian: Lagrangian): Field => {
  const n = lagrangian.dimension;
  return {
    kind: 'field',
    name: lagrangian.name,
    dimension: n,
    momenta: n,
    energy(q, v) {
      const { value, slope } = lagrangian.at(q, v);
      return v.reduce((sum, vi, i) => sum + vi * slope[n + i]!, -value);
    },
    rates(q, v, dq, dv) {
      const { slope, curvature } = lagrangian.at(q, v);
      const right = Array.from({ length: n }, (_, i) => {
        let sum = slope[i]!;
        for (let j = 0; j < n; j++) sum -= curvature[n + i]![j]! * v[j]!;
        return sum;
      });
      dq.set(v);
      dv.set(
        factor(
          curvature.slice(n).map((row) => Array.from(row).slice(n)),
          lagrangian.name,
        ).solve(right),
      );
    },
  };
};

const MOST_ITERATIONS = 40;
const DIFFERENCE = 1e-6;

/**
 * Aims by Newton, with central differences of the end in the unknown start.
 * @throws MechanicsError `mechanics.not-converged`, `mechanics.singular`, `mechanics.length`.
 */
export function shoot(lagrangian: Lagrangian, options: ShootingOptions): Shot {
  const { start, end, integrator, steps, duration = 1 } = options;
  const n = lagrangian.dimension;
  requireEnds(options, n, lagrangian.name);
  const step = integrator.stepper(eulerLagrange(lagrangian));
  /** Momentum of free coordinates at the start must be 0: their velocity follows from it. */
  const startOf = (unknown: ArrayLike<number>): State => {
    const q = Float64Array.from(start, (pin, i) => pin ?? unknown[i]!);
    const v = Float64Array.from(start, (pin, i) => (pin === null ? 0 : unknown[i]!));
    const freed = start.flatMap((pin, i) => (pin === null ? [i] : []));
    if (freed.length > 0) {
      const { slope, curvature } = lagrangian.at(q, v);
      const mass = freed.map((i) => freed.map((j) => curvature[n + i]![n + j]!));
      const found = factor(mass, lagrangian.name).solve(freed.map((i) => -slope[n + i]!));
      freed.forEach((i, k) => {
        v[i] = found[k]!;
      });
    }
    return { t: 0, q, p: v };
  };
  const fly = (unknown: ArrayLike<number>) => {
    const state = startOf(unknown);
    const path = [state.q.slice()];
    for (let k = 0; k < steps; k++) {
      step(state, duration / steps);
      path.push(state.q.slice());
    }
    const { slope } = lagrangian.at(state.q, state.p);
    return {
      path,
      miss: Float64Array.from(end, (pin, i) => (pin === null ? slope[n + i]! : state.q[i]! - pin)),
    };
  };
  const unknown = Float64Array.from(
    options.guess ??
      start.map((pin, i) => (pin === null ? (end[i] ?? 0) : ((end[i] ?? pin) - pin) / duration)),
  );
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const { path, miss } = fly(unknown);
    const size = Math.hypot(...miss);
    if (size < 1e-9 && size >= before / 2) {
      const { q, p } = startOf(unknown);
      return { q, v: p, path, miss: size };
    }
    before = size;
    const columns = Array.from(unknown, (_, j) => {
      const d = DIFFERENCE * Math.max(1, Math.abs(unknown[j]!));
      const [up, down] = [d, -d].map((by) => fly(unknown.map((u, i) => (i === j ? u + by : u))).miss);
      return up!.map((u, i) => (u - down![i]!) / (2 * d));
    });
    const change = factor(
      columns.map((_, i) => columns.map((column) => column[i]!)),
      lagrangian.name,
    ).solve(miss);
    for (let i = 0; i < n; i++) unknown[i]! -= change[i]!;
  }
  throw notConverged(
    lagrangian.name,
    MOST_ITERATIONS,
    'give a first guess nearer to the answer, or use least action',
  );
}
