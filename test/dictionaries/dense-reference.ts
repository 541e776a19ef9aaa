/** @file The TopK training step written densely in float64, straight from its definition: what the sparse step must equal. */
import { courseAt } from '../../src/dictionaries/courses.ts';
import type { TrainingPlan } from '../../src/dictionaries/plan.ts';

type Matrix = number[][];

/** A parameter with its Adam moments. */
interface Parameter {
  value: Matrix;
  m: Matrix;
  v: Matrix;
}

export interface DenseState {
  W_enc: Parameter;
  b_enc: Parameter;
  W_dec: Parameter;
  b_dec: Parameter;
  silent: number[];
  step: number;
  /** Mean ‖e‖² of the step before. */
  meanSquare: number;
}

export interface DenseReport {
  loss: number;
  gradientNorm: number;
  /** Features of each row. */
  active: Set<number>[];
}

const like = (a: Matrix): Matrix => a.map((row) => row.map(() => 0));
const parameter = (value: Matrix): Parameter => ({ value, m: like(value), v: like(value) });
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((s, v, i) => s + v * b[i]!, 0);

export const denseState = (W: Matrix): DenseState => ({
  W_enc: parameter(W.map((row) => [...row])),
  b_enc: parameter([W.map(() => 0)]),
  W_dec: parameter(W.map((row) => [...row])),
  b_dec: parameter([W[0]!.map(() => 0)]),
  silent: W.map(() => 0),
  step: 0,
  meanSquare: 0,
});

/** Indices of the k largest positive entries; of equal ones the lower index. */
export function topK(a: readonly number[], k: number): number[] {
  return a
    .map((value, index) => ({ value, index }))
    .filter(({ value }) => value > 0)
    .sort((p, q) => q.value - p.value || p.index - q.index)
    .slice(0, k)
    .map(({ index }) => index);
}

/** One step on the batch x (centred and scaled already); changes the state. */
export function denseStep(
  state: DenseState,
  x: Matrix,
  config: TrainingPlan,
  sizes: { k: number; auxEvery: number; maxDead: number },
): DenseReport {
  const { W_enc, b_enc, W_dec, b_dec } = state;
  const B = x.length;
  const F = W_enc.value.length;
  const D = x[0]!.length;
  const gW_enc = like(W_enc.value);
  const gW_dec = like(W_dec.value);
  const gb_enc = like(b_enc.value);
  const gb_dec = like(b_dec.value);
  const dead = deadFeatures(state, config, sizes.maxDead);
  const auxRows = Math.ceil(B / sizes.auxEvery);
  const active: Set<number>[] = [];
  let loss = 0;

  /** Adds the gradient of scale/2·‖r‖², r = Σ f_i W_dec[i] + …, for active features `on` of row x. */
  const backward = (
    row: readonly number[],
    on: readonly number[],
    f: readonly number[],
    r: readonly number[],
    scale: number,
  ) => {
    for (const i of on) {
      const slope = scale * dot(r, W_dec.value[i]!);
      gb_enc[0]![i]! += slope;
      for (let d = 0; d < D; d++) {
        gW_dec[i]![d]! += scale * f[i]! * r[d]!;
        gW_enc[i]![d]! += slope * row[d]!;
      }
    }
  };

  x.forEach((row, b) => {
    const a = W_enc.value.map((w, i) => dot(w, row) + b_enc.value[0]![i]!);
    const f = a.map((value) => Math.max(0, value));
    const on = topK(a, sizes.k);
    active.push(new Set(on));
    const r = row.map(
      (value, d) => b_dec.value[0]![d]! - value + on.reduce((s, i) => s + f[i]! * W_dec.value[i]![d]!, 0),
    );
    loss += dot(r, r) / B;
    backward(row, on, f, r, 2 / B);
    for (let d = 0; d < D; d++) gb_dec[0]![d]! += (2 / B) * r[d]!;
    if (b % sizes.auxEvery === 0 && dead.length > 0) {
      const alive = dead.filter((i) => a[i]! > 0);
      // The dead features reconstruct e = −r; its gradient does not flow into r.
      const rest = r.map((value, d) => value + alive.reduce((s, i) => s + f[i]! * W_dec.value[i]![d]!, 0));
      backward(row, alive, f, rest, (2 * config.auxiliary) / (auxRows * state.meanSquare));
    }
  });

  gW_dec.forEach((g, i) => {
    const along = dot(g, W_dec.value[i]!);
    for (let d = 0; d < D; d++) g[d]! -= along * W_dec.value[i]![d]!;
  });
  const gradients = [gW_enc, gb_enc, gW_dec, gb_dec];
  const gradientNorm = Math.sqrt(gradients.flat(2).reduce((s, g) => s + g * g, 0));
  const clip = Math.min(1, config.clip / (gradientNorm + 1e-6));
  for (const [i, p] of [W_enc, b_enc, W_dec, b_dec].entries())
    adam(p, gradients[i]!, clip, state.step, config);
  W_dec.value = W_dec.value.map((row) => row.map((value) => value / Math.sqrt(dot(row, row))));

  const fired = new Set(active.flatMap((set) => [...set]));
  for (let i = 0; i < F; i++) state.silent[i] = fired.has(i) ? 0 : state.silent[i]! + B;
  state.step++;
  state.meanSquare = loss;
  return { loss, gradientNorm, active };
}

/** Dead features in rotation, at most `max`. */
function deadFeatures(state: DenseState, config: TrainingPlan, max: number): number[] {
  if (config.auxiliary === 0 || state.step === 0) return [];
  const F = state.silent.length;
  const start = (state.step * max) % F;
  return state.silent
    .map((_, i) => (start + i) % F)
    .filter((i) => state.silent[i]! >= config.deadAfter)
    .slice(0, max);
}

/** Kingma & Ba 2015, as torch.optim.Adam writes it. */
function adam(p: Parameter, g: Matrix, clip: number, step: number, config: TrainingPlan): void {
  if (config.optimiser.name !== 'adam') throw new TypeError('not Adam');
  const { beta1, beta2, epsilon } = config.optimiser;
  const rate = courseAt(config.rate, step, config.steps);
  p.value.forEach((row, i) => {
    for (let d = 0; d < row.length; d++) {
      const gd = clip * g[i]![d]!;
      const m = beta1 * p.m[i]![d]! + (1 - beta1) * gd;
      const v = beta2 * p.v[i]![d]! + (1 - beta2) * gd * gd;
      p.m[i]![d] = m;
      p.v[i]![d] = v;
      row[d]! -=
        (rate * (m / (1 - beta1 ** (step + 1)))) / (Math.sqrt(v / (1 - beta2 ** (step + 1))) + epsilon);
    }
  });
}
