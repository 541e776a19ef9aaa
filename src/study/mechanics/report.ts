/** @file What `untangle mechanics run` tells: the energy along the run, the last state, samples for those who go on. */
import { drift } from '../../mechanics/diagnostics/drift.ts';
import type { Run } from '../../mechanics/integrate.ts';
import { keepsStructure } from '../../mechanics/integrators/need.ts';
import type { Integrator, System } from '../../mechanics/types.ts';
import { energyErrors } from './draw.ts';

/** Samples in the document: a picture needs no more, a file stays readable. */
const SAMPLES = 1000;

export interface RunReport {
  readonly system: string;
  readonly integrator: string;
  readonly order: number;
  /** On this system. */
  readonly symplectic: boolean;
  readonly step: number;
  readonly steps: number;
  readonly energy: {
    readonly start: number;
    readonly end: number;
    /** Largest |E − E₀| / |E₀| (absolute where E₀ = 0) in the first tenth, the last tenth and the whole run. */
    readonly firstTenth: number;
    readonly lastTenth: number;
    readonly worst: number;
    /** Slope of |E − E₀| against time, by least squares, and its standard error. */
    readonly trend: number;
    readonly trendError: number;
  };
  readonly final: { readonly t: number; readonly q: readonly number[]; readonly p: readonly number[] };
  readonly samples: {
    readonly t: readonly number[];
    /** [sample][coordinate]. */
    readonly q: readonly (readonly number[])[];
    readonly p: readonly (readonly number[])[];
    readonly energy: readonly number[];
  };
}

/** The document of one run. */
export function reportOf(run: Run, system: System, method: Integrator, steps: number): RunReport {
  const errors = energyErrors(run);
  const largest = (from: number, to: number) => errors.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
  const n = errors.length;
  const tenth = Math.max(1, Math.floor(n / 10));
  const every = Math.max(1, Math.ceil(n / SAMPLES));
  const { trend, trendError } = drift(run.times, run.energies);
  const chosen = Array.from({ length: Math.ceil(n / every) }, (_, i) => i * every);
  const rows = (values: Float64Array, width: number) =>
    chosen.map((k) => [...values.subarray(k * width, (k + 1) * width)]);
  return {
    system: run.system,
    integrator: run.integrator,
    order: method.order,
    symplectic: keepsStructure(method, system),
    step: run.step,
    steps,
    energy: {
      start: run.energies[0]!,
      end: run.energies[n - 1]!,
      firstTenth: largest(0, tenth),
      lastTenth: largest(n - tenth, n),
      worst: largest(0, n),
      trend,
      trendError,
    },
    final: { t: run.final.t, q: [...run.final.q], p: [...run.final.p] },
    samples: {
      t: chosen.map((k) => run.times[k]!),
      q: rows(run.q_KN, run.dimension),
      p: rows(run.p_KN, run.momenta),
      energy: chosen.map((k) => run.energies[k]!),
    },
  };
}
