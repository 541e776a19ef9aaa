/** @file Wave equations u_tt = u_xx − V′(u) on a ring: a multisymplectic lattice, and one that keeps a local energy law exactly. */
import { MechanicsError } from '../../core/errors.ts';
import { integral } from '../quadrature.ts';

/** The force of a field on itself. */
export interface FieldPotential {
  readonly name: string;
  value(u: number): number;
  /** V′ */
  slope(u: number): number;
  /** V″ */
  curvature(u: number): number;
}

/** V = m²u²/2: the wave equation for m = 0, Klein–Gordon's otherwise. */
export const massTerm = (mass = 0): FieldPotential => ({
  name: mass === 0 ? 'wave' : 'klein-gordon',
  value: (u) => (mass * mass * u * u) / 2,
  slope: (u) => mass * mass * u,
  curvature: () => mass * mass,
});

/** V = 1 − cos u. */
export const sineGordon: FieldPotential = {
  name: 'sine-gordon',
  value: (u) => 1 - Math.cos(u),
  slope: Math.sin,
  curvature: Math.cos,
};

/**
 * `multisymplectic`: the five-point scheme with V′(uⁿ), explicit, leapfrog in time and space (Marsden, Patrick and
 * Shkoller 1998, §4). It conserves the symplectic structure in each cell; its local energy law holds exactly for a
 * quadratic V, and up to order Δt² otherwise. `energy`: the slope of V is taken as the difference quotient
 * (V(uⁿ⁺¹) − V(uⁿ⁻¹))/(uⁿ⁺¹ − uⁿ⁻¹) (Strauss and Vázquez 1978); the local energy law is exact for any V, the scheme is not
 * multisymplectic and each point needs a scalar Newton iteration.
 */
export type Scheme = 'multisymplectic' | 'energy';

/** A wave equation on a grid: which potential, which scheme, how fine. */
export interface Lattice {
  readonly potential: FieldPotential;
  readonly scheme: Scheme;
  /** Δx and Δt; stable for Δt < Δx. */
  readonly dx: number;
  readonly dt: number;
}

/** Two neighbouring time levels on a ring of points. */
export interface FieldState {
  /** uⁿ⁻¹ and uⁿ. */
  readonly before: Float64Array;
  readonly now: Float64Array;
}

/** The first two levels from u and u_t at time 0, to second order. @throws MechanicsError `mechanics.length`, `mechanics.option`. */
export function startField({ potential, dx, dt }: Lattice, u: Float64Array, rate: Float64Array): FieldState {
  if (u.length !== rate.length || u.length < 3)
    throw new MechanicsError('mechanics.length', `${u.length} values and ${rate.length} rates on a ring`, {
      where: potential.name,
      hint: 'give a value and a rate for each of at least three points',
    });
  if (!(dt > 0 && dx > 0 && dt < dx))
    throw new MechanicsError('mechanics.option', `Δt = ${dt} and Δx = ${dx}`, {
      where: potential.name,
      hint: 'give positive numbers with Δt below Δx, or the lattice is not stable',
    });
  const bend = laplacian(u, dx);
  const now = u.map((x, j) => x + dt * rate[j]! + ((dt * dt) / 2) * (bend[j]! - potential.slope(x)));
  return { before: u.slice(), now };
}

/** The next level uⁿ⁺¹, in a new state. @throws MechanicsError `mechanics.not-converged`, `mechanics.not-finite`. */
export function stepField(lattice: Lattice, { before, now }: FieldState): FieldState {
  const { potential, scheme, dx, dt } = lattice;
  const bend = laplacian(now, dx);
  const next = now.map((u, j) => {
    const free = 2 * u - before[j]! + dt * dt * bend[j]!;
    return scheme === 'multisymplectic'
      ? free - dt * dt * potential.slope(u)
      : solvePoint(potential, free, before[j]!, dt);
  });
  if (!next.every(Number.isFinite))
    throw new MechanicsError('mechanics.not-finite', 'the field is no longer finite', {
      where: potential.name,
      hint: 'take Δt well below Δx',
    });
  return { before: now, now: next };
}

/** A tangent of the multisymplectic scheme beside its field: the same step, linearised. */
export function stepTangent({ potential, dx, dt }: Lattice, at: FieldState, tangent: FieldState): FieldState {
  const bend = laplacian(tangent.now, dx);
  const next = tangent.now.map(
    (a, j) => 2 * a - tangent.before[j]! + dt * dt * (bend[j]! - potential.curvature(at.now[j]!) * a),
  );
  return { before: tangent.now, now: next };
}

/** Energy density at the half step between two levels, and the flux that enters each point from its left at level n. */
export interface EnergyLaw {
  /** (eⁿ⁺½_j − eⁿ⁻½_j)/Δt + (Fⁿ_{j+½} − Fⁿ_{j−½})/Δx at every point: 0 to rounding where the law is exact. */
  readonly residual: Float64Array;
  /** Σ e Δx at n + ½. */
  readonly total: number;
}

