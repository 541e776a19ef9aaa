/** @file The learning clock of two systems: a toy model of superposition, and a small dictionary of its hidden states. */
import { range } from '../../circuits/examples.ts';
import { EnergyError, throwIfAborted } from '../../core/errors.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { separationBarrier } from '../../energy/learning/barrier.ts';
import { conservationBroken } from '../../energy/learning/breaking.ts';
import type { MergedSet } from '../../energy/learning/merged.ts';
import { type TrainingReport, trainingReport } from '../../energy/learning/report.ts';
import { separationRun } from '../../energy/learning/separation-run.ts';
import { chargesAlong, type Symmetry, symmetryDefect } from '../../energy/learning/symmetry.ts';
import {
  batchSystem,
  landscapeSystem,
  type TrainingSystem,
  trainingSteps,
} from '../../energy/learning/training.ts';
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
import type { BrokenCharge, ChargeReport, LearningReport } from './types.ts';

/** Five features in two neurons, or ten units that learn the directions of those features from hidden states. */
export type LearningSystem = LearningReport['system'];

export interface LearningRequest {
  readonly system: LearningSystem;
  /** Steps of each training run. */
  readonly steps: number;
  readonly seed: number;
  /**
   * Rows of a fixed evaluation batch (the dictionary only): steps then learn from batches of the other rows, and V is the
   * loss on these. The loss on all rows unless given.
   */
  readonly evaluationRows?: number;
}

/** Terms of the expected loss; rows of hidden states; units of the small dictionary and its penalty. */
const [FREQUENCIES, ROWS, UNITS, PENALTY] = [16, 400, 10, 0.05];
/** Rows of a step where there is an evaluation batch. */
const BATCH = 32;
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
  /** What trains; V as it stands unless there are batches. */
  readonly training: TrainingSystem;
}

function openSystem({ system, seed, evaluationRows }: LearningRequest): System {
  if (system === 'toy') {
    if (evaluationRows !== undefined) {
      throw new EnergyError('energy.no-rows', 'the toy model has no rows: its loss is an expectation', {
        where: system,
        hint: 'give --system dictionary, or leave the evaluation rows out',
      });
    }
    const rows = range(0, fiveInTwo.features).map((i) => [2 * i, 2 * i + 1]);
    const V = toyLandscape(fiveInTwo, FREQUENCIES);
    return {
      ...{ V, training: landscapeSystem(V), start: flattened(startWeights(fiveInTwo, seed)) },
      symmetries: [{ kind: 'rotation', name: 'turning all directions', rows, plane: [0, 1] }],
    };
  }
  const { pentagon } = basinPath({ frequencies: FREQUENCIES });
  const stream = random(seed).fork('dictionary');
  const inputs = sampleInputs(fiveInTwo, ROWS, stream.fork('inputs'));
  const rows = nonZeroRows(hiddenStates(pentagon.weights, inputs), 2);
  const { V, training } = dictionarySystem(rows, evaluationRows);
  return {
    ...{ V, training },
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

/** The loss of a small dictionary of rows [R, 2] as V, on all of them or on the last ones. */
function dictionarySystem(
  rows: Float64Array,
  evaluationRows: number | undefined,
): Pick<System, 'V' | 'training'> {
  const on = (from: number, to: number) =>
    sparseCodeLandscape(rows.slice(2 * from, 2 * to), { units: UNITS, width: 2 }, PENALTY);
  const count = rows.length / 2;
  if (evaluationRows === undefined) {
    const V = on(0, count);
    return { V, training: landscapeSystem(V) };
  }
  const learned = count - evaluationRows;
  if (learned < BATCH) {
    throw new EnergyError(
      'energy.few-rows',
      `of ${count} rows ${evaluationRows} leave too few to learn from`,
      {
        where: 'dictionary',
        hint: `give at most ${count - BATCH} evaluation rows`,
      },
    );
  }
  const V = on(learned, count);
  const batches = range(0, Math.floor(learned / BATCH)).map((b) => on(b * BATCH, (b + 1) * BATCH));
  return { V, training: batchSystem(V, batches) };
}

/** T, V and H of training by several methods, charges of its symmetries and what breaks them, and the barrier (toy). */
export async function learningReport(
  request: LearningRequest,
  context: WorkContext,
): Promise<LearningReport> {
  const { system, steps, seed } = request;
  const label = {
    task: 'learning',
    label: `Learning clock: ${system}`,
    total: methods.length + 2,
    unit: 'parts',
  };
  return track(context.progress, label, async (advance) => {
    const begun = performance.now();
    const opened = openSystem(request);
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
  { training, start }: System,
  { name, time, friction, make }: Method,
  steps: number,
  { signal }: WorkContext,
): Promise<TrainingReport> {
  const run = await trainingSteps(
    training,
    make(),
    start,
    {
      ...{ steps, time, every: Math.max(1, Math.ceil(steps / SAMPLES)) },
      ...(friction === undefined ? {} : { friction }),
      ...(signal ? { signal } : {}),
    },
    () => {},
  );
  return trainingReport(name, run, friction === undefined ? {} : { friction });
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
