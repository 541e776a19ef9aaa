/** @file How each mechanical system is looked at: which coordinates span the picture, and what stands behind the orbit. */
import { MechanicsError } from '../../core/errors.ts';
import { stateOf } from '../../mechanics/build.ts';
import type { EventHit, EventSurface } from '../../mechanics/events.ts';
import type { SystemEntry } from '../../mechanics/systems/registry.ts';
import type { State, System, Trajectory, Vector } from '../../mechanics/types.ts';
import { type Grid, sampleGrid } from '../../pictures/contour.ts';
import type { Orbit } from '../../pictures/phase.ts';
import { extent } from '../../pictures/scale.ts';

/** One coordinate of phase space. */
export interface Axis {
  readonly of: 'q' | 'p';
  readonly index: number;
}

/** The plane in which a system is drawn. */
export interface View {
  /** What the horizontal and the vertical axis are called. */
  readonly xName: string;
  readonly yName: string;
  /** One curve per pair of coordinates: one for most systems, one per body for several bodies. */
  readonly curves: readonly { readonly name: string; readonly x: Axis; readonly y: Axis }[];
  /** Least range of the axes; longer orbits widen it. */
  readonly x?: readonly [number, number];
  readonly y?: readonly [number, number];
  /** The horizontal coordinate is an angle: drawn between −π and π. */
  readonly angle?: boolean;
  /** A function on the plane, drawn as levels: the energy, or the potential. */
  readonly landscape?: (system: System) => (x: number, y: number) => number;
  /** Levels drawn dashed: where one kind of motion turns into another. */
  readonly separatrix?: readonly { readonly level: number; readonly name: string }[];
  readonly section?: Section;
}

/** A Poincaré section: the plane that orbits are seen through, and starts that share one energy. */
export interface Section {
  readonly surface: EventSurface;
  readonly xName: string;
  readonly yName: string;
  readonly x: (hit: EventHit) => number;
  readonly y: (hit: EventHit) => number;
  /** An energy worth looking at. */
  readonly energy: number;
  /** Up to `count` states on the plane with this energy. */
  starts(energy: number, count: number): State[];
}

const q = (index: number): Axis => ({ of: 'q', index });
const p = (index: number): Axis => ({ of: 'p', index });

/** The energy on the phase plane of a system of one degree of freedom. */
const energyOnPlane = (system: System) => {
  const [position, momentum] = [new Float64Array(1), new Float64Array(1)];
  return (x: number, y: number) => {
    position[0] = x;
    momentum[0] = y;
    return system.energy(position, momentum);
  };
};

/** The potential over the two positions of a system of two degrees of freedom. */
const potentialOnPlane = (system: System) => {
  const [at, rest]: [Vector, Vector] = [new Float64Array(2), new Float64Array(2)];
  return (x: number, y: number) => {
    at[0] = x;
    at[1] = y;
    return system.energy(at, rest);
  };
};

const phasePlane = { curves: [{ name: 'orbit', x: q(0), y: p(0) }], yName: 'momentum p' } as const;
const positions = (bodies: number, stride: number, name: string) =>
  Array.from({ length: bodies }, (_, i) => ({
    name: `${name} ${i + 1}`,
    x: q(stride * i),
    y: q(stride * i + 1),
  }));

/** Hénon–Heiles through x = 0, upwards: starts along y with p_y = 0 and what p_x the energy leaves. */
const henonHeilesSection: Section = {
  surface: { name: 'x = 0', surface: (_, at) => at[0]!, direction: 1 },
  xName: 'y',
  yName: 'momentum of y',
  x: (hit) => hit.q[1]!,
  y: (hit) => hit.p[1]!,
  energy: 1 / 8,
  starts(energy, count) {
    const left = (y: number) => 2 * energy - y * y + (2 / 3) * y ** 3;
    const all = Array.from({ length: 400 }, (_, i) => -0.6 + (1.6 * (i + 0.5)) / 400);
    const possible = all.filter((y) => left(y) > 0 && y < 1);
    return Array.from({ length: Math.min(count, possible.length) }, (_, i) => {
      const y = possible[Math.floor(((i + 0.5) / count) * possible.length)]!;
      return stateOf([0, y], [Math.sqrt(left(y)), 0]);
    });
  },
};

