/** @file The No-U-Turn Sampler: trajectories that double until they turn back, so that no length has to be chosen. */
import { throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { leapfrogKDK } from '../integrators/leapfrog.ts';
import { counted, type Landscape, particle } from '../landscape.ts';
import type { Separable, State, Step } from '../types.ts';
import { type Chain, recorder, type SamplingOptions } from './chain.ts';
import { isNotFinite } from './hmc.ts';
import { drawMomentum, MOST_ENERGY_ERROR } from './momentum.ts';
import { stepAdaptation } from './step-adaptation.ts';

/** Options of `nuts`: steps, masses and the longest trajectory. */
export interface NutsOptions extends SamplingOptions {
  /** Step length; the first guess when there is a warm-up. */
  readonly step: number;
  readonly mass?: number | ArrayLike<number>;
  /** Doublings at most; 10 unless given. */
  readonly depth?: number;
  /** Acceptance that the warm-up aims at; 0.8 unless given. */
  readonly target?: number;
}

/** A piece of trajectory: its two ends, one draw from it, and what is needed to join it with another. */
interface Tree {
  readonly back: State;
  readonly front: State;
  readonly draw: Float64Array;
  /** log Σ e^(−error) over its points. */
  readonly logWeight: number;
  /** Σ p over its points. */
  readonly momenta: Float64Array;
  readonly turned: boolean;
  readonly diverged: boolean;
  readonly acceptance: number;
  readonly points: number;
}

/**
 * Draws from exp(−V) (Hoffman and Gelman 2014, with the multinomial choice of the draw and the turn criterion
 * pᵀM⁻¹Σp > 0 of Betancourt 2017, A.3–A.4).
 */
export function nuts(V: Landscape, start: ArrayLike<number>, options: NutsOptions, random: Random): Chain {
  const { draws, warmUp = 0, depth = 10, target = 0.8 } = options;
  const landscape = counted(V);
  const system = particle(landscape, options.mass);
  const move = leapfrogKDK.stepper(system);
  const adaptation = stepAdaptation(options.step, target, 'nuts');
  const record = recorder(V.dimension, draws);
  let q: Float64Array = Float64Array.from(start);
  system.potential(q);
  for (let k = -warmUp; k < draws; k++) {
    throwIfAborted(options.signal);
    const h = k < 0 ? adaptation.step() : adaptation.settled();
    const p = drawMomentum(system, random);
    const world: World = { system, move, random, energy: system.energy(q, p) };
    let tree = leaf({ t: 0, q, p }, 0);
    let [acceptance, points, diverged] = [0, 0, false];
    for (let level = 0; level < depth; level++) {
      const forward = random.uniform() < 0.5;
      const grown = grow(world, forward ? tree.front : tree.back, forward ? h : -h, level);
      acceptance += grown.acceptance;
      points += grown.points;
      diverged ||= grown.diverged;
      if (grown.turned || grown.diverged) break;
      // Biased towards the new half: the draw moves far.
      const takeNew = random.uniform() < Math.exp(grown.logWeight - tree.logWeight);
      tree = joined(system, forward ? tree : grown, forward ? grown : tree, takeNew ? grown.draw : tree.draw);
      if (tree.turned) break;
    }
    q = tree.draw.slice();
    const accepted = points > 0 ? acceptance / points : 0;
    if (k < 0) adaptation.learn(accepted);
    else record.keep(q, system.potential(q), accepted, diverged);
  }
  return record.chain('nuts', adaptation.settled(), landscape.evaluations());
}

interface World {
  readonly system: Separable;
  readonly move: Step;
  readonly random: Random;
  /** H where the trajectory began. */
  readonly energy: number;
}

const leaf = (at: State, error: number): Tree => ({
  back: at,
  front: at,
  draw: at.q,
  logWeight: -error,
  momenta: at.p.slice(),
  turned: false,
  diverged: !(error < MOST_ENERGY_ERROR),
  acceptance: Number.isNaN(error) ? 0 : Math.min(1, Math.exp(-error)),
  points: 1,
});

/** 2^level further steps of h beyond `end`. */
function grow(world: World, end: State, h: number, level: number): Tree {
  if (level === 0) {
    const at: State = { t: end.t, q: end.q.slice(), p: end.p.slice() };
    try {
      world.move(at, h);
      return leaf(at, world.system.energy(at.q, at.p) - world.energy);
    } catch (failure) {
      if (!isNotFinite(failure)) throw failure;
      return leaf(at, Number.POSITIVE_INFINITY);
    }
  }
  const first = grow(world, end, h, level - 1);
  if (first.turned || first.diverged) return first;
  const second = grow(world, h > 0 ? first.front : first.back, h, level - 1);
  const logSum = logAdd(first.logWeight, second.logWeight);
  const takeSecond = world.random.uniform() < Math.exp(second.logWeight - logSum);
  const [back, front] = h > 0 ? [first, second] : [second, first];
  return joined(world.system, back, front, takeSecond ? second.draw : first.draw);
}

function joined(system: Separable, back: Tree, front: Tree, draw: Float64Array): Tree {
  const momenta = back.momenta.map((p, i) => p + front.momenta[i]!);
  const forthFrom = (at: State, sum: Float64Array): boolean => {
    const velocity = new Float64Array(sum.length);
    system.velocity(at.p, velocity);
    return velocity.reduce((dot, v, i) => dot + v * sum[i]!, 0) > 0;
  };
  const straight = (a: State, b: State, sum: Float64Array) => forthFrom(a, sum) && forthFrom(b, sum);
  return {
    back: back.back,
    front: front.front,
    draw,
    logWeight: logAdd(back.logWeight, front.logWeight),
    momenta,
    turned: back.turned || front.turned || !straight(back.back, front.front, momenta),
    diverged: back.diverged || front.diverged,
    acceptance: back.acceptance + front.acceptance,
    points: back.points + front.points,
  };
}

/** log(eᵃ + eᵇ). */
const logAdd = (a: number, b: number): number => {
  const [more, less] = a > b ? [a, b] : [b, a];
  return more === Number.NEGATIVE_INFINITY ? more : more + Math.log1p(Math.exp(less - more));
};
