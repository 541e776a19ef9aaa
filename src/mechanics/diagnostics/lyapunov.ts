/** @file Lyapunov exponents: how fast neighbouring motions part, from exact tangents kept apart by Gram–Schmidt. */
import { stateOf } from '../build.ts';
import { finite } from '../finite.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import { tangentStepper } from '../tangent.ts';
import type { Integrator, State, System } from '../types.ts';

/** Length of the run, and how many exponents are followed. */
export interface LyapunovOptions {
  readonly step: number;
  readonly steps: number;
  /** How many exponents, the largest first; all 2n unless given. */
  readonly count?: number;
  /** Steps between two orthonormalisations; 10 unless given. */
  readonly every?: number;
}

/** Lyapunov exponents, with what shows that they have settled. */
export interface Lyapunov {
  /** Per unit of time, the largest first. A Hamiltonian system's come in pairs ±λ. */
  readonly exponents: number[];
  /** The largest one's estimate after each orthonormalisation: has it settled? */
  readonly history: number[];
}

/** Benettin, Galgani, Giorgilli and Strelcyn 1980, part 2. @throws `mechanics.needs` for a system without formulas, `mechanics.option` for a step of 0, `mechanics.not-finite` when the motion runs away. */
export function lyapunovExponents(
  system: System,
  integrator: Integrator,
  start: State,
  { step: h, steps, count = 2 * system.dimension, every = 10 }: LyapunovOptions,
): Lyapunov {
  const n = system.dimension;
  requireAbove(Math.abs(h), 0, `${system.name}: step`);
  const advance = tangentStepper(integrator, system);
  const state = stateOf(start.q, start.p);
  const frame = Array.from({ length: count }, (_, k) => {
    const tangent = { q: new Float64Array(n), p: new Float64Array(n) };
    (k < n ? tangent.q : tangent.p)[k % n] = 1;
    return tangent;
  });
  const logs = new Float64Array(count);
  const history: number[] = [];
  for (let done = 0; done < steps; ) {
    const until = Math.min(steps, done + every);
    for (; done < until; done++) advance(state, frame, h);
    frame.forEach((tangent, k) => {
      for (const other of frame.slice(0, k)) {
        let along = 0;
        for (let i = 0; i < n; i++) along += tangent.q[i]! * other.q[i]! + tangent.p[i]! * other.p[i]!;
        for (let i = 0; i < n; i++) {
          tangent.q[i]! -= along * other.q[i]!;
          tangent.p[i]! -= along * other.p[i]!;
        }
      }
      const length = finite(Math.hypot(...tangent.q, ...tangent.p), 'the length of a tangent', system.name);
      logs[k]! += Math.log(length);
      for (let i = 0; i < n; i++) {
        tangent.q[i]! /= length;
        tangent.p[i]! /= length;
      }
    });
    history.push(logs[0]! / (done * h));
  }
  return { exponents: Array.from(logs, (log) => log / (steps * h)), history };
}
