/** @file ECD with q = 1: unit speed, turned by the gradient of log loss, so that low loss is where time is spent. Its energy is imposed. */
import { MechanicsError } from '../../core/errors.ts';
import { random } from '../../core/random.ts';
import { normalise, turn } from '../isokinetic.ts';
import { aboveFloor } from './bbi.ts';
import { at, type Optimiser, optimiser, requireAbove, type Schedule } from './optimiser.ts';

/** How far a step of `ecd` goes, and how its energy is set. */
export interface EcdOptions {
  /** Length of a step is step/√η. */
  readonly step: Schedule;
  /** Concentration η: the stationary density is (f − F₀)^(−ηd/2). 100 unless given. */
  readonly eta?: number;
  /** F₀: must stay below every loss met. 0 unless given. */
  readonly floor?: number;
  /** ν ≥ 0: random change of direction, of size ν/√d a step; 0 unless given. */
  readonly noise?: number;
  /** Of the noise; 0 unless given. */
  readonly seed?: number;
}

/**
 * Energy-conserving descent (De Luca, Gatti and Silverstein 2023, §3, q = 1): motion at unit speed in
 * S = (ηd/2) log(f − F₀), one gradient a step; the turn is solved exactly in place of Euler's step and a rescaling.
 * **The speed is 1 by construction and |Π| follows from the energy: conservation is imposed, and no evidence.**
 * `figures.energyError` is the error per dimension that the steps so far made in S + (d − 1) log|Π|, were |Π| integrated.
 * That the measure concentrates at low loss needs mixing, which is not guaranteed (symmetries trap it).
 * @throws MechanicsError `mechanics.below-floor` when the loss is not above `floor`; `mechanics.option` for one parameter.
 */
export const ecd = (options: EcdOptions): Optimiser => {
  const { step: time, eta = 100, floor = 0, noise = 0, seed = 0 } = options;
  requireAbove(eta, 0, 'ecd.eta');
  return optimiser({
    name: 'ecd',
    structure: 'imposed-energy',
    vectors: ['direction'],
    numbers: { before: 0, gained: 0, potential: 0, energyError: 0 },
    needsLoss: true,
    apply({ step, parameters, gradient, loss, vectors: { direction }, numbers }) {
      const d = parameters.length;
      if (d < 2) throw oneParameter();
      const h = at(time, step, 'ecd.step') / Math.sqrt(eta);
      const excess = aboveFloor('ecd', loss, floor);
      const slope = (eta * d) / (2 * excess);
      const potential = (eta * d * Math.log(excess)) / 2;
      const stream = random(seed).fork(`step ${step}`);
      if (step === 0) {
        for (let i = 0; i < d; i++) direction[i] = -gradient[i]!;
        if (normalise(direction) === 0) {
          for (let i = 0; i < d; i++) direction[i] = stream.normal();
          normalise(direction);
        }
        numbers.potential = potential;
      }
      // Half a turn ends the step before, half begins this one; between them the energy is that of (θ, u).
      numbers.gained += turn(direction, gradient, slope, numbers.before / 2);
      numbers.energyError = (numbers.gained + potential - numbers.potential) / d;
      numbers.gained += turn(direction, gradient, slope, h / 2);
      numbers.before = h;
      if (noise > 0) {
        for (let i = 0; i < d; i++) direction[i]! += (noise / Math.sqrt(d)) * stream.normal();
        normalise(direction);
      }
      for (let i = 0; i < d; i++) parameters[i]! += h * direction[i]!;
    },
    figures: ({ energyError }) => ({ energyError }),
  });
};

const oneParameter = () =>
  new MechanicsError('mechanics.option', 'a unit velocity in one dimension can only turn back', {
    where: 'ecd',
    hint: 'use it for two or more parameters',
  });
