/** @file Microcanonical samplers: unit speed, turned by the gradient; unadjusted with noise (biased by the step) and adjusted. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { normalise, turn } from '../isokinetic.ts';
import { checked, counted, type Landscape } from '../landscape.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import { type Chain, recorder, type SamplingOptions } from './chain.ts';
import { isNotFinite } from './hmc.ts';
import { drawDirection, MOST_ENERGY_ERROR, metropolis } from './momentum.ts';
import { stepAdaptation } from './step-adaptation.ts';

/** Options of the microcanonical samplers: step, and how long a direction is kept. */
export interface MicrocanonicalOptions extends SamplingOptions {
  /** Step length ε (distance: the speed is 1); for `microcanonicalHmc` the first guess when there is a warm-up. */
  readonly step: number;
  /** Distance after which the direction is forgotten; √d times the target's scale is a good guess. */
  readonly length: number;
}

/** A chain whose energy error measures its bias. */
export interface MicrocanonicalChain extends Chain {
  /** Variance of the energy error of a step, per dimension: 5e-4 is a usual aim (Robnik and Seljak 2023). */
  readonly energyVariance: number;
}

interface Point {
  readonly x: Float64Array;
  readonly slope: Float64Array;
  value: number;
}

/** Half a turn, a drift, half a turn: reversible and of order 2. Returns the error in V + (d − 1) log|Π|. */
function isokineticLeapfrog(V: Landscape, at: Point, u: Float64Array, h: number): number {
  const before = at.value;
  const gained = turn(u, at.slope, 1, h / 2);
  for (let i = 0; i < u.length; i++) at.x[i]! += h * u[i]!;
  at.value = V.at(at.x, at.slope);
  return at.value - before + gained + turn(u, at.slope, 1, h / 2);
}

/**
 * Microcanonical Langevin Monte Carlo: dx = u dt, du = −(1 − uuᵀ)∇V/(d − 1) dt + noise on the sphere, in its continuous
 * limit distributed as exp(−V) (Robnik, De Luca, Silverstein and Seljak 2023; Robnik and Seljak 2024). One draw a step.
 * There is no accept/reject: means are biased, by order ε² in the step; `energyVariance` tells how much.
 * @throws MechanicsError `mechanics.option` in one dimension, `mechanics.not-finite`.
 */
export function microcanonicalLangevin(
  given: Landscape,
  start: ArrayLike<number>,
  { draws, warmUp = 0, step: h, length, signal }: MicrocanonicalOptions,
  random: Random,
): MicrocanonicalChain {
  const d = requireTwo(given, 'microcanonical-langevin');
  requireAbove(h, 0, 'microcanonical-langevin.step');
  requireAbove(length, 0, 'microcanonical-langevin.length');
  const landscape = counted(checked(given));
  const at = pointAt(landscape, start);
  const u = drawDirection(d, random);
  const noise = Math.sqrt(Math.expm1((2 * h) / length) / d);
  const record = recorder(d, draws);
  let [sum, squares] = [0, 0];
  for (let k = -warmUp; k < draws; k++) {
    if (k % 256 === 0) throwIfAborted(signal);
    const error = isokineticLeapfrog(landscape, at, u, h);
    for (let i = 0; i < d; i++) u[i]! += noise * random.normal();
    normalise(u);
    if (k < 0) continue;
    record.keep(at.x, at.value, 1, !(Math.abs(error) < MOST_ENERGY_ERROR));
    sum += error;
    squares += error * error;
  }
  const chain = record.chain('microcanonical-langevin', h, landscape.evaluations());
  return { ...chain, energyVariance: (squares / draws - (sum / draws) ** 2) / d };
}

/**
 * The adjusted form: from a fresh random direction a trajectory of isokinetic leapfrog steps, accepted with probability
 * min(1, e^(−W)), W its energy error; exact for any step (Robnik, Cohn-Gordon and Seljak 2025).
 */
export function microcanonicalHmc(
  given: Landscape,
  start: ArrayLike<number>,
  options: MicrocanonicalOptions & { readonly target?: number },
  random: Random,
): MicrocanonicalChain {
  const { draws, warmUp = 0, step, length, target = 0.9, signal } = options;
  const d = requireTwo(given, 'microcanonical-hmc');
  requireAbove(length, 0, 'microcanonical-hmc.length');
  const landscape = counted(checked(given));
  const adaptation = stepAdaptation(step, target, 'microcanonical-hmc');
  const record = recorder(d, draws);
  let now = pointAt(landscape, start);
  let [sum, squares, steps] = [0, 0, 0];
  for (let k = -warmUp; k < draws; k++) {
    throwIfAborted(signal);
    const h = k < 0 ? adaptation.step() : adaptation.settled();
    const next: Point = { x: now.x.slice(), slope: now.slope.slice(), value: now.value };
    const u = drawDirection(d, random);
    const count = Math.max(1, Math.round((length * (0.5 + random.uniform())) / h));
    let work = 0;
    try {
      for (let s = 0; s < count; s++) {
        const error = isokineticLeapfrog(landscape, next, u, h);
        work += error;
        if (k >= 0) {
          sum += error;
          squares += error * error;
          steps++;
        }
      }
    } catch (failure) {
      if (!isNotFinite(failure)) throw failure;
      work = Number.POSITIVE_INFINITY;
    }
    const { probability, accepted } = metropolis(work, random);
    if (accepted) now = next;
    if (k < 0) adaptation.learn(probability);
    else record.keep(now.x, now.value, probability, !(work < MOST_ENERGY_ERROR));
  }
  const chain = record.chain('microcanonical-hmc', adaptation.settled(), landscape.evaluations());
  return { ...chain, energyVariance: (squares / steps - (sum / steps) ** 2) / d };
}

function pointAt(V: Landscape, start: ArrayLike<number>): Point {
  const [x, slope] = [Float64Array.from(start), new Float64Array(V.dimension)];
  return { x, slope, value: V.at(x, slope) };
}

function requireTwo({ dimension }: Landscape, where: string): number {
  if (dimension >= 2) return dimension;
  throw new MechanicsError('mechanics.option', 'a unit velocity in one dimension can only turn back', {
    where,
    hint: 'use hmc or nuts in one dimension',
  });
}
