/** @file What a sampled path costs: kinetic and potential part, H_c = T − V, action, length, momentum at its end. */
import { factor } from '../../mechanics/linear.ts';
import {
  freeStrengths,
  type PathMethod,
  type Rows,
  type StrengthPath,
  type StrengthProblem,
} from './types.ts';

/** K = N + 1 points at s = k/N, with the rate of change at each. */
export interface SampledPath {
  readonly alpha_KN: readonly Float64Array[];
  readonly velocity_KN: readonly Float64Array[];
}

export const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

export const times = (rows: Rows, v: ArrayLike<number>): Float64Array =>
  Float64Array.from(rows, (row) => inner(row, v));

/** vᵀ G v. */
export const squared = (rows: Rows, v: ArrayLike<number>): number => inner(times(rows, v), v);

/** Least-action paths bring their discrete momenta and action; for others p = G α̇, and the action is integrated. */
export interface Solved {
  readonly momentum_KN: readonly Float64Array[];
  readonly action: number;
  readonly solved: NonNullable<StrengthPath['solved']>;
}

/** The report of a path given by points and velocities, or by points and momenta. */
export function reportPath(
  problem: StrengthProblem,
  method: PathMethod,
  path: SampledPath | (Pick<SampledPath, 'alpha_KN'> & Solved),
  integrator: string,
): StrengthPath {
  const { alpha_KN } = path;
  const steps = alpha_KN.length - 1;
  const metrics = alpha_KN.map((alpha_N) => problem.metric.at(alpha_N));
  const momentum_KN =
    'momentum_KN' in path ? path.momentum_KN : metrics.map((G, k) => times(G, path.velocity_KN[k]!));
  const velocity_KN =
    'velocity_KN' in path
      ? path.velocity_KN
      : metrics.map((G, k) => factor(G, problem.name).solve(momentum_KN[k]!));
  const kinetic_K = Float64Array.from(velocity_KN, (v, k) => inner(v, momentum_KN[k]!) / 2);
  const potential_K = Float64Array.from(alpha_KN, (alpha_N) => problem.potential(alpha_N).value);
  const energies = kinetic_K.map((T, k) => T - potential_K[k]!);
  const endMomentum_N = momentum_KN.at(-1)!.slice();
  return {
    method,
    trajectory: {
      clock: 'edit',
      system: problem.name,
      integrator,
      dimension: problem.strengths,
      momenta: problem.strengths,
      times: Float64Array.from(alpha_KN, (_, k) => k / steps),
      q_KN: flat(alpha_KN),
      p_KN: flat(momentum_KN),
      energies,
    },
    kinetic_K,
    potential_K,
    energySpread: energies.reduce((most, H) => Math.max(most, Math.abs(H - energies[0]!)), 0),
    action: 'action' in path ? path.action : actionOf(problem, alpha_KN, velocity_KN),
    ...paid(problem, alpha_KN),
    end_N: alpha_KN.at(-1)!.slice(),
    endMomentum_N,
    freeEndMomentum: freeStrengths(problem).reduce(
      (most, i) => Math.max(most, Math.abs(endMomentum_N[i]!)),
      0,
    ),
    ...('solved' in path ? { solved: path.solved } : {}),
  };
}

const flat = (rows: readonly Float64Array[]): Float64Array =>
  Float64Array.from(rows.flatMap((row) => Array.from(row)));

/** Sum over steps of ½ΔᵀGΔ (times N) and of √(ΔᵀGΔ), G at the middle of the step. */
function paid(
  problem: StrengthProblem,
  alpha_KN: readonly Float64Array[],
): Pick<StrengthPath, 'steppedKl' | 'length'> {
  let [steppedKl, length] = [0, 0];
  for (let k = 1; k < alpha_KN.length; k++) {
    const [from, to] = [alpha_KN[k - 1]!, alpha_KN[k]!];
    const change = to.map((a, i) => a - from[i]!);
    const square = squared(problem.metric.at(to.map((a, i) => (a + from[i]!) / 2)), change);
    steppedKl += ((alpha_KN.length - 1) * square) / 2;
    length += Math.sqrt(square);
  }
  return { steppedKl, length };
}

const GAUSS = Math.sqrt(3) / 6;

/** ∫ T + V ds: two Gauss points on the cubic through both ends of each step and their velocities, order 4. */
function actionOf(
  { potential, metric }: StrengthProblem,
  alpha_KN: readonly Float64Array[],
  velocity_KN: readonly Float64Array[],
): number {
  const steps = alpha_KN.length - 1;
  const h = 1 / steps;
  let action = 0;
  for (let k = 0; k < steps; k++) {
    const [a, b] = [alpha_KN[k]!, alpha_KN[k + 1]!];
    const [va, vb] = [velocity_KN[k]!, velocity_KN[k + 1]!];
    for (const t of [0.5 - GAUSS, 0.5 + GAUSS]) {
      // Hermite's cubic as the chord and what it bends by.
      const alpha_N = a.map((ai, i) => {
        const chord = b[i]! - ai;
        const bend = t * (1 - t) * ((1 - t) * (h * va[i]! - chord) - t * (h * vb[i]! - chord));
        return ai + t * chord + bend;
      });
      const velocity_N = a.map((ai, i) => {
        const chord = b[i]! - ai;
        const [early, late] = [h * va[i]! - chord, h * vb[i]! - chord];
        return (chord + (1 - t) * (1 - 3 * t) * early - t * (2 - 3 * t) * late) / h;
      });
      action += (h / 2) * (squared(metric.at(alpha_N), velocity_N) / 2 + potential(alpha_N).value);
    }
  }
  return action;
}
