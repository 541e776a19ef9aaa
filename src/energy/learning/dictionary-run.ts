/**
 * @file A dictionary trained with its motion recorded: T, V and H on a fixed evaluation batch, and what each feature's own
 * parameters did (mechanics.md §4).
 */
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import { random } from '../../core/random.ts';
import { tensor } from '../../core/tensor.ts';
import { decode, encoder } from '../../dictionaries/encoder.ts';
import { foldTrained } from '../../dictionaries/fold-trained.ts';
import { fractionOfVarianceExplained } from '../../dictionaries/fve.ts';
import { dictionaryObjective, type Parameters } from '../../dictionaries/losses/objective.ts';
import type { TrainingPlan } from '../../dictionaries/plan.ts';
import { planTraining } from '../../dictionaries/plan-training.ts';
import { batchOrder } from '../../dictionaries/rows.ts';
import { scaleRow, scalingsOf } from '../../dictionaries/scaling.ts';
import { sparsity } from '../../dictionaries/sparsity.ts';
import { startParameters } from '../../dictionaries/starts.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { adam } from '../../mechanics/optimisers/adam.ts';
import { frictionOf, heavyBall } from '../../mechanics/optimisers/heavy-ball.ts';
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import { type Learner, openLearner } from '../../networks/learner.ts';
import type { Tensors } from '../../runtime/session.ts';
import { type FeatureWork, featureWork, type ParameterOwners } from './feature-work.ts';
import { commonMass, type TrainingReport, trainingReport } from './report.ts';
import type { SiteRows } from './site-rows.ts';
import { learnerSystem } from './training.ts';

export interface RecordedOptions {
  readonly features: number;
  readonly steps: number;
  /** Rows that no step learns from, on which V is counted; taken in whole batches. */
  readonly evaluationRows: number;
  /** The usual one, or one with a momentum and friction of its own. */
  readonly optimiser: 'adam' | 'heavy-ball';
  /** Learning rate; of a usual size unless given. */
  readonly rate?: number;
  readonly seed: number;
}

/** T, V and H of the run, and how well the split of its ΔV over features adds up. */
export interface RecordedTraining extends TrainingReport {
  readonly parameters: number;
  readonly features: number;
  readonly steps: number;
  /** Rows learned from, rows of a step, and rows that V is counted on. */
  readonly rows: number;
  readonly batch: number;
  readonly evaluationRows: number;
  /** What T of the steps is multiplied by so that ⟨T⟩ = ⟨|V − V(0)|⟩; 1 where the optimiser has a momentum. */
  readonly mass: number;
  /** V(end) − V(start), the part of it that parameters shared by all features made, and what the quadrature lost of it. */
  readonly change: number;
  readonly shared: number;
  readonly completeness: number;
  /** Of the finished dictionary on the evaluation rows: variance explained, and mean number of active features. */
  readonly fve: number;
  readonly l0: number;
}

/** What the training needs from its caller; `advance` is told of every step. */
export type RecordedContext = Pick<RunOptions, 'signal' | 'advance'> & { readonly threads: number };

/** A dictionary, and how it came to be. */
export interface RecordedDictionary {
  readonly dictionary: Dictionary;
  readonly work: FeatureWork;
  readonly training: RecordedTraining;
}

/** Rows of a step and of a part of the evaluation batch. */
const BATCH = 128;
const RATES: Record<RecordedOptions['optimiser'], number> = { adam: 3e-3, 'heavy-ball': 3e-4 };
/** Share of its momentum that the heavy ball keeps in a step. */
const KEPT = 0.9;
/** Two gradients a step; samples of V that are kept. */
const [RULE, SAMPLES] = ['gauss-2', 200];

/**
 * Trains a ReLU dictionary with free decoder rows and the penalty Σ f‖d‖, a loss without jumps and without projections, so
 * that ΔV is the work along the path. λ stands still, and so does V.
 * @throws EnergyError `energy.few-rows`; MechanicsError `mechanics.not-finite` where the rate is too large
 */
