/** @file Pictures of mechanical runs: phase portrait, energy over time, Poincaré section, error against step. */
import type { EventHit } from '../../mechanics/events.ts';
import type { Run } from '../../mechanics/integrate.ts';
import type { SystemEntry } from '../../mechanics/systems/registry.ts';
import type { Separable, System } from '../../mechanics/types.ts';
import { categories } from '../../pictures/colours.ts';
import { linesPicture } from '../../pictures/lines.ts';
import { type Orbit, phasePicture, sectionPicture } from '../../pictures/phase.ts';
import { extent, number } from '../../pictures/scale.ts';
import type { Size } from '../../pictures/svg.ts';
import { landscapeOf, orbitsOf, rangesOf, viewOf } from './views.ts';

/** Most points of a drawn curve over time. */
const curvePoints = 200;

/** Phase portrait (or orbit in space) of one run or several; `until` in (0, 1] draws that share of the time. */
export function phasePortrait(
  entry: SystemEntry,
  system: System,
  runs: readonly { readonly name?: string; readonly run: Run }[],
  size: Size,
  until = 1,
): string {
  const view = viewOf(entry);
  const orbits: Orbit[] = runs
    .flatMap(({ name, run }) => orbitsOf(view, run, runs.length > 1 ? (name ?? run.integrator) : undefined))
    .map((orbit, i) => ({ ...orbit, colour: categories[i % categories.length]! }));
  const ranges = rangesOf(view, orbits);
  const energy = landscapeOf(view, system, ranges);
  return phasePicture(
    orbits,
    {
      ...size,
      ...ranges,
      label: `${entry.name}: ${entry.about}`,
      xName: view.xName,
      yName: view.yName,
      ...(energy ? { energy } : {}),
      ...(view.separatrix ? { separatrix: view.separatrix } : {}),
    },
    until,
  );
}

/** Energy error of each run over time, relative as in `energyErrors`, on a logarithmic scale. */
export function energyPicture(
  runs: readonly { readonly name?: string; readonly run: Run }[],
  size: Size,
): string {
  return linesPicture(
    runs.map(({ name, run }, i) => ({
      name: name ?? run.integrator,
      colour: categories[i % categories.length]!,
      points: thinned(energyErrors(run), run.times),
    })),
    {
      ...size,
      label: 'Energy error over time, for each method',
      x: 'time',
      y: 'relative energy error',
      logY: true,
      names: 150,
      formatY: power,
    },
  );
}

/** |E − E₀| / |E₀| at each sample; absolute where E₀ = 0. */
export function energyErrors({ energies }: Pick<Run, 'energies'>): Float64Array {
  const first = energies[0]!;
  const scale = Math.abs(first) || 1;
  return energies.map((e) => Math.abs(e - first) / scale);
}

/** The largest error of each stretch of time: a curve that bounces keeps its top. */
function thinned(values: Float64Array, times: Float64Array): { x: number; y: number }[] {
  const every = Math.max(1, Math.floor(values.length / curvePoints));
  const points: { x: number; y: number }[] = [];
  for (let from = 0; from + every <= values.length; from += every) {
    const to = from + every;
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, values[i]!);
    if (most > 0) points.push({ x: times[to - 1]!, y: most });
  }
  return points;
}

/** Kinetic energy T, potential V and their sum H along a run of a system of one kind of motion. */
export function splitPicture(system: Separable, run: Run, size: Size): string {
  const series = (name: string, colour: string, f: (q: Float64Array, p: Float64Array) => number) => ({
    name,
    colour,
    points: Array.from(run.times, (x, k) => ({
      x,
      y: f(
        run.q_KN.subarray(k * run.dimension, (k + 1) * run.dimension),
        run.p_KN.subarray(k * run.momenta, (k + 1) * run.momenta),
      ),
    })),
  });
  return linesPicture(
    [
      series('T, motion', categories[0]!, (_, p) => system.kinetic(p)),
      series('V, height', categories[1]!, (q) => system.potential(q)),
      series('H = T + V', categories[2]!, (q, p) => system.energy(q, p)),
    ],
    { ...size, label: 'Kinetic and potential energy and their sum over time', x: 'time', y: 'energy' },
  );
}

/** Error against step on two logarithmic scales: the slope is the order. */
export function orderPicture(
  methods: readonly {
    readonly name: string;
    readonly steps: readonly number[];
    readonly errors: readonly number[];
  }[],
  size: Size,
): string {
  return linesPicture(
    methods.map(({ name, steps, errors }, i) => ({
      name,
      colour: categories[i % categories.length]!,
      points: steps.map((x, k) => ({ x, y: errors[k]! })),
    })),
    {
      ...size,
      label: 'Error against step: the slope is the order of the method',
      x: 'step h',
      y: 'largest energy error',
      logX: true,
      logY: true,
      names: 150,
      formatX: (v) => number(v, 1),
      formatY: power,
    },
  );
}

/** Poincaré section: one point for each passage, coordinates `x` and `y` of the state. */
export function poincarePicture(
  orbits: readonly { readonly name: string; readonly hits: readonly EventHit[] }[],
  axes: {
    readonly xName: string;
    readonly yName: string;
    readonly x: (hit: EventHit) => number;
    readonly y: (hit: EventHit) => number;
  },
  size: Size,
): string {
  const drawn = orbits.map(({ name, hits }) => ({ name, x: hits.map(axes.x), y: hits.map(axes.y) }));
  const range = (key: 'x' | 'y') =>
    extent(
      drawn.flatMap((orbit) => orbit[key]),
      [],
      0.05,
    );
  return sectionPicture(drawn, {
    ...size,
    label: 'Poincaré section: where each orbit passes through the plane',
    xName: axes.xName,
    yName: axes.yName,
    x: range('x'),
    y: range('y'),
  });
}

/** A power of ten, or a number between powers. */
const power = (v: number): string => {
  const exponent = Math.round(Math.log10(v));
  const superscript = String(exponent).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]!);
  return Math.abs(v / 10 ** exponent - 1) < 1e-6 ? `10${superscript}` : v.toExponential(1);
};
