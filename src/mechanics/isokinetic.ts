/** @file Motion at constant speed: a unit velocity that turns towards lower potential. Shared by ECD and the microcanonical sampler. */

/**
 * Solves u̇ = −(1 − uuᵀ)∇S/(d − 1) with ∇S = scale · gradient held fixed, over `time`; exact, and |u| stays 1
 * (Ver Steeg and Galstyan 2021, eq. 12; Robnik et al. 2023, eq. 18). Turns `u` in place.
 * @returns what the kinetic energy (d − 1)·log|Π| gains, so that S + gain is conserved by the exact flow.
 */
export function turn(
  u: Float32Array | Float64Array,
  gradient: Float32Array | Float64Array,
  scale: number,
  time: number,
): number {
  const dimension = u.length;
  let squared = 0;
  let along = 0;
  for (let i = 0; i < dimension; i++) {
    squared += gradient[i]! * gradient[i]!;
    along -= u[i]! * gradient[i]!;
  }
  const norm = Math.sqrt(squared);
  if (norm === 0 || scale === 0) return 0;
  const sign = Math.sign(scale);
  along *= sign / norm;
  const delta = (time * Math.abs(scale) * norm) / (dimension - 1);
  const zeta = Math.exp(-delta);
  const down = (1 - zeta) * (1 + zeta + along * (1 - zeta)) * (-sign / norm);
  let length = 0;
  for (let i = 0; i < dimension; i++) {
    const value = down * gradient[i]! + 2 * zeta * u[i]!;
    u[i] = value;
    length += value * value;
  }
  const inverse = 1 / Math.sqrt(length);
  for (let i = 0; i < dimension; i++) u[i]! *= inverse;
  return (dimension - 1) * (delta + Math.log1p(along + (1 - along) * zeta * zeta) - Math.LN2);
}

/** Scales `u` to length 1 and returns its former length. */
export function normalise(u: Float32Array | Float64Array): number {
  let squared = 0;
  for (let i = 0; i < u.length; i++) squared += u[i]! * u[i]!;
  const length = Math.sqrt(squared);
  if (length > 0) for (let i = 0; i < u.length; i++) u[i]! /= length;
  return length;
}
