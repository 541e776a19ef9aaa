/** @file Noether's theorem as a function: give a symmetry, get its charge, and whether the system has that symmetry. */
import { MechanicsError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { dot, gradient, joined, type PairFormula, real, type VectorFormula } from '../differentiate.ts';
import { finite } from '../finite.ts';
import { sampleAt } from '../integrate.ts';
import type { Flow, Trajectory } from '../types.ts';
import { type Drift, drift } from './drift.ts';

/** A charge, and whether the motion keeps it. */
export interface NoetherResult {
  /** The charge, e.g. p·ξ(q). */
  readonly charge: PairFormula;
  /** Largest |dC/dt| over the points looked at, relative to the size of its terms; 0 to rounding for a symmetry. */
  readonly defect: number;
  readonly symmetry: boolean;
  /** Where the defect is largest. */
  readonly worst: { readonly q: Float64Array; readonly p: Float64Array };
}

/** Points to look at: by default 64 from a normal distribution of width 1. */
export interface LookAt {
  readonly random: Random;
  readonly points?: number;
  readonly width?: number;
}

/** Rounding that a symmetry may show. */
const TOLERANCE = 1e-10;

/**
 * The charge of the point symmetry q → q + εξ(q) of a motion: C = p·ξ(q) (Noether 1918). The test is that C does not
 * change along the motion; it uses rates alone, so any flow with momenta will do.
 * @throws MechanicsError `mechanics.not-finite`, `mechanics.needs` for a Poisson system, which has no momenta.
 */
export function noetherCharge(flow: Flow, generator: VectorFormula, look: LookAt): NoetherResult {
  if (flow.momenta !== flow.dimension)
    throw new MechanicsError('mechanics.needs', `${flow.name} has no momenta to make a charge from`, {
      where: flow.name,
      hint: 'give the charge itself to conservedQuantity',
    });
  return conservedQuantity(flow, (o, q, p) => dot(o, p, generator(o, q)), look);
}

/** The same test for a charge that is given itself, e.g. the Laplace–Runge–Lenz vector, which no point symmetry makes. */
export function conservedQuantity(
  flow: Flow,
  charge: PairFormula,
  { random, points = 64, width = 1 }: LookAt,
): NoetherResult {
  let [defect, worst] = [0, { q: new Float64Array(flow.dimension), p: new Float64Array(flow.momenta) }];
  for (let k = 0; k < points; k++) {
    const [q, p] = [flow.dimension, flow.momenta].map((length) =>
      Float64Array.from({ length }, () => width * random.normal()),
    );
    const found = finite(rateOfChange(flow, charge, q!, p!), 'the change of the charge', flow.name);
    if (found > defect) [defect, worst] = [found, { q: q!, p: p! }];
  }
  return { charge, defect, symmetry: defect < TOLERANCE, worst };
}

/** Drift of a charge along a recorded run. */
export function chargeDrift(run: Trajectory, charge: PairFormula): Drift {
  return drift(
    run.times,
    Array.from(run.times, (_, k) => {
      const { q, p } = sampleAt(run, k);
      return charge(real, q, p);
    }),
  );
}

/** |dC/dt| over Σ|∂C/∂x_i ẋ_i| at a point. */
function rateOfChange(flow: Flow, charge: PairFormula, q: Float64Array, p: Float64Array): number {
  const [dq, dp] = [new Float64Array(flow.dimension), new Float64Array(flow.momenta)];
  flow.rates(q, p, dq, dp);
  const slopes = gradient(real, joined(charge, flow.dimension), [...q, ...p]);
  const parts = [...dq, ...dp].map((rate, i) => rate * slopes[i]!);
  const size = parts.reduce((sum, part) => sum + Math.abs(part), 0);
  return size === 0 ? 0 : Math.abs(parts.reduce((sum, part) => sum + part, 0)) / size;
}
