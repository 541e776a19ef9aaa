/** @file Action and angle of one degree of freedom: coordinates in which the motion is a straight line. */
import { MechanicsError } from '../../core/errors.ts';
import { integral } from '../quadrature.ts';
import type { Separable, State } from '../types.ts';

/** Action, angle and period of one orbit with one degree of freedom. */
export interface ActionAngle {
  readonly energy: number;
  /** J = (1/2π)∮p dq. */
  readonly action: number;
  /** ω = ∂E/∂J = 2π/T. */
  readonly frequency: number;
  readonly period: number;
  /** In [0, 2π): 0 at the right turning point, for a rotation at the coordinate's start; grows by ω per unit of time. */
  readonly angle: number;
  readonly kind: 'libration' | 'rotation';
  /** Where the motion turns; absent for a rotation. */
  readonly turning?: readonly [number, number];
}

/** How far turning points are looked for, and whether the coordinate is a circle. */
export interface ActionAngleOptions {
  /** Length after which the coordinate repeats (2π for a pendulum), if it does: allows rotations. */
  readonly circumference?: number;
  /** How far turning points are looked for; 1,000 unless given. */
  readonly reach?: number;
}

const TWO_PI = 2 * Math.PI;
const MOST_POINTS = 1 << 13;
const STILL = 1e-13;
/** What passes once the most points are used: near a separatrix rounding of the turning points alone makes up 1e-9. */
const NEARLY_STILL = 1e-8;

/**
 * Action–angle variables of H = p²/2m + V(q) at a state (Arnold 1989, §50). A libration is parametrised by
 * q = c + a sin θ, in which dt/dθ is smooth and periodic: the trapezoidal rule converges geometrically, slower near a
 * separatrix.
 * @throws MechanicsError `mechanics.option` for more than one degree of freedom or another kinetic energy;
 * `mechanics.no-period` at rest, on a separatrix, or when the motion does not turn within reach;
 * `mechanics.not-converged` so near a separatrix that the sums do not settle.
 */
export function actionAngle(
  system: Separable,
  { q, p }: Pick<State, 'q' | 'p'>,
  { circumference, reach = 1000 }: ActionAngleOptions = {},
): ActionAngle {
  const mass = system.mass?.diagonal[0];
  if (system.dimension !== 1 || mass === undefined)
    throw new MechanicsError(
      'mechanics.option',
      `${system.name} is not of the form p²/2m + V(q) in one variable`,
      {
        where: system.name,
        hint: 'action and angle are found for one degree of freedom with a mass',
      },
    );
  const [x, momentum] = [q[0]!, p[0]!];
  const energy = system.energy(q, p);
  const well = makeWell(system, energy);
  const right = well.turning(x, 1, circumference ?? reach);
  const left = well.turning(x, -1, circumference ?? reach);
  if (left !== undefined && right !== undefined && right > left)
    return libration({ well, mass, energy, left, right, x, momentum, where: system.name });
  if (circumference !== undefined && left === undefined && right === undefined)
    return rotation({ well, mass, energy, circumference, x, momentum, where: system.name });
  throw noPeriod(system.name);
}

interface Well {
  /** E − V(q). */
  excess(q: number): number;
  /** −V′(q). */
  force(q: number): number;
  /** The nearest q from `from` on where E = V, by search and bisection; undefined within reach. */
  turning(from: number, direction: 1 | -1, reach: number): number | undefined;
}

function makeWell(system: Separable, energy: number): Well {
  const at = new Float64Array(1);
  const excess = (q: number) => {
    at[0] = q;
    return energy - system.potential(at);
  };
  const pull = new Float64Array(1);
  const force = (q: number) => {
    at[0] = q;
    system.force(at, pull);
    return pull[0]!;
  };
  /** The top of V between a point from where it rises and one from where it falls, by bisection of its slope. */
  const crest = (rising: number, falling: number, direction: 1 | -1) => {
    let [low, high] = [rising, falling];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (force(middle) * direction < 0) low = middle;
      else high = middle;
    }
    return excess(high) < 0 ? high : falling;
  };
  return {
    excess,
    force,
    turning(from, direction, reach) {
      if (excess(from) <= 0) {
        // Starts at a turning point: the motion is on the side that the force points to.
        if (force(from) * direction < 0) return from;
        if (force(from) === 0) return undefined;
      }
      let [inside, width] = [from, 1e-3];
      let outside = from;
      while (Math.abs(outside - from) < reach) {
        outside = inside + direction * width;
        // A narrow crest between two points that lie below the energy is not stepped over.
        if (force(inside) * direction < 0 && force(outside) * direction > 0)
          outside = crest(inside, outside, direction);
        if (excess(outside) < 0) break;
        inside = outside;
        width = Math.min(1.2 * width, 0.05);
      }
      if (!(excess(outside) < 0)) return undefined;
      for (let i = 0; i < 200; i++) {
        const middle = (inside + outside) / 2;
        if (middle === inside || middle === outside) break;
        if (excess(middle) < 0) outside = middle;
        else inside = middle;
      }
      return inside;
    },
  };
}

