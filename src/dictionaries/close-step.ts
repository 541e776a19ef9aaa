/** @file What one worker does for all between the phases of a step: norms and clipping, biases, a kind's own vectors, controllers, dead features. */
import { leastChosen } from './choose-batch.ts';
import { annealed, controlled, learnedThreshold } from './controls.ts';
import { courseAt } from './courses.ts';
import { ENTRY_COST, type FrequentRule } from './frequent.ts';
import { CONTROL, NUMBERS } from './layout.ts';
import type { TrainingPlan } from './plan.ts';
import type { StepNumbers } from './row-phase.ts';
import type { Views } from './views.ts';

/** After the gradients: norm of all of them, clip factor, Adam's factors, biases and the kind's own vectors. */
export function closeGradients(v: Views, now: StepNumbers): void {
  const { at, plan, shape, numbers, kernels, control, residualSums, g_b_dec, squares, blockLoss } = v;
  const { features: F, batch: B } = shape;
  const { D, blocks } = at;
  const step = control[CONTROL.step]!;
  const l0 = control[CONTROL.active]! / B;
  g_b_dec.fill(0);
  for (let block = 0; block < blocks; block++) {
    for (let d = 0; d < D; d++) g_b_dec[d]! += v.gradientScale * residualSums[block * D + d]!;
  }
  if (plan.preBias) kernels.throughEncoder(at.W_enc, at.g_b_enc, at.g_b_dec, F, D);
  let square = 0;
  for (let d = 0; d < D; d++) square += g_b_dec[d]! ** 2;
  for (let f = 0; f < F; f++) square += squares[f]!;
  square += ownGradients(v, now, l0);
  const norm = Math.sqrt(square);
  // As torch.nn.utils.clip_grad_norm_.
  const clip = Math.min(1, plan.clip / (norm + 1e-6));
  const { beta1, beta2, epsilon } = adamOf(plan);
  const rate = courseAt(plan.rate, step, plan.steps) / (1 - beta1 ** (step + 1));
  const root = 1 / Math.sqrt(1 - beta2 ** (step + 1));
  numbers[NUMBERS.gradientNorm] = norm;
  numbers[NUMBERS.clip] = clip;
  numbers[NUMBERS.step] = rate;
  numbers[NUMBERS.root] = root;
  numbers[NUMBERS.l0] = l0;
  const n = Math.ceil(F / 4) * 4;
  const adam = (w: number, g: number, m: number, u: number, length: number) =>
    kernels.adam(w, g, m, u, length, clip, rate, root, beta1, beta2, epsilon);
  adam(at.b_enc, at.g_b_enc, at.m_b_enc, at.v_b_enc, n);
  adam(at.b_dec, at.g_b_dec, at.m_b_dec, at.v_b_dec, D);
  for (const [i, w] of at.own.entries()) adam(w, at.g_own[i]!, at.m_own[i]!, at.v_own[i]!, n);
  let loss = 0;
  for (let block = 0; block < blocks; block++) loss += blockLoss[block]!;
  numbers[NUMBERS.loss] = loss / B;
  numbers[NUMBERS.meanSquare] = loss / B;
  control[CONTROL.rowQueue] = 0;
  control[CONTROL.gradientQueue] = 0;
}

/** The fused engine's optimiser. */
export function adamOf({ optimiser }: TrainingPlan): { beta1: number; beta2: number; epsilon: number } {
  if (optimiser.name !== 'adam') throw new TypeError(`${optimiser.name} is not fused`);
  return optimiser;
}

/** Gradients of thresholds, or of gates; returns the sum of their squares beyond what `squares` holds. */
function ownGradients(v: Views, { weight }: StepNumbers, l0: number): number {
  const { plan, shape, g_own, sums, own, gains, g_b_enc } = v;
  const F = shape.features;
  let square = 0;
  if (plan.activation === 'jumprelu') {
    // ∂L/∂θ = −(θ/ε)·Σ slopes in the band − (λ′/ε)·entries in the band.
    const target = plan.targetL0 ?? plan.kFinal;
    const push = plan.l0Form === 'linear' ? weight : (2 * weight * (l0 / target - 1)) / target;
    for (let f = 0; f < F; f++) {
      const g = -(own[0]![f]! * sums[0]![f]! + push * sums[1]![f]!) / plan.bandwidth;
      g_own[0]![f] = g;
      square += g * g;
    }
  }
  if (plan.activation === 'gated') {
    for (let f = 0; f < F; f++) {
      const all = g_b_enc[f]!;
      const gate = all - gains[f]! * sums[0]![f]!;
      g_own[0]![f] = sums[1]![f]!;
      g_own[1]![f] = sums[0]![f]!;
      g_b_enc[f] = gate;
      square += gate * gate - all * all + sums[0]![f]! ** 2 + sums[1]![f]! ** 2;
    }
  }
  return square;
}

