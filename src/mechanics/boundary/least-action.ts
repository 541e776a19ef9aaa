/** @file Least action between two configurations: the path whose discrete action is stationary, ends pinned or free. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import type { Clock, Trajectory } from '../types.ts';
import {
  type DiscreteLagrangian,
  type DiscreteLagrangianAt,
  notConverged,
} from '../variational/discrete-lagrangian.ts';
import { type BlockRow, solveBlockTridiagonal } from './block-tridiagonal.ts';
import { type Ends, requireEnds } from './ends.ts';
import { energyOf } from './legendre.ts';

/** Ends, length and fineness of the path that `leastAction` looks for. */
export interface LeastActionOptions extends Ends {
  /** Length of the path in its own time; 1 unless given. */
  readonly duration?: number;
  /** Number of steps N. */
  readonly steps: number;
  /** A first path [N + 1][n]; the straight line unless given, with free coordinates held where the other end has them. */
  readonly guess?: readonly ArrayLike<number>[];
  /** Largest residual of the discrete Euler–Lagrange equations, relative to the momenta; 1e-12 unless given. */
  readonly tolerance?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/** A stationary path, and how well it is one. */
export interface LeastAction {
  /** N + 1 points with the discrete momenta p_0 = −D₁L_d, p_k = D₂L_d, and H = p·v − L at each. */
  readonly trajectory: Trajectory;
  readonly action: number;
  /** Largest |H_k − H_0|. */
  readonly energySpread: number;
  /** The discrete momentum D₂L_d at the end, [n]; 0 in free coordinates. */
  readonly endMomentum: Float64Array;
  /** −D₁L_d at the start, [n]. */
  readonly startMomentum: Float64Array;
  /** Largest residual of the discrete Euler–Lagrange equations and of the free ends. */
  readonly residual: number;
  readonly iterations: number;
  /** The second variation is positive: the action is least among nearby paths, not only stationary. */
  readonly minimum: boolean;
}

const MOST_ITERATIONS = 100;

/**
 * Solves D₂L_d(q_{k−1}, q_k) + D₁L_d(q_k, q_{k+1}) = 0 with the ends given (Marsden and West 2001, §1.3.1 as a
 * boundary-value problem), by Newton on the block-tridiagonal second variation with backtracking.
 * @throws MechanicsError `mechanics.not-converged`, `mechanics.singular` (several paths: a conjugate point, or an
 * undetermined free coordinate), `mechanics.length`, `mechanics.option`.
 */
export function leastAction(discrete: DiscreteLagrangian, options: LeastActionOptions): LeastAction {
  const { steps, duration = 1, tolerance = 1e-12 } = options;
  const { dimension: n, lagrangian } = discrete;
  requireEnds(options, n, lagrangian.name);
  requireAbove(duration, 0, `${lagrangian.name}: duration`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new MechanicsError('mechanics.option', `a path of ${steps} steps was asked for`, {
      where: lagrangian.name,
      hint: 'give a whole number from 1',
    });
  const h = duration / steps;
  const free = Array.from({ length: steps + 1 }, (_, k) =>
    Array.from({ length: n }, (__, i) => {
      if (k === 0) return options.start[i] === null;
      return k < steps || options.end[i] === null;
    }),
  );
  let path = firstPath(options, steps, n);
  let now = stationarity(discrete, path, h, free);
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration <= MOST_ITERATIONS; iteration++) {
    throwIfAborted(options.signal);
    const { change, positive } = solveBlockTridiagonal(now.rows, lagrangian.name);
    const arrived = now.residual <= tolerance * now.scale;
    if (arrived && now.residual >= before / 2)
      return report(discrete, options, path, now, iteration, positive, h);
    before = now.residual;
    // Backtracking: half the step until the residual falls.
    let length = 1;
    let next = moved(path, change, length);
    let after = attempt(discrete, next, h, free);
    while (!(after && after.residual < now.residual) && length > LEAST_LENGTH && !arrived) {
      length /= 2;
      next = moved(path, change, length);
      after = attempt(discrete, next, h, free);
    }
    if (!(after && after.residual < now.residual)) {
      if (arrived) return report(discrete, options, path, now, iteration, positive, h);
      break;
    }
    [path, now] = [next, after];
  }
  throw notConverged(
    lagrangian.name,
    MOST_ITERATIONS,
    'use more steps, or give a first path nearer to the answer',
  );
}

/** Newton's step is not halved below it. */
const LEAST_LENGTH = 1e-4;

const isNotConverged = (error: unknown): boolean =>
  error instanceof MechanicsError && error.code === 'mechanics.not-converged';

interface Stationarity {
  readonly parts: readonly DiscreteLagrangianAt[];
  readonly rows: readonly BlockRow[];
  readonly residual: number;
  /** Largest momentum, which residuals are compared with. */
  readonly scale: number;
}

/** Residuals and second variation at a path; rows and columns of pinned coordinates are those of the identity. */
function stationarity(
  discrete: DiscreteLagrangian,
  path: readonly Float64Array[],
  h: number,
  free: readonly (readonly boolean[])[],
): Stationarity {
  const n = discrete.dimension;
  const last = path.length - 1;
  const parts = path.slice(0, last).map((q, k) => discrete.at(q, path[k + 1]!, h));
  let [residual, scale] = [0, 0];
  for (const { D1, D2 } of parts)
    for (let i = 0; i < n; i++) scale = Math.max(scale, Math.abs(D1[i]!), Math.abs(D2[i]!));
  const masked = (block: (i: number, j: number) => number, k: number, l: number) =>
    Array.from({ length: n }, (_, i) =>
      Float64Array.from({ length: n }, (__, j) =>
        free[k]![i] && free[l]![j] ? block(i, j) : k === l && i === j ? 1 : 0,
      ),
    );
  const rows = path.map((_, k): BlockRow => {
    const [left, right] = [parts[k - 1], parts[k]];
    const slope = Float64Array.from({ length: n }, (__, i) =>
      free[k]![i] ? (left?.D2[i] ?? 0) + (right?.D1[i] ?? 0) : 0,
    );
    for (const r of slope)
      residual = Math.max(residual, Number.isFinite(r) ? Math.abs(r) : Number.POSITIVE_INFINITY);
    return {
      diagonal: masked((i, j) => (left?.D22[i]?.[j] ?? 0) + (right?.D11[i]?.[j] ?? 0), k, k),
      upper: right ? masked((i, j) => right.D12[i]![j]!, k, k + 1) : undefined,
      right: slope.map((r) => -r),
    };
  });
  return { parts, rows, residual, scale: Math.max(scale, Number.MIN_VALUE) };
}

/** The same; undefined where the inside of a step has no stationary point: a step too far. */
function attempt(...at: Parameters<typeof stationarity>): Stationarity | undefined {
  try {
    return stationarity(...at);
  } catch (error) {
    if (isNotConverged(error)) return undefined;
    throw error;
  }
}

const moved = (
  path: readonly Float64Array[],
  change: readonly Float64Array[],
  length: number,
): Float64Array[] => path.map((q, k) => q.map((qi, i) => qi + length * change[k]![i]!));

function firstPath({ start, end, guess }: LeastActionOptions, steps: number, n: number): Float64Array[] {
  return Array.from({ length: steps + 1 }, (_, k) =>
    Float64Array.from({ length: n }, (__, i) => {
      const [a, b] = [start[i] ?? end[i] ?? 0, end[i] ?? start[i] ?? 0];
      if (k === 0 && start[i] !== null) return a;
      if (k === steps && end[i] !== null) return b;
      return guess?.[k]?.[i] ?? a + ((b - a) * k) / steps;
    }),
  );
}

function report(
  discrete: DiscreteLagrangian,
  { clock = 'time', duration = 1, steps }: LeastActionOptions,
  path: readonly Float64Array[],
  { parts, residual }: Stationarity,
  iterations: number,
  minimum: boolean,
  h: number,
): LeastAction {
  const { dimension, lagrangian, rule } = discrete;
  const momenta = path.map((_, k) => (k === 0 ? parts[0]!.D1.map((d) => -d) : parts[k - 1]!.D2));
  const energies = Float64Array.from(path, (q, k) => {
    const [a, b] = k === 0 ? [q, path[1]!] : [path[k - 1]!, q];
    const guess = a.map((ai, i) => (b[i]! - ai) / h);
    return energyOf(lagrangian, q, momenta[k]!, guess);
  });
  const flat = (rows: readonly Float64Array[]) => Float64Array.from(rows.flatMap((row) => Array.from(row)));
  return {
    trajectory: {
      clock,
      system: lagrangian.name,
      integrator: `least action, ${rule}`,
      dimension,
      momenta: dimension,
      times: Float64Array.from(path, (_, k) => (duration * k) / steps),
      q_KN: flat(path),
      p_KN: flat(momenta),
      energies,
    },
    action: parts.reduce((sum, part) => sum + part.value, 0),
    energySpread: energies.reduce((most, H) => Math.max(most, Math.abs(H - energies[0]!)), 0),
    startMomentum: momenta[0]!.slice(),
    endMomentum: momenta.at(-1)!.slice(),
    residual,
    iterations,
    minimum,
  };
}
