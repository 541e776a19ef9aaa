/** @file T, V and H of a training run as plain JSON: what commands print, the Studio draws and results keep. */
import { matchedMass } from '../sequence/motion.ts';
import type { TrainingEnergies } from './training.ts';

/** T, V and H of one training run; `potentialOf` says which loss V is. */
export interface TrainingReport {
  /** The method. */
  readonly name: string;
  readonly potentialOf: TrainingEnergies['potentialOf'];
  readonly kineticOf: TrainingEnergies['kineticOf'];
  readonly times: readonly number[];
  readonly kinetic: readonly number[];
  readonly potential: readonly number[];
  /** H = T + V. */
  readonly energy: readonly number[];
  readonly friction?: number;
  /** What friction took so far; on the full batch H + this is kept. */
  readonly dissipated?: readonly number[];
  /** Largest |H + dissipated − H(0)|: the integrator's error on the full batch, the work of changing batches beside a fixed one. */
  readonly unaccounted?: number;
}

/** A run by its name. @param mass a factor of T, where T is a displacement in units of its own */
export function trainingReport(
  name: string,
  run: TrainingEnergies,
  { friction, mass = 1 }: { readonly friction?: number; readonly mass?: number } = {},
): TrainingReport {
  const kinetic = Array.from(run.kinetic_K, (T) => mass * T);
  const energy = kinetic.map((T, k) => T + run.potential_K[k]!);
  const missing = run.dissipated_K?.map((lost, k) => Math.abs(energy[k]! + lost - energy[0]!));
  return {
    ...{ name, potentialOf: run.potentialOf, kineticOf: run.kineticOf },
    times: Array.from(run.times),
    ...{ kinetic, potential: Array.from(run.potential_K), energy },
    ...(friction === undefined ? {} : { friction }),
    ...(run.dissipated_K ? { dissipated: Array.from(run.dissipated_K) } : {}),
    ...(missing ? { unaccounted: missing.reduce((most, x) => Math.max(most, x), 0) } : {}),
  };
}

/**
 * m that gives T and V one unit, ⟨T⟩ = ⟨|V − V(0)|⟩ (mechanics.md §3), where the optimiser has no momentum and T is what its
 * steps moved; 1 where it has.
 */
export function commonMass({ kineticOf, kinetic_K, potential_K }: TrainingEnergies): number {
  if (kineticOf === 'momentum') return 1;
  const sum = (of: (k: number) => number) => kinetic_K.reduce((total, _, k) => total + of(k), 0);
  return matchedMass({
    a: sum((k) => kinetic_K[k]!),
    absV: sum((k) => Math.abs(potential_K[k]! - potential_K[0]!)),
  });
}
