/** @file The learning clock of two systems: a toy model of superposition, and a small dictionary of its hidden states. */
import { range } from '../../circuits/examples.ts';
import { throwIfAborted } from '../../core/errors.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { separationBarrier } from '../../energy/learning/barrier.ts';
import { conservationBroken } from '../../energy/learning/breaking.ts';
import type { MergedSet } from '../../energy/learning/merged.ts';
import { separationRun } from '../../energy/learning/separation-run.ts';
import { chargesAlong, type Symmetry, symmetryDefect } from '../../energy/learning/symmetry.ts';
import { landscapeSystem, trainingEnergy } from '../../energy/learning/training.ts';
import { stateOf } from '../../mechanics/build.ts';
import { integrate } from '../../mechanics/integrate.ts';
import { leapfrogKDK } from '../../mechanics/integrators/leapfrog.ts';
import { type Landscape, particle } from '../../mechanics/landscape.ts';
import { adam } from '../../mechanics/optimisers/adam.ts';
import { conformalLeapfrog } from '../../mechanics/optimisers/conformal-leapfrog.ts';
import { heavyBall } from '../../mechanics/optimisers/heavy-ball.ts';
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import { sgd } from '../../mechanics/optimisers/sgd.ts';
import { basinPath, fiveInTwo } from '../../superposition/basins.ts';
import { hiddenStates, nonZeroRows, sampleInputs } from '../../superposition/inputs.ts';
import { flattened, toyLandscape } from '../../superposition/landscape.ts';
import { sparseCodeLandscape } from '../../superposition/sparse-code.ts';
import { startWeights } from '../../superposition/start.ts';
import type { BrokenCharge, ChargeReport, LearningReport, TrainingReport } from './types.ts';

/** Five features in two neurons, or ten units that learn the directions of those features from hidden states. */
export type LearningSystem = LearningReport['system'];

export interface LearningRequest {
  readonly system: LearningSystem;
  /** Steps of each training run. */
  readonly steps: number;
  readonly seed: number;
}

/** Terms of the expected loss; rows of hidden states; units of the small dictionary and its penalty. */
const [FREQUENCIES, ROWS, UNITS, PENALTY] = [16, 400, 10, 0.05];
/** Samples kept of a run. */
const SAMPLES = 400;
/** Cosine at which two directions are merged; heights r of the runs that test the barrier. */
const [MERGED, HEIGHTS] = [0.95, [0.5, 0.8, 1.2, 2]];

interface Method {
  readonly name: string;
  /** Time of a step. */
  readonly time: number;
  readonly friction?: number;
  make(): Optimiser;
}

/** A motion without friction, two with, and two optimisers that have no phase space. */
const methods: readonly Method[] = [
  ...[0, 0.1].map(
    (friction): Method => ({
      name: friction === 0 ? 'leapfrog' : 'conformal leapfrog',
      time: 0.2,
      friction,
      make: () => conformalLeapfrog({ step: 0.2, friction }),
    }),
  ),
  { name: 'heavy ball', time: 0.2, friction: 0.1, make: () => heavyBall({ step: 0.2, friction: 0.1 }) },
  { name: 'gradient descent', time: 0.2, make: () => sgd({ learningRate: 0.2 }) },
  { name: 'Adam', time: 0.02, make: () => adam({ learningRate: 0.02 }) },
];

interface System {
  readonly V: Landscape;
  readonly start: Float64Array;
  readonly symmetries: readonly Symmetry[];
}

function openSystem(system: LearningSystem, seed: number): System {
  if (system === 'toy') {
    const rows = range(0, fiveInTwo.features).map((i) => [2 * i, 2 * i + 1]);
    return {
      V: toyLandscape(fiveInTwo, FREQUENCIES),
      start: flattened(startWeights(fiveInTwo, seed)),
      symmetries: [{ kind: 'rotation', name: 'turning all directions', rows, plane: [0, 1] }],
    };
  }
  const { pentagon } = basinPath({ frequencies: FREQUENCIES });
  const stream = random(seed).fork('dictionary');
  const inputs = sampleInputs(fiveInTwo, ROWS, stream.fork('inputs'));
  const rows = nonZeroRows(hiddenStates(pentagon.weights, inputs), 2);
  const shape = { units: UNITS, width: 2 };
  return {
    V: sparseCodeLandscape(rows, shape, PENALTY),
    start: Float64Array.from({ length: 4 * UNITS + UNITS }, (_, i) =>
      i < 4 * UNITS ? 0.5 * stream.normal() : 0,
    ),
    symmetries: range(0, 2).map((f) => ({
      kind: 'rescale',
      name: `rescaling unit ${f}`,
      into: [2 * f, 2 * f + 1, 4 * UNITS + f],
      outOf: [2 * (UNITS + f), 2 * (UNITS + f) + 1],
    })),
  };
}