/**
 * The discrete local energy law of three successive levels, with v = (uⁿ⁺¹ − uⁿ)/Δt and w = (u_{j+1} − u_j)/Δx:
 * e = ½v² + ¼ Σ_{j±½} wⁿ⁺¹wⁿ + potential part, F = −wⁿ_{j+½}(u̇_j + u̇_{j+1})/2, u̇ = (uⁿ⁺¹ − uⁿ⁻¹)/2Δt.
 * The potential part is (V(uⁿ⁺¹) + V(uⁿ))/2, and ½m²uⁿ⁺¹uⁿ (by polarisation, V″uⁿ⁺¹uⁿ/2) for the multisymplectic scheme
 * of a quadratic V.
 */
export function energyLaw(
  lattice: Lattice,
  before: Float64Array,
  now: Float64Array,
  next: Float64Array,
): EnergyLaw {
  const { dx, dt } = lattice;
  const N = now.length;
  const late = density(lattice, now, next);
  const early = density(lattice, before, now);
  const flux = Float64Array.from(now, (u, j) => {
    const right = (j + 1) % N;
    const speed = (k: number) => (next[k]! - before[k]!) / (2 * dt);
    return (-(now[right]! - u) / dx) * ((speed(j) + speed(right)) / 2);
  });
  return {
    residual: late.map((e, j) => (e - early[j]!) / dt + (flux[j]! - flux[(j + N - 1) % N]!) / dx),
    total: late.reduce((sum, e) => sum + e * dx, 0),
  };
}

/**
 * Largest residual of the discrete multisymplectic law ∂_t(a ∧ b)_t + ∂_x(a ∧ b)_x = 0 for two tangents over three levels,
 * relative to the size of its terms: 0 to rounding in every cell for the multisymplectic scheme.
 */
export function multisymplecticDefect(
  { dx, dt }: Lattice,
  a: readonly [Float64Array, Float64Array, Float64Array],
  b: readonly [Float64Array, Float64Array, Float64Array],
): number {
  const N = a[0].length;
  let worst = 0;
  for (let j = 0; j < N; j++) {
    const time = (level: 0 | 1) =>
      (a[level][j]! * b[level + 1]![j]! - b[level][j]! * a[level + 1]![j]!) / (dt * dt);
    const space = (k: number) => {
      const l = (k + 1) % N;
      return (a[1][k]! * b[1][l]! - b[1][k]! * a[1][l]!) / (dx * dx);
    };
    const terms = [time(1), -time(0), -space(j), space((j + N - 1) % N)];
    const size = terms.reduce((sum, term) => sum + Math.abs(term), 0);
    if (size > 0) worst = Math.max(worst, Math.abs(terms.reduce((sum, term) => sum + term, 0)) / size);
  }
  return worst;
}

function density(
  { potential, scheme, dx, dt }: Lattice,
  now: Float64Array,
  next: Float64Array,
): Float64Array {
  const N = now.length;
  const slope = (u: Float64Array, j: number) => (u[(j + 1) % N]! - u[j % N]!) / dx;
  const even = potential.curvature(0);
  const quadratic =
    scheme === 'multisymplectic' && [-1.7, 0.6, 1].every((u) => potential.curvature(u) === even);
  return Float64Array.from(now, (u, j) => {
    const v = (next[j]! - u) / dt;
    const left = j + N - 1;
    const bending = slope(next, j) * slope(now, j) + slope(next, left) * slope(now, left);
    const stored = quadratic
      ? potential.value(0) + (potential.slope(0) * (next[j]! + u)) / 2 + (even * next[j]! * u) / 2
      : (potential.value(next[j]!) + potential.value(u)) / 2;
    return (v * v) / 2 + bending / 4 + stored;
  });
}

function laplacian(u: Float64Array, dx: number): Float64Array {
  const N = u.length;
  return u.map((x, j) => (u[(j + 1) % N]! - 2 * x + u[(j + N - 1) % N]!) / (dx * dx));
}

const MOST_ITERATIONS = 50;

/** Solves y = free − Δt² (V(y) − V(before))/(y − before) by Newton; the quotient is ∫V′ along the way, free of cancellation. */
function solvePoint(
  { name, slope, curvature }: FieldPotential,
  free: number,
  before: number,
  dt: number,
): number {
  let y = free - dt * dt * slope((free + before) / 2);
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_ITERATIONS; i++) {
    const d = y - before;
    const quotient = integral((s) => slope(before + s * d), 0, 1, 1);
    const growth = integral((s) => s * curvature(before + s * d), 0, 1, 1);
    const change = -(y - free + dt * dt * quotient) / (1 + dt * dt * growth);
    y += change;
    if (Math.abs(change) <= 2 * Number.EPSILON * Math.abs(y) || Math.abs(change) >= last) return y;
    last = Math.abs(change);
  }
  throw new MechanicsError('mechanics.not-converged', 'the field at a point has no solution', {
    where: name,
    hint: 'take a smaller Δt',
  });
}
