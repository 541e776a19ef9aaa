/** @file The graph engine's trainer: any kind and any option; forward and backward pass in onnxruntime, the optimiser from mechanics. */
import { DictionaryError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { i64, type Tensor, tensor } from '../core/tensor.ts';
import { squaredNorm } from '../mechanics/optimisers/optimiser.ts';
import { openLearner } from '../networks/learner.ts';
import { annealed, controlled, learnedThreshold, type PowerState, powersAt } from './controls.ts';
import { courseAt } from './courses.ts';
import { foldTrained } from './fold-trained.ts';
import { CLOCK } from './layout.ts';
import { dictionaryObjective, type Parameters } from './losses/objective.ts';
import { packState, unpackState } from './packed-state.ts';
import { kAt, type TrainingPlan } from './plan.ts';
import { forget, type Rewritable, resample } from './resample.ts';
import { scaleRow, scalingsOf } from './scaling.ts';
import { startParameters } from './starts.ts';
import type { StepReport, Trainer, TrainerOptions } from './trainer.ts';
import { optimiserOf, projectRows, unitRows } from './update-rule.ts';

/** Everything that changes from step to step beside parameters and the optimiser's memory. */
interface Moving {
  step: number;
  /** Factor of λ (target-L0 control). */
  factor: number;
  power: PowerState;
  threshold: number | undefined;
  /** Rows since each feature was last active. */
  silent: number[];
}

/**
 * Opens a trainer of any plan. The same plan and rows give the same weights to the bit for the same number of threads, also
 * when its state was saved and taken up by another trainer.
 * The rows have been through checkRows().
 * @throws DictionaryError `dictionary.not-finite`, `dictionary.constant`.
 */
export async function openGraphTrainer({ plan, source, order, threads }: TrainerOptions): Promise<Trainer> {
  const scalings = scalingsOf(plan, source);
  const start = startParameters(plan, source, scalings, random(plan.seed).fork('weights'));
  const objective = dictionaryObjective(plan, start);
  const learner = await openLearner(objective, { threads });
  const optimiser = optimiserOf(plan);
  const { batch: B, width: D, outputWidth: E, features: F, steps } = plan;
  const vector = learner.vector as Float32Array;
  const gradient = learner.gradient as Float32Array;
  const parameters = learner.tensors as Parameters;
  const place = placesOf(objective.parameters, parameters);
  const part = (of: Float32Array, name: string) => of.subarray(place[name]!.from, place[name]!.to);
  const x_BD = new Float32Array(B * D);
  const y_BE = source.y_NE ? new Float32Array(B * E) : x_BD;
  const wanted = new Set(objective.graph.inputs.map((input) => input.name));
  let goal = 0;
  const now: Moving = {
    ...{ step: 0, factor: 1, power: { factor: 1, seen: [] }, threshold: undefined },
    silent: new Array<number>(F).fill(0),
  };

  const dead = () => now.silent.reduce((n, rows) => n + (rows >= plan.deadAfter ? 1 : 0), 0);

  function feeds(): Record<string, Tensor> {
    for (let i = 0; i < B; i++) {
      const row = order[now.step * B + i]!;
      scaleRow(scalings.input, source.x_ND, row, x_BD, i * D);
      if (source.y_NE) scaleRow(scalings.output, source.y_NE, row, y_BE, i * E);
    }
    const all: Record<string, Tensor> = {
      x_BD: tensor('float32', [B, D], x_BD as Float32Array<ArrayBuffer>),
      y_BE: tensor('float32', [B, E], y_BE as Float32Array<ArrayBuffer>),
      ...numbersOf(plan, now, dead()),
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
  }

  async function step(): Promise<StepReport> {
    const loss = await learner.run(feeds());
    const figure = (name: string) => Number(learner.figures[name]?.data[0] ?? Number.NaN);
    const fired = learner.figures.fired_F!.data as Float32Array;
    if (plan.decoderNorm === 'unit') projectRows(part(gradient, 'W_dec_FD'), part(vector, 'W_dec_FD'), E);
    const norm = Math.sqrt(squaredNorm(gradient));
    const report = { loss: figure('error'), l0: figure('l0'), gradientNorm: norm };
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      return { ...report, loss: Number.NaN, step: now.step, dead: dead() };
    // As torch.nn.utils.clip_grad_norm_.
    const clip = Math.min(1, plan.clip / (norm + 1e-6));
    if (clip < 1) for (let i = 0; i < gradient.length; i++) gradient[i]! *= clip;
    optimiser.update(vector, gradient, loss);
    if (plan.decoderNorm === 'unit') unitRows(part(vector, 'W_dec_FD'), E);
    if (place.threshold_F) {
      const theta = part(vector, 'threshold_F');
      for (let f = 0; f < F; f++) theta[f] = Math.max(0, theta[f]!);
    }
    for (let f = 0; f < F; f++) now.silent[f] = fired[f]! > 0 ? 0 : now.silent[f]! + B;
    adapt(plan, now, {
      l0: report.l0,
      sparsity: figure('sparsity'),
      next: figure('nextSparsity'),
      least: figure('least'),
    });
    renew();
    now.step++;
    return { ...report, step: now.step, dead: dead() };
  }

  /** Resampling, at the end of every `every` steps. */
  function renew(): void {
    const { resample: choice } = plan;
    if (!choice || now.step >= choice.until || now.step % choice.every !== choice.every - 1) return;
    const silent = now.silent.flatMap((rows, f) => (rows > choice.silentFor ? [f] : []));
    if (silent.length === 0) return;
    const memory = optimiser.save();
    const has = (name: string): Rewritable | undefined => place[name] && view(name);
    const view = (name: string): Rewritable => ({
      value: part(vector, name),
      remembered: Object.values(memory.vectors).map((v) => part(v as Float32Array, name)),
    });
    const replaced = resample({
      dead: silent,
      ...{ W_enc_FD: has('W_enc_FD'), b_enc_F: has('b_enc_F'), W_dec_FD: view('W_dec_FD'), x_BD, y_BE },
      b_dec_E: part(vector, 'b_dec_D'),
      errors_B: learner.figures.errors_B!.data as Float32Array,
      decoderNorm: plan.start.decoderNorm,
      random: random(plan.seed).fork(`resample ${now.step}`),
    });
    const own = { threshold_F: plan.threshold, r_mag_F: 0, b_mag_F: 0 };
    for (const [name, start] of Object.entries(own)) {
      const vectorOfKind = has(name);
      if (vectorOfKind) for (const f of replaced) forget(vectorOfKind, f, start);
    }
    optimiser.restore(memory);
    for (const f of replaced) now.silent[f] = 0;
  }

  return {
    get steps() {
      return now.step;
    },
    async run(until, onStep) {
      goal = Math.min(until, steps);
      while (now.step < goal) {
        const report = await step();
        onStep?.(report);
        if (!Number.isFinite(report.loss)) break;
      }
      return now.step;
    },
    stop() {
      goal = 0;
    },
    get state() {
      const { vectors, ...rest } = optimiser.save();
      const named = Object.entries(vectors).map(([name, v]) => [`optimiser.${name}`, v as Float32Array]);
      return packState({
        head: {
          moving: { ...now, threshold: now.threshold ?? null },
          optimiser: rest,
          parameters: vector.length,
        },
        vectors: { parameters: vector, ...Object.fromEntries(named) },
      });
    },
    restore(state) {
      const { head, vectors } = unpackState(state);
      const {
        moving,
        optimiser: memory,
        parameters: length,
      } = head as {
        moving: Moving & { threshold: number | null };
        optimiser: Omit<ReturnType<typeof optimiser.save>, 'vectors'>;
        parameters: number;
      };
      if (length !== vector.length)
        throw new DictionaryError('dictionary.checkpoint', 'the checkpoint is of another shape', {
          hint: 'delete the checkpoint to train from the start',
        });
      vector.set(vectors.parameters!);
      const own = Object.entries(vectors).filter(([name]) => name.startsWith('optimiser.'));
      optimiser.restore({
        ...memory,
        vectors: Object.fromEntries(own.map(([name, v]) => [name.slice('optimiser.'.length), v])),
      });
      Object.assign(now, moving, { threshold: moving.threshold ?? undefined });
    },
    dictionary: () =>
      foldTrained(plan, parameters, { scalings, threshold: now.threshold, sites: source.sites }),
    clocks: () => noTimes(),
    close: () => learner.close(),
  };
}

/** Phases are those of the fused engine. */
const noTimes = () =>
  Object.fromEntries(Object.keys(CLOCK).map((name) => [name, 0])) as Record<keyof typeof CLOCK, number>;

/** The numbers that a step's loss depends on beside its rows. */
function numbersOf(plan: TrainingPlan, now: Moving, dead: number): Record<string, Tensor> {
  const { features: F, batch: B, steps } = plan;
  const scalar = (value: number) => tensor('float32', [], Float32Array.of(value));
  const k = kAt(plan, now.step, courseAt);
  const half = Math.max(1, Math.floor(plan.outputWidth / 2));
  const kAux = Math.max(1, Math.min(half, dead, F));
  const share = plan.auxiliaryForm === 'plain' ? Math.min(dead / half, 1) : 1;
  const selects = plan.activation === 'topk' || plan.activation === 'batchtopk';
  const powers = plan.power && powersAt(plan.power, now.step, steps);
  return {
    lambda: scalar(courseAt(plan.penalty, now.step, steps) * now.factor * now.power.factor),
    ...(powers && { p: scalar(powers.p), nextP: scalar(powers.next) }),
    k: i64([1], [plan.activation === 'batchtopk' ? k * B : k]),
    kAux: i64([1], [kAux]),
    auxiliary: scalar(!selects ? plan.auxiliary : dead === 0 ? 0 : plan.auxiliary * share),
    dead_F: tensor(
      'float32',
      [F],
      Float32Array.from(now.silent, (rows) => (rows >= plan.deadAfter ? 1 : 0)),
    ),
  };
}

/** What a step teaches the numbers that adapt. */
function adapt(
  plan: TrainingPlan,
  now: Moving,
  seen: { l0: number; sparsity: number; next: number; least: number },
): void {
  const { power, targetL0, steps } = plan;
  if (targetL0 !== undefined && plan.l0Form === 'linear')
    now.factor = controlled(now.factor, seen.l0, targetL0, plan.gain);
  if (power) now.power = annealed(now.power, power, now.step, { steps, now: seen.sparsity, next: seen.next });
  if (plan.activation === 'batchtopk' && now.step >= plan.thresholdFrom)
    now.threshold = learnedThreshold(now.threshold, seen.least, plan.thresholdKept);
}

/** Where each parameter lies in the flat vector. */
function placesOf(
  names: readonly string[],
  parameters: Parameters,
): Readonly<Record<string, { from: number; to: number } | undefined>> {
  let from = 0;
  return Object.fromEntries(
    names.map((name) => {
      const to = from + parameters[name]!.data.length;
      const at = { from, to };
      from = to;
      return [name, at];
    }),
  );
}
