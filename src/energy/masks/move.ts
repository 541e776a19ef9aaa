/** @file Masks as coordinates of a motion: m = σ(q), V(q) = loss + λ Σ m, moved by an optimiser that records T, V and H. */
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import type { MaskLandscape } from './landscape.ts';
import type { MaskStep } from './types.ts';

export interface MotionOptions {
  /** Updates; the landscape is asked once more, for V at the end. */
  readonly steps: number;
  /** λ, in units of the loss a node. */
  readonly sparsity: number;
  /** q of every node before the first step. */
  readonly start: number;
}

export interface MaskMotion {
  readonly q_N: Float64Array;
  readonly steps: readonly MaskStep[];
}

const sigmoid = (q: number): number => 1 / (1 + Math.exp(-q));

/** Moves all masks together. H = T + V is that of a full step for methods with momentum, V for others. */
export async function moveMasks(
  landscape: MaskLandscape,
  optimiser: Optimiser,
  { steps, sparsity, start }: MotionOptions,
): Promise<MaskMotion> {
  const n = landscape.nodes.length;
  const q_N = new Float64Array(n).fill(start);
  const record: MaskStep[] = [];
  for (let step = 0; step <= steps; step++) {
    const mask_N = q_N.map(sigmoid);
    const { loss, gradient_N } = await landscape.at(mask_N);
    const size = mask_N.reduce((sum, m) => sum + m, 0);
    const potential = loss + sparsity * size;
    const gradient = gradient_N.map((g, i) => (g + sparsity) * mask_N[i]! * (1 - mask_N[i]!));
    const last = q_N.slice();
    // The figures of an update are those of the point it starts from; the last update is not kept.
    optimiser.update(q_N, gradient, potential);
    if (step === steps) q_N.set(last);
    const kinetic = optimiser.figures().kinetic ?? 0;
    record.push({ step, kinetic, potential, energy: kinetic + potential, loss, size });
  }
  return { q_N, steps: record };
}
