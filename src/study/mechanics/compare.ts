/** @file All methods on one system at equal cost: energy error for the same number of force evaluations. */
import { giveWay, MechanicsError } from '../../core/errors.ts';
import { integrateInterruptibly, type Run } from '../../mechanics/integrate.ts';
import { canMove, keepsStructure } from '../../mechanics/integrators/need.ts';
import { integrators } from '../../mechanics/integrators/registry.ts';
import type { SystemEntry } from '../../mechanics/systems/registry.ts';
import type { Integrator, System } from '../../mechanics/types.ts';
import { energyErrors } from './draw.ts';

/** One method's line. `failed` says why there is no figure. */
export interface Comparison {
  readonly integrator: string;
  readonly order: number;
  /** On this system. */
  readonly symplectic: boolean;
  readonly symmetric: boolean;
  readonly steps: number;
  readonly step: number;
  /** Force (or rate) evaluations that were counted. */
  readonly forces: number;
  /** Largest |E − E₀| / |E₀| (absolute where E₀ = 0) over the run, and over its last tenth. */
  readonly worst: number;
  readonly atEnd: number;
  readonly failed?: string;
  readonly run?: Run;
}

/** Samples of a run that a comparison keeps. */
const SAMPLES = 4000;

/**
 * Every method that can move the system, over `time`, with about `budget` force evaluations each. Implicit and
 * adaptive methods, whose cost is known only afterwards, are run again with a step corrected by what was counted.
 * Throws MechanicsError `mechanics.not-conserved` for a system with friction, InterruptedError when `signal` fires.
 */
export async function compareMethods(
  entry: SystemEntry,
  options: {
    readonly budget: number;
    readonly time: number;
    readonly only?: readonly string[];
    readonly signal?: AbortSignal;
  },
): Promise<Comparison[]> {
  requireConserved(entry);
  const rows: Comparison[] = [];
  for (const method of integrators.values()) {
    if (options.only && !options.only.includes(method.name)) continue;
    if (!canMove(method, entry.make())) continue;
    rows.push(await atBudget(entry, method, options));
    await giveWay(options.signal);
  }
  return rows.sort((a, b) => a.worst - b.worst);
}

/**
 * Throws MechanicsError `mechanics.not-conserved` for a system with friction: there a change of energy is no error, and
 * methods cannot be judged by it.
 */
export function requireConserved(entry: SystemEntry): void {
  if (entry.make().kind !== 'damped') return;
  throw new MechanicsError('mechanics.not-conserved', `${entry.name} loses energy to friction`, {
    where: entry.name,
    hint: 'methods are compared by how well they keep the energy: take a system without friction',
  });
}

async function atBudget(
  entry: SystemEntry,
  method: Integrator,
  { budget, time, signal }: { readonly budget: number; readonly time: number; readonly signal?: AbortSignal },
): Promise<Comparison> {
  const { system, counted } = counting(entry.make());
  const { name, order, symmetric } = method;
  const symplectic = keepsStructure(method, system);
  let steps = Math.max(1, Math.round(budget / method.forcesPerStep));
  const about = { integrator: name, order, symplectic, symmetric };
  try {
    for (let attempt = 0; ; attempt++) {
      const before = counted();
      const every = Math.max(1, Math.ceil(steps / SAMPLES));
      const run = await integrateInterruptibly(system, method, entry.start(), {
        step: time / steps,
        steps,
        every,
        ...(signal ? { signal } : {}),
      });
      const forces = counted() - before;
      const share = forces / budget;
      if (attempt < 3 && (share > 1.05 || share < 0.9) && steps > 1) {
        steps = Math.max(1, Math.round(steps / share));
        continue;
      }
      const errors = energyErrors(run);
      const largest = (from: number) => errors.subarray(from).reduce((a, b) => Math.max(a, b), 0);
      return {
        ...about,
        steps,
        step: time / steps,
        forces,
        worst: largest(0),
        atEnd: largest(Math.floor(0.9 * errors.length)),
        run,
      };
    }
  } catch (error) {
    if (!(error instanceof MechanicsError)) throw error;
    const none = { steps, step: time / steps, forces: 0, worst: Number.POSITIVE_INFINITY };
    return { ...about, ...none, atEnd: Number.POSITIVE_INFINITY, failed: error.message };
  }
}

/** The system with its force, gradient and rate functions counted: a call of any of them is one evaluation. */
function counting(system: System): { system: System; counted: () => number } {
  let count = 0;
  const watch = (target: System): System => {
    const copy: Record<string, unknown> = { ...target };
    // A drift, dT/dp, costs next to nothing and is not counted; neither is dHdp, which comes with dHdq.
    for (const key of ['force', 'dHdq', 'rates', 'gradient', 'lagrangian']) {
      const original = copy[key];
      if (typeof original !== 'function') continue;
      copy[key] = (...args: unknown[]) => {
        count++;
        const inside = count;
        const answer: unknown = (original as (...args: unknown[]) => unknown)(...args);
        // One rate may call the others: it is still one evaluation.
        count = inside;
        return answer;
      };
    }
    if (Array.isArray(copy.parts)) {
      copy.parts = (copy.parts as ((...args: unknown[]) => void)[]).map((part, i) => (...args: unknown[]) => {
        if (i === 0) count++;
        part(...args);
      });
    }
    for (const key of ['conservative', 'free']) {
      if (copy[key]) copy[key] = watch(copy[key] as System);
    }
    return copy as unknown as System;
  };
  return { system: watch(system), counted: () => count };
}