/** T, V and H of training by several methods, charges of its symmetries and what breaks them, and the barrier (toy). */
export async function learningReport(
  { system, steps, seed }: LearningRequest,
  context: WorkContext,
): Promise<LearningReport> {
  const label = {
    task: 'learning',
    label: `Learning clock: ${system}`,
    total: methods.length + 2,
    unit: 'parts',
  };
  return track(context.progress, label, async (advance) => {
    const begun = performance.now();
    const opened = openSystem(system, seed);
    const runs: TrainingReport[] = [];
    for (const [k, method] of methods.entries()) {
      runs.push(await trained(opened, method, steps, context));
      advance(k + 1);
    }
    const charges = opened.symmetries.map((symmetry) => chargeReport(opened, symmetry, seed));
    const broken = opened.symmetries.flatMap((symmetry) => brokenCharges(opened, symmetry));
    advance(methods.length + 1);
    throwIfAborted(context.signal);
    return {
      ...{ clock: 'learning', system, name: opened.V.name, parameters: opened.V.dimension, seed },
      ...{ runs, charges, broken },
      ...(system === 'toy' ? { separation: separation(seed, context.signal) } : {}),
      seconds: (performance.now() - begun) / 1000,
    };
  });
}

async function trained(
  { V, start }: System,
  { name, time, friction, make }: Method,
  steps: number,
  { signal }: WorkContext,
): Promise<TrainingReport> {
  const run = await trainingEnergy(landscapeSystem(V), make(), start, {
    ...{ steps, time, every: Math.max(1, Math.ceil(steps / SAMPLES)) },
    ...(friction === undefined ? {} : { friction }),
    ...(signal ? { signal } : {}),
  });
  const first = run.energies[0]!;
  const missing = run.dissipated_K?.map((lost, k) => Math.abs(run.energies[k]! + lost - first));
  return {
    ...{ name, potentialOf: run.potentialOf, kineticOf: run.kineticOf },
    times: Array.from(run.times),
    kinetic: Array.from(run.kinetic_K),
    potential: Array.from(run.potential_K),
    energy: Array.from(run.energies),
    ...(friction === undefined ? {} : { friction }),
    ...(run.dissipated_K ? { dissipated: Array.from(run.dissipated_K) } : {}),
    ...(missing ? { unaccounted: missing.reduce((most, x) => Math.max(most, x), 0) } : {}),
  };
}

/** The charge along a motion without friction, from a start with momentum. */
function chargeReport({ V, start }: System, symmetry: Symmetry, seed: number): ChargeReport {
  const stream = random(seed).fork('momentum');
  const p = start.map(() => 0.2 * stream.normal());
  const run = integrate(particle(V), leapfrogKDK, stateOf(start, p), {
    ...{ step: 0.05, steps: SAMPLES },
    clock: 'learning',
  });
  const { charge_K, predicted_K, defect } = chargesAlong(run, symmetry);
  return {
    ...{ name: symmetry.name, kind: symmetry.kind, conserved: symmetry.kind === 'rotation' },
    symmetryDefect: symmetryDefect(V, symmetry, start),
    times: Array.from(run.times),
    charge: Array.from(charge_K),
    predicted: Array.from(predicted_K),
    defect,
    energyError: run.energies.reduce((most, H) => Math.max(most, Math.abs(H - run.energies[0]!)), 0),
  };
}

/** Gradient descent of one duration with steps of several sizes, with and without weight decay. */
function brokenCharges({ V, start }: System, symmetry: Symmetry): BrokenCharge[] {
  return [0, 0.02].flatMap((weightDecay) =>
    [0.4, 0.2, 0.1, 0.05].flatMap((learningRate) => {
      const steps = Math.round(20 / learningRate);
      const found = conservationBroken(V, symmetry, start, { learningRate, weightDecay, steps });
      if (!found) return [];
      const { before, after, flow, predicted } = found;
      return [{ name: symmetry.name, learningRate, weightDecay, steps, before, after, flow, predicted }];
    }),
  );
}

/** The pentagon's way into a merger of two features, and motions below and above that barrier. */
function separation(seed: number, signal: AbortSignal | undefined): LearningReport['separation'] {
  const { pentagon, band } = basinPath({ frequencies: FREQUENCIES });
  const V = toyLandscape(fiveInTwo, FREQUENCIES);
  const set: MergedSet = {
    directions: range(0, fiveInTwo.features).map((i) => [2 * i, 2 * i + 1]),
    cosine: MERGED,
  };
  const found = separationBarrier(V, pentagon.x, set, signal ? { signal } : {});
  const stream = random(seed).fork('separation');
  return {
    cosine: MERGED,
    ...{ pair: found.pair, floor: found.floor, barrier: found.barrier, ways: found.ways },
    converged: found.converged,
    path: Array.from(found.energies),
    saddleToDigons: band.saddleEnergy,
    runs: HEIGHTS.map((height) =>
      separationRun(V, pentagon.x, set, found, {
        ...{ height, step: 0.1, steps: 10_000 },
        random: stream.fork(`${height}`),
      }),
    ),
  };
}
