/** @file The ways to a circuit that are set side by side: masks by energy and by Adam, thresholds, flow, chance. */

import { quadrature } from '../../autodiff/quadrature.ts';
import type { Network } from '../../circuits/cuts.ts';
import { type Pairs, pickPairs, range } from '../../circuits/examples.ts';
import { rankByFlow } from '../../circuits/flow-circuit.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type NodeRef, nodeId, rankNodes } from '../../circuits/select.ts';
import type { TrainEffects } from '../../circuits/train-effects.ts';
import type { Random } from '../../core/random.ts';
import { adam } from '../../mechanics/optimisers/adam.ts';
import { conformalLeapfrog } from '../../mechanics/optimisers/conformal-leapfrog.ts';
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import type { MaskLandscape } from './landscape.ts';
import { type MotionOptions, moveMasks } from './move.ts';
import type { MaskArm } from './types.ts';

/** An arm's ranking of nodes, before it is judged. */
export interface Ranking extends Omit<MaskArm, 'points'> {
  readonly ranked: readonly NodeRef[];
  /** Final mask of each ranked node, for arms that have masks. */
  readonly masks?: readonly number[];
}

/** A way of moving and what it may be tuned over: as many settings for each, chosen by V on the train examples. */
interface Mover {
  readonly name: string;
  readonly meaning: string;
  readonly settings: readonly { readonly name: string; make(sparsity: number): Optimiser }[];
}

/** Friction keeps e^(−0.2) of the momentum a step, whatever the step. */
const FRICTION_A_STEP = 0.2;

/**
 * Conformal leapfrog and Adam, three settings each. Time is counted in 1/√λ, in which sparsity alone moves a mask by as much
 * whatever the units of the loss.
 */
export const movers: readonly Mover[] = [
  {
    name: 'energy',
    meaning: 'masks moved by conformal leapfrog: T = |p|²/2, V = loss + λ Σ m, friction γ',
    settings: [0.4, 0.8, 1.6].map((time) => ({
      name: `step ${time}/√λ`,
      make: (sparsity: number) => {
        const step = time / Math.sqrt(sparsity);
        return conformalLeapfrog({ step, friction: FRICTION_A_STEP / step });
      },
    })),
  },
  {
    name: 'adam',
    meaning: 'the same masks and the same V, moved by Adam',
    settings: [0.05, 0.15, 0.5].map((learningRate) => ({
      name: `rate ${learningRate}`,
      make: () => adam({ learningRate }),
    })),
  },
];

/** Moves the masks with every setting of a mover and keeps the one with the smallest V at the end. */
export async function rankByMasks(
  landscape: MaskLandscape,
  { name, meaning, settings }: Mover,
  options: MotionOptions,
): Promise<Ranking> {
  const begun = performance.now();
  const before = landscape.evaluations();
  const tuning: { setting: string; potential: number }[] = [];
  let best: Awaited<ReturnType<typeof moveMasks>> | undefined;
  for (const setting of settings) {
    const moved = await moveMasks(landscape, setting.make(options.sparsity), options);
    const potential = moved.steps.at(-1)!.potential;
    if (!best || potential < best.steps.at(-1)!.potential) best = moved;
    tuning.push({ setting: setting.name, potential });
  }
  const { q_N, steps } = best!;
  const order = range(0, q_N.length).sort((a, b) => q_N[b]! - q_N[a]! || a - b);
  return {
    ...{ name, meaning, tuning, motion: steps },
    ranked: order.map((i) => landscape.nodes[i]!),
    masks: order.map((i) => 1 / (1 + Math.exp(-q_N[i]!))),
    gradients: landscape.evaluations() - before,
    seconds: (performance.now() - begun) / 1000,
  };
}

/** Nodes by |mean effect|, as circuits are usually cut. */
export function rankByThreshold(train: TrainEffects, rule: string, seconds: number): Ranking {
  return {
    name: 'threshold',
    meaning: `the largest |mean effect| by ${rule}`,
    ranked: rankNodes(train.places.map((place) => place.effects)),
    gradients: quadrature(rule).points.length * train.places.length,
    seconds,
  };
}

/** Nodes by the work of the best path through them, on the first examples. */
export async function rankByPathWork(
  network: Network,
  train: TrainEffects,
  pairs: Pairs,
  {
    examples,
    rule,
    candidates,
  }: { readonly examples: number; readonly rule: string; readonly candidates: number },
  run: RunOptions,
): Promise<Ranking> {
  const begun = performance.now();
  const few = pickPairs(pairs, range(0, Math.min(examples, pairs.examples)));
  const dictionaries = train.places.map((place) => place.dictionary);
  const { ranked } = await rankByFlow(network, dictionaries, few, { rule, candidates }, run);
  return {
    name: 'flow',
    meaning: `paths that carry most work (${rule}, ${few.examples} examples, ${candidates} candidates)`,
    ranked,
    seconds: (performance.now() - begun) / 1000,
  };
}

/** The candidates in random order. */
export const rankByChance = (candidates: readonly NodeRef[], random: Random): Ranking => ({
  name: 'random',
  meaning: 'nodes that are ever active in the train examples, in random order',
  ranked: random.shuffle([...candidates].sort((a, b) => (nodeId(a) < nodeId(b) ? -1 : 1))),
  gradients: 0,
  seconds: 0,
});