const views: Readonly<Record<string, View>> = {
  'harmonic-oscillator': {
    ...phasePlane,
    xName: 'position q',
    x: [-1.6, 1.6],
    y: [-1.6, 1.6],
    landscape: energyOnPlane,
  },
  pendulum: {
    ...phasePlane,
    xName: 'angle q (rad)',
    angle: true,
    x: [-4, 4],
    y: [-3, 3],
    landscape: energyOnPlane,
    separatrix: [{ level: 2, name: 'separatrix: just enough energy to stand upright' }],
  },
  'double-well': {
    ...phasePlane,
    xName: 'position q',
    x: [-1.8, 1.8],
    y: [-2.2, 2.2],
    landscape: energyOnPlane,
    separatrix: [{ level: 1, name: 'separatrix: the height of the hill' }],
  },
  'double-pendulum': {
    xName: 'upper angle (rad)',
    yName: 'lower angle (rad)',
    curves: [{ name: 'orbit', x: q(0), y: q(1) }],
  },
  kepler: {
    xName: 'x',
    yName: 'y',
    curves: [{ name: 'planet', x: q(0), y: q(1) }],
    x: [-1.8, 0.6],
    y: [-1, 1],
  },
  'n-body': { xName: 'x', yName: 'y', curves: positions(3, 3, 'body'), x: [-1.3, 1.3], y: [-0.6, 0.6] },
  'henon-heiles': {
    xName: 'x',
    yName: 'y',
    curves: [{ name: 'orbit', x: q(0), y: q(1) }],
    x: [-1.1, 1.1],
    y: [-0.7, 1.2],
    landscape: potentialOnPlane,
    separatrix: [{ level: 1 / 6, name: 'escape energy 1/6: below it nothing leaves the triangle' }],
    section: henonHeilesSection,
  },
  'charged-particle': { xName: 'x', yName: 'y', curves: [{ name: 'charge', x: q(0), y: q(1) }] },
  'rigid-body': { xName: 'L₁', yName: 'L₂', curves: [{ name: 'angular momentum', x: q(0), y: q(1) }] },
  separation: { xName: 'x', yName: 'y', curves: positions(5, 2, 'feature'), x: [-1.4, 1.4], y: [-1.4, 1.4] },
};
const sameView: Readonly<Record<string, string>> = {
  'damped-pendulum': 'pendulum',
  'separation-on-spheres': 'separation',
};

/** The view of a system by name; the first position against its momentum for a system without one of its own. */
export function viewOf({ name }: Pick<SystemEntry, 'name'>): View {
  return (
    views[sameView[name] ?? name] ?? {
      ...phasePlane,
      xName: 'first position q',
    }
  );
}

/** The curves of a run in its view. */
export function orbitsOf(view: View, run: Trajectory, name?: string): Orbit[] {
  const column = ({ of, index }: Axis) => {
    const [values, width] = of === 'q' ? [run.q_KN, run.dimension] : [run.p_KN, run.momenta];
    return Float64Array.from({ length: run.times.length }, (_, k) => values[k * width + index]!);
  };
  return view.curves.map((curve) => ({
    name: name ?? curve.name,
    x: view.angle ? column(curve.x).map(wrapped) : column(curve.x),
    y: column(curve.y),
  }));
}

/** An angle between −π and π. */
const wrapped = (angle: number): number => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));

/** The ranges of the axes: those of the view, widened to hold all orbits. */
export function rangesOf(view: View, orbits: readonly Orbit[]) {
  const range = (key: 'x' | 'y'): [number, number] => {
    const least = view[key] ?? [];
    const ends = orbits.flatMap((orbit) => ends2(orbit[key]));
    const [low, high] = extent(ends, least);
    const pad = least.length > 0 && low === least[0] && high === least[1] ? 0 : 0.04 * (high - low || 1);
    return [low - pad, high + pad];
  };
  return { x: range('x'), y: range('y') };
}

const ends2 = (values: ArrayLike<number>): number[] => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return [low, high];
};

/** The landscape on a grid with levels that spread evenly over what is seen of it, or nothing. */
export function landscapeOf(
  view: View,
  system: System,
  ranges: { readonly x: readonly [number, number]; readonly y: readonly [number, number] },
): { grid: Grid; levels: number[] } | undefined {
  if (!view.landscape || system.kind === 'constrained') return undefined;
  const grid = sampleGrid(view.landscape(system), ranges.x, ranges.y);
  const sorted = grid.values.filter(Number.isFinite).sort();
  const levels = [0.02, 0.07, 0.15, 0.26, 0.4, 0.55, 0.7, 0.85].map(
    (share) => sorted[Math.floor(share * (sorted.length - 1))]!,
  );
  return { grid, levels };
}

/** The section of a system. Throws `mechanics.no-section` for a system without one. */
export function sectionOf(entry: SystemEntry): Section {
  const { section } = viewOf(entry);
  if (section) return section;
  const having = Object.keys(views).filter((name) => views[name]?.section);
  throw new MechanicsError('mechanics.no-section', `${entry.name} has no built-in Poincaré section`, {
    where: entry.name,
    hint: `built in: ${having.join(', ')}; in code give \`integrate\` any surface as an event`,
  });
}
