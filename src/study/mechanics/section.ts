/** @file Orbits of one energy through a Poincaré section: what `untangle mechanics section` prints and the Studio draws. */
import type { EventHit } from '../../mechanics/events.ts';
import { integrate } from '../../mechanics/integrate.ts';
import { integratorNamed } from '../../mechanics/integrators/registry.ts';
import type { SystemEntry } from '../../mechanics/systems/registry.ts';
import { sectionOf } from './views.ts';

/** One orbit, its start (q, p) and its passages. */
export interface SectionOrbit {
  readonly name: string;
  readonly start: readonly number[];
  readonly hits: readonly EventHit[];
}

export interface SectionOptions {
  /** Energy of all orbits; one worth looking at unless given. */
  readonly energy?: number;
  /** At most so many orbits, 12 unless given. */
  readonly orbits?: number;
  /** How long each is followed, 1,500 unless given. */
  readonly time?: number;
  readonly integrator?: string;
}

/** Orbits of one energy; none where no state of the section has it. Throws `mechanics.no-section` for a system without one. */
export function sectionOrbits(
  entry: SystemEntry,
  { energy, orbits = 12, time = 1500, integrator = 'kahan-li-6' }: SectionOptions = {},
): { readonly energy: number; readonly orbits: SectionOrbit[] } {
  const section = sectionOf(entry);
  const at = energy ?? section.energy;
  const [system, method, step] = [entry.make(), integratorNamed(integrator), 2 * entry.step];
  const steps = Math.max(1, Math.round(time / step));
  return {
    energy: at,
    orbits: section.starts(at, orbits).map((start, i) => {
      const { hits } = integrate(system, method, start, {
        step,
        steps,
        every: steps,
        events: [section.surface],
      });
      return { name: `orbit ${i + 1}`, start: [...start.q, ...start.p], hits };
    }),
  };
}