export async function trainRecorded(
  rows: SiteRows,
  options: RecordedOptions,
  { threads, signal, advance }: RecordedContext,
): Promise<RecordedDictionary> {
  const batch = Math.min(BATCH, options.evaluationRows);
  const evaluationRows = batch * Math.floor(options.evaluationRows / batch);
  const learned = rows.x_ND.length / rows.width - evaluationRows;
  requireRows(rows, learned, batch, evaluationRows);
  const source = { ...rows, x_ND: rows.x_ND.subarray(0, learned * rows.width) };
  const plan = planOf(source, learned, batch, options);
  const scalings = scalingsOf(plan, source);
  const start = startParameters(plan, source, scalings, random(plan.seed).fork('weights'));
  const objective = dictionaryObjective(plan, start);
  const order = batchOrder(plan, learned);
  const batchAt = (row: (i: number) => number): Tensors => {
    const x_BD = new Float32Array(batch * rows.width);
    for (let i = 0; i < batch; i++) scaleRow(scalings.input, rows.x_ND, row(i), x_BD, i * rows.width);
    return {
      x_BD: tensor('float32', [batch, rows.width], x_BD),
      lambda: tensor('float32', [], Float32Array.of(plan.penalty.value)),
    };
  };
  const { optimiser, time, friction } = motionOf(options);
  const learner = await openLearner(objective, { threads });
  try {
    const system = learnerSystem(`dictionary of ${rows.site}`, learner, {
      batch: (step) => batchAt((i) => order[(step % plan.steps) * batch + i]!),
      evaluation: Array.from({ length: evaluationRows / batch }, (_, e) =>
        batchAt((i) => learned + e * batch + i),
      ),
    });
    const work = await featureWork(system, optimiser, learner.vector, ownersOf(learner, plan), {
      ...{ steps: plan.steps, time, rule: RULE, every: Math.ceil(plan.steps / SAMPLES) },
      ...(friction === undefined ? {} : { friction }),
      ...(signal ? { signal } : {}),
      ...(advance ? { advance } : {}),
    });
    learner.vector.set(work.end);
    const dictionary = foldTrained(plan, learner.tensors as Parameters, { scalings });
    const mass = commonMass(work);
    return {
      ...{ dictionary, work },
      training: {
        ...trainingReport(optimiser.name, work, { mass, ...(friction === undefined ? {} : { friction }) }),
        ...{ parameters: work.end.length, features: plan.features, steps: plan.steps },
        ...{ rows: learned, batch, evaluationRows, mass },
        ...{ change: work.change, shared: work.shared, completeness: work.completeness },
        ...(await quality(dictionary, rows.x_ND.slice(source.x_ND.length), threads)),
      },
    };
  } finally {
    await learner.close();
  }
}

function requireRows({ site }: SiteRows, learned: number, batch: number, evaluation: number): void {
  if (learned >= batch) return;
  throw new EnergyError(
    'energy.few-rows',
    `${learned + evaluation} rows of ${site} are too few to learn from ${batch} at a time beside ${evaluation} that V is counted on`,
    { where: site, hint: 'give a longer text, or fewer evaluation rows' },
  );
}

const planOf = (
  { site, modelHash, sinkNorm, width }: SiteRows,
  rows: number,
  batch: number,
  { features, steps, seed }: RecordedOptions,
): TrainingPlan =>
  planTraining(
    {
      ...{ architecture: 'relu', site, modelHash, sinkNorm, features, batch, seed, tokens: batch * steps },
      ...{ decoderNorm: 'free', penaltyForm: 'decoder-norm', penaltyWarmUp: 0 },
    },
    { rows, width },
  );

/** The optimiser, the time of its step, and its friction where it has one. */
function motionOf({ optimiser, rate = RATES[optimiser] }: RecordedOptions): {
  readonly optimiser: Optimiser;
  readonly time: number;
  readonly friction?: number;
} {
  if (optimiser === 'adam') return { optimiser: adam({ learningRate: rate }), time: rate };
  const { step, friction } = frictionOf(rate, KEPT);
  return { optimiser: heavyBall({ step, friction }), time: step, friction };
}

/** Encoder row, bias and decoder row of each feature; the decoder's bias belongs to all. */
function ownersOf({ tensors, vector }: Learner, { features }: TrainingPlan): ParameterOwners {
  const owner_N = new Int32Array(vector.length).fill(-1);
  let from = 0;
  for (const { shape, data } of Object.values(tensors)) {
    const each = data.length / features;
    if (shape[0] === features)
      owner_N.subarray(from, from + data.length).forEach((_, i, own) => {
        own[i] = Math.floor(i / each);
      });
    from += data.length;
  }
  return { features, owner_N };
}

async function quality(
  dictionary: Dictionary,
  x_BD: Float32Array,
  threads: number,
): Promise<Pick<RecordedTraining, 'fve' | 'l0'>> {
  const opened = await encoder(dictionary, threads);
  try {
    const code = await opened.encode(x_BD);
    return {
      fve: fractionOfVarianceExplained(x_BD, decode(dictionary, code), dictionary.width),
      l0: sparsity(code, dictionary.features).l0,
    };
  } finally {
    await opened.release();
  }
}
