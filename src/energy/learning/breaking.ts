/** @file What gradient flow conserves, and how finite steps and weight decay break it: measured beside an exact account. */
import { field, stateOf } from '../../mechanics/build.ts';
import { integrate } from '../../mechanics/integrate.ts';
import { adaptiveDormandPrince } from '../../mechanics/integrators/dormand-prince.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import { sgd } from '../../mechanics/optimisers/sgd.ts';
import type { Trajectory } from '../../mechanics/types.ts';
import { flowQuantity, type Symmetry } from './symmetry.ts';

/** V + λ|θ|²/2: weight decay as it acts on gradient descent. */
export const decayed = (V: Landscape, weightDecay: number): Landscape => ({
  ...V,
  at(x, gradient) {
    let value = V.at(x, gradient);
    for (let i = 0; i < gradient.length; i++) {
      gradient[i]! += weightDecay * x[i]!;
      value += (weightDecay * x[i]! ** 2) / 2;
    }
    return value;
  },
});

/** θ̇ = −∇V, by Dormand–Prince at a tolerance where its error does not show. */
export function gradientFlow(
  V: Landscape,
  start: ArrayLike<number>,
  { time, samples = 50 }: { readonly time: number; readonly samples?: number },
): Trajectory {
  const flow = field({
    name: `gradient flow of ${V.name}`,
    dimension: V.dimension,
    momenta: 0,
    rates(q, _p, dq) {
      V.at(q, dq);
      for (let i = 0; i < dq.length; i++) dq[i] = -dq[i]!;
    },
    energy: (q) => V.at(q, new Float64Array(V.dimension)),
  });
  const method = adaptiveDormandPrince({ relative: 1e-12, absolute: 1e-12 });
  return integrate(flow, method, stateOf(start, []), {
    step: time / samples,
    steps: samples,
    clock: 'learning',
  });
}

/** A conserved quantity of gradient flow under gradient descent. */
export interface Breaking {
  readonly symmetry: Symmetry;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly steps: number;
  readonly before: number;
  /** After that many steps of gradient descent. */
  readonly after: number;
  /** What gradient flow of the same duration makes of it: `before` without decay, and times e^(−λt) or e^(−2λt) with. */
  readonly flow: number;
  /**
   * What the steps must make of it, from the gradients on the way: each multiplies by 1 − ηλ (translation) or (1 − ηλ)²,
   * and adds η²|g_A|² (scale) or η²(|g_in|² − |g_out|²) (rescaling), since ξ·∇V = 0.
   */
  readonly predicted: number;
}

/**
 * Runs gradient descent with weight decay and accounts for every part of the change of a conserved quantity.
 * @returns undefined for rotations, which conserve nothing under gradient flow
 */
export function conservationBroken(
  V: Landscape,
  symmetry: Symmetry,
  start: ArrayLike<number>,
  {
    learningRate,
    weightDecay = 0,
    steps,
  }: { readonly learningRate: number; readonly weightDecay?: number; readonly steps: number },
): Breaking | undefined {
  const x = Float64Array.from(start);
  const before = flowQuantity(symmetry, x);
  if (before === undefined) return undefined;
  const linear = symmetry.kind === 'translation';
  const descent = sgd({ learningRate });
  const lossAlone = new Float64Array(V.dimension);
  const gradient = new Float64Array(V.dimension);
  const kept = (1 - learningRate * weightDecay) ** (linear ? 1 : 2);
  let predicted = before;
  for (let step = 0; step < steps; step++) {
    const loss = V.at(x, lossAlone);
    for (let i = 0; i < x.length; i++) gradient[i] = lossAlone[i]! + weightDecay * x[i]!;
    predicted = kept * predicted + (linear ? 0 : learningRate ** 2 * flowQuantity(symmetry, lossAlone)!);
    descent.update(x, gradient, loss);
  }
  return {
    symmetry,
    learningRate,
    weightDecay,
    steps,
    before,
    after: flowQuantity(symmetry, x)!,
    flow: before * Math.exp(-(linear ? 1 : 2) * weightDecay * learningRate * steps),
    predicted,
  };
}
