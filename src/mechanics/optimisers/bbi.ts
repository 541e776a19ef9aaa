/** @file BBI, energy-conserving descent of Born–Infeld dynamics: slows down as the loss falls and cannot stop before. Its energy is imposed. */
import { MechanicsError } from '../../core/errors.ts';
import { random } from '../../core/random.ts';
import {
  at,
  type Floats,
  type Optimiser,
  optimiser,
  requireAbove,
  type Schedule,
  squaredNorm,
} from './optimiser.ts';

/** How far a step of `bbi` goes, how much energy it has, and when it bounces. */
export interface BbiOptions {
  /** Time step Δt. */
  readonly step: Schedule;
  /** ΔV: the loss that is aimed at; must stay below every loss met. 0 unless given. */
  readonly floor?: number;
  /** δE ≥ 0: energy above the first V, as momentum down the first gradient. 0 unless given. */
  readonly extraEnergy?: number;
  /** Throws the momentum into a random direction, at its length: `count` times, every `every` updates. */
  readonly bounces?: { readonly count: number; readonly every: number };
  /** Bounces also after so many updates without a new lowest loss. */
  readonly patience?: number;
  /** Of the bounces; 0 unless given. */
  readonly seed?: number;
}

/**
 * H = √(V(V + |π|²)) with V = f − ΔV (De Luca and Silverstein 2022, §2): π ← π√((E²/V − V)/|π|²),
 * π ← π − (Δt/2)(V/E + E/V)∇V, θ ← θ + Δt (V/E)π.
 * **The rescaling imposes H = E: that E is conserved is no evidence of anything.** `figures.energyError` is what the step
 * alone made of the energy, relative, before it was rescaled away. Where V > E (the step jumped into the forbidden
 * region) the momentum is 0, as at a turning point.
 * @throws MechanicsError `mechanics.below-floor` when the loss is not above `floor`.
 */
export const bbi = (options: BbiOptions): Optimiser => {
  const { step: time, floor = 0, extraEnergy = 0, bounces, patience, seed = 0 } = options;
  if (extraEnergy !== 0) requireAbove(extraEnergy, 0, 'bbi.extraEnergy');
  return optimiser({
    name: 'bbi',
    structure: 'imposed-energy',
    vectors: ['momentum'],
    numbers: { energy: 0, energyError: 0, lowest: Number.POSITIVE_INFINITY, waited: 0, bounced: 0 },
    needsLoss: true,
    apply({ step, parameters, gradient, loss, vectors: { momentum }, numbers }) {
      const h = at(time, step, 'bbi.step');
      const potential = aboveFloor('bbi', loss, floor);
      if (step === 0) {
        numbers.energy = potential + extraEnergy;
        momentum.set(gradient);
        rescale(momentum, -Math.sqrt(numbers.energy ** 2 / potential - potential));
      } else {
        const squared = squaredNorm(momentum);
        numbers.energyError = Math.sqrt(potential * (potential + squared)) / numbers.energy - 1;
        rescale(momentum, Math.sqrt(Math.max(0, numbers.energy ** 2 / potential - potential)));
      }
      if (bounceIsDue(step, loss, numbers)) {
        const length = Math.sqrt(squaredNorm(momentum));
        const stream = random(seed).fork(`bounce ${numbers.bounced++}`);
        for (let i = 0; i < momentum.length; i++) momentum[i] = stream.normal();
        rescale(momentum, length);
      }
      const ratio = potential / numbers.energy;
      const kick = (h / 2) * (ratio + 1 / ratio);
      for (let i = 0; i < parameters.length; i++) {
        momentum[i]! -= kick * gradient[i]!;
        parameters[i]! += h * ratio * momentum[i]!;
      }
    },
    figures: ({ energy, energyError, bounced }) => ({ energy, energyError, bounced }),
  });

  function bounceIsDue(step: number, loss: number, numbers: { lowest: number; waited: number }): boolean {
    const better = loss < numbers.lowest;
    if (better) numbers.lowest = loss;
    numbers.waited = better ? 0 : numbers.waited + 1;
    const planned =
      bounces !== undefined &&
      step > 0 &&
      step % bounces.every === 0 &&
      step / bounces.every <= bounces.count;
    const stuck = patience !== undefined && numbers.waited >= patience;
    if (planned || stuck) numbers.waited = 0;
    return planned || stuck;
  }
};

/** V = loss − floor. @throws MechanicsError `mechanics.below-floor` unless it is positive. */
export function aboveFloor(where: string, loss: number, floor: number): number {
  if (loss > floor) return loss - floor;
  throw new MechanicsError('mechanics.below-floor', `the loss ${loss} is not above the floor ${floor}`, {
    where,
    hint: 'set `floor` below the lowest loss that can be reached',
  });
}

/** Scales a vector to a length (a negative one turns it round); leaves 0 as it is. */
function rescale(vector: Floats, length: number): void {
  const now = Math.sqrt(squaredNorm(vector));
  if (now === 0) return;
  for (let i = 0; i < vector.length; i++) vector[i]! *= length / now;
}