/** After the update: controllers, dead features in rotation, queues, slices of the next step, its number. */
export function advanceStep(v: Views): void {
  const { at, plan, shape, numbers, control, silent, fired, own, gains, deadList } = v;
  const { features: F, batch: B } = shape;
  const step = control[CONTROL.step]!;
  if (plan.activation === 'jumprelu') {
    const [theta] = own;
    for (let f = 0; f < F; f++) if (!(theta![f]! > 0)) theta![f] = 0;
  }
  if (plan.activation === 'gated') for (let f = 0; f < F; f++) gains[f] = Math.exp(own[0]![f]!);
  if (shape.selection === 'batch' && step >= plan.thresholdFrom) {
    const before = numbers[NUMBERS.threshold]!;
    numbers[NUMBERS.threshold] = learnedThreshold(
      before < 0 ? undefined : before,
      leastChosen(v),
      plan.thresholdKept,
    );
  }
  if (plan.targetL0 !== undefined && !(plan.activation === 'jumprelu' && plan.l0Form === 'quadratic')) {
    const factor = controlled(numbers[NUMBERS.factor]!, numbers[NUMBERS.l0]!, plan.targetL0, plan.gain);
    numbers[NUMBERS.factor] = factor;
  }
  if (plan.power) annealPower(v, step);
  // A quarter more than this step had: what changes faster is found out by running out of room.
  const likely = Math.ceil((1.25 * control[CONTROL.entries]!) / at.room);
  numbers[NUMBERS.slices] = shape.selection === 'above' ? Math.max(1, Math.min(at.blocks, likely)) : 1;
  for (const queue of [
    ...[CONTROL.rowQueue, CONTROL.gradientQueue, CONTROL.updateQueue, CONTROL.keepQueue],
    ...[CONTROL.entries, CONTROL.active],
  ])
    control[queue] = 0;
  if (shape.frequent) chooseFrequent(v, shape.frequent);
  let found = 0;
  let all = 0;
  const start = ((step + 1) * Math.max(1, at.dead)) % F;
  for (let i = 0; i < F; i++) {
    const f = start + i < F ? start + i : start + i - F;
    silent[f] = fired[f]! > 0 ? 0 : Math.min(silent[f]! + B, 2 ** 30);
    if (silent[f]! < plan.deadAfter) continue;
    all++;
    if (found < at.dead) deadList[found++] = f;
  }
  control[CONTROL.dead] = found;
  control[CONTROL.deadTotal] = all;
  control[CONTROL.step] = step + 1;
}

/** Frequent features of the next step (`FrequentRule`), by what their entries cost this one; none where products would gain nothing. */
function chooseFrequent(v: Views, { share, gain, most, slices }: FrequentRule): void {
  const { shape, work, place, numbers } = v;
  /** One entry on every row. */
  const all = ENTRY_COST * shape.batch;
  const bar = share * all;
  const frequent: number[] = [];
  for (let f = 0; f < shape.features; f++) if (work[f]! > bar) frequent.push(f);
  if (frequent.length > most) {
    frequent.sort((a, b) => work[b]! - work[a]! || a - b);
    frequent.length = most;
    frequent.sort((a, b) => a - b);
  }
  const saved = frequent.reduce((sum, f) => sum + work[f]! - bar, 0);
  const worth = saved > gain * all && numbers[NUMBERS.slices]! <= slices;
  place.fill(0);
  if (worth)
    frequent.forEach((f, h) => {
      place[f] = h + 1;
    });
}

/** Remembers the penalties of a step, and lets λ follow when p changes. */
function annealPower(v: Views, step: number): void {
  const { plan, numbers, remembered, blockPowers, at, shape } = v;
  const course = plan.power!;
  let now = 0;
  let next = 0;
  for (let block = 0; block < at.blocks; block++) {
    now += blockPowers[2 * block]!;
    next += blockPowers[2 * block + 1]!;
  }
  const count = numbers[NUMBERS.seen]!;
  const seen = Array.from({ length: count }, (_, i) => [remembered[2 * i]!, remembered[2 * i + 1]!] as const);
  const after = annealed({ factor: numbers[NUMBERS.powerFactor]!, seen }, course, step, {
    ...{ steps: plan.steps, now: now / shape.batch, next: next / shape.batch },
  });
  numbers[NUMBERS.powerFactor] = after.factor;
  numbers[NUMBERS.seen] = after.seen.length;
  after.seen.forEach(([a, b], i) => {
    remembered[2 * i] = a;
    remembered[2 * i + 1] = b;
  });
}
