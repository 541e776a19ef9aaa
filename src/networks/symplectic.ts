/** @file Layers that are symplectic whatever their weights: gradient modules (Jin et al. 2020, arXiv:2001.03750, eq. 7). */
import type { Random } from '../core/random.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { type FloatType, normals } from './perceptron.ts';

export interface SymplecticShape {
  readonly dimension: number;
  /** Rows of K: terms of each layer's potential. */
  readonly hidden: number;
  /** Even layers move the momenta, odd ones the positions. */
  readonly layers: number;
  readonly chance: Random;
  readonly dtype: FloatType;
}

/**
 * p ← p + Kᵀ (a ∘ tanh(K q + b)), then q ← q + Kᵀ (a ∘ tanh(K p + b)), and so on. What is added is the gradient of
 * Σ aᵢ log cosh(Kᵢ q + bᵢ), so its Jacobian is symmetric and each layer is a shear that conserves Ω exactly.
 * The a start at 0: an untrained network leaves every state where it is.
 */
export function symplecticLayers(
  b: GraphBuilder,
  state: string,
  { dimension, hidden, layers, chance, dtype }: SymplecticShape,
): string {
  const halves = b.ops('Split', [state, b.ints(dimension, dimension)], 2, { axis: { int: -1 } });
  let [q, p] = halves as [string, string];
  for (let layer = 0; layer < layers; layer++) {
    const movesMomenta = layer % 2 === 0;
    const from = movesMomenta ? q : p;
    const K = b.weight(`W_${layer}`, normals(dtype, [dimension, hidden], 1 / Math.sqrt(dimension), chance));
    const bias = b.weight(`b_${layer}`, normals(dtype, [hidden], 1, chance));
    const a = b.weight(`a_${layer}`, normals(dtype, [hidden], 0, chance));
    const slope = b.op('Tanh', [b.op('Add', [b.op('MatMul', [from, K]), bias])]);
    const added = b.op('MatMul', [
      b.op('Mul', [slope, a]),
      b.op('Transpose', [K], { perm: { ints: [1, 0] } }),
    ]);
    if (movesMomenta) p = b.op('Add', [p, added]);
    else q = b.op('Add', [q, added]);
  }
  return b.op('Concat', [q, p], { axis: { int: -1 } });
}