interface Motion {
  readonly well: Well;
  readonly mass: number;
  readonly energy: number;
  readonly x: number;
  readonly momentum: number;
  readonly where: string;
}

function libration(motion: Motion & { readonly left: number; readonly right: number }): ActionAngle {
  const { well, mass, energy, left, right, x, momentum, where } = motion;
  const [centre, half] = [(left + right) / 2, (right - left) / 2];
  /** dt/dθ and p dq/dθ at θ; both are smooth. */
  const rates = (theta: number) => {
    const cosine = half * Math.abs(Math.cos(theta));
    const x = centre + half * Math.sin(theta);
    const excess = well.excess(x);
    // Where rounding leaves nothing, the limit at a turning point.
    if (!(excess > 0)) return { time: Math.sqrt((half * mass) / Math.abs(well.force(x))), action: 0 };
    const speed = Math.sqrt((2 * excess) / mass);
    return { time: cosine / speed, action: mass * speed * cosine };
  };
  const { points, action, period } = wholeTurn(rates, where);
  const sine = Math.max(-1, Math.min(1, (x - centre) / half));
  const theta = momentum >= 0 ? Math.asin(sine) : Math.PI - Math.asin(sine);
  const angle = (TWO_PI / period) * integral((t) => rates(t).time, Math.PI / 2, theta, points / 8);
  return {
    energy,
    action,
    period,
    frequency: TWO_PI / period,
    angle: wrapped(angle),
    kind: 'libration',
    turning: [left, right],
  };
}

function rotation(motion: Motion & { readonly circumference: number }): ActionAngle {
  const { well, mass, energy, circumference, x, momentum, where } = motion;
  const scale = circumference / TWO_PI;
  const rates = (theta: number) => {
    const speed = Math.sqrt((2 * well.excess(scale * theta)) / mass);
    return { time: scale / speed, action: mass * speed * scale };
  };
  const { points, action, period } = wholeTurn(rates, where);
  const angle =
    (TWO_PI / period) * integral((t) => rates(t).time, 0, x / scale, points / 8) * Math.sign(momentum);
  return { energy, action, period, frequency: TWO_PI / period, angle: wrapped(angle), kind: 'rotation' };
}

/** Sums over a whole turn with ever more points until they stand still. */
function wholeTurn(rates: (theta: number) => { time: number; action: number }, where: string) {
  let before = { action: Number.NaN, period: Number.NaN, points: 0 };
  for (let points = 32; points <= MOST_POINTS; points *= 2) {
    // Multiples of π/2 stay between two points.
    const samples = Array.from({ length: points }, (_, k) => rates((TWO_PI * (k + 0.5)) / points));
    const now = {
      action: samples.reduce((sum, { action }) => sum + action, 0) / points,
      period: (TWO_PI * samples.reduce((sum, { time }) => sum + time, 0)) / points,
      points,
    };
    if (!(now.period > 0 && Number.isFinite(now.period))) throw noPeriod(where);
    const still = (key: 'action' | 'period', by: number) => Math.abs(now[key] - before[key]) <= by * now[key];
    const enough = points === MOST_POINTS ? NEARLY_STILL : STILL;
    if (still('action', enough) && still('period', enough)) return now;
    before = now;
  }
  throw new MechanicsError('mechanics.not-converged', 'the period does not settle', {
    where,
    hint: 'the motion nearly stands still somewhere: start farther from the separatrix',
  });
}

const wrapped = (angle: number): number => ((angle % TWO_PI) + TWO_PI) % TWO_PI;

const noPeriod = (where: string) =>
  new MechanicsError('mechanics.no-period', 'the motion is not periodic here', {
    where,
    hint: 'start away from rest and from separatrices, widen `reach`, or give the circumference of a circular coordinate',
  });
