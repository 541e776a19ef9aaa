/** @file What losses add to the reconstruction error: sparsity, the auxiliary loss on dead features, interference. All are means over the batch. */
import type { TrainingPlan } from '../plan.ts';
import { type Code, largest } from './codes.ts';
import type { Terms } from './terms.ts';

/** Values that penalties read. */
export interface PenaltyInputs {
  readonly plan: TrainingPlan;
  readonly code: Code;
  readonly norms_F: () => string;
  /** A scalar input by name. */
  readonly input: (name: 'p') => string;
}

/** The sparsity penalty of a kind, without λ. */
export function sparsity(t: Terms, { plan, code, norms_F, input }: PenaltyInputs): string {
  const rows = t.scalar(plan.batch);
  if (code.l0_B !== undefined) {
    const l0 = t.div(t.sum(code.l0_B), rows);
    if (plan.l0Form === 'linear') return l0;
    // dictionary_learning's jumprelu.py and Gemma Scope 2: the mean L0 is drawn to a target.
    const off = t.sub(t.div(l0, t.scalar(plan.targetL0 ?? plan.kFinal)), t.scalar(1));
    return t.mul(off, off);
  }
  const weighted = plan.penaltyForm === 'unit' ? code.penalised : t.mul(code.penalised, norms_F());
  if (!plan.power) return t.div(t.sum(weighted), rows);
  return t.div(power(t, weighted, input('p'), plan.power.form), rows);
}

/** Σ over rows of Σ f^p, or of its 1/p-th power; 0^p = 0 without a gradient. */
function power(t: Terms, f: string, p: string, form: 'lp' | 'lp^p'): string {
  const raised = (x: string, exponent: string) => {
    const on = t.above(x, t.scalar(0));
    const safe = t.choose(on, x, t.scalar(1));
    return t.choose(on, t.b.op('Pow', [safe, exponent]), t.scalar(0));
  };
  const sums_B = t.sum(raised(f, p), 1);
  return t.sum(form === 'lp^p' ? sums_B : raised(sums_B, t.div(t.scalar(1), p)));
}

/** Values that the auxiliary loss reads beside those of penalties. */
export interface AuxiliaryInputs {
  readonly plan: TrainingPlan;
  readonly code: Code;
  readonly W_dec_FE: string;
  readonly b_dec_E: string;
  /** What should be reconstructed [B, E], and its reconstruction. */
  readonly target: string;
  readonly output: string;
  /** 1 for dead features [F]; how many of them a row may use (int64 [1]). */
  readonly dead_F: () => string;
  readonly kAux: () => string;
}

/**
 * Of selecting kinds: the strongest dead features of each row reconstruct what the others left, e = held(x − x̂).
 * 'scaled': ‖e − ê‖²/Var e with f ≥ 0 (Gao et al. 2024, A.2, as in dictionary_learning); 'plain': ‖e − ê‖² with any sign
 * (SAELens; its factor min(dead/(D/2), 1) comes with the weight).
 */
export function deadAuxiliary(t: Terms, i: AuxiliaryInputs): string {
  const { plan, code } = i;
  const scaled = plan.auxiliaryForm === 'scaled';
  const dead = i.dead_F();
  const read = scaled ? t.relu(code.a) : code.a;
  const ranked = t.choose(dead, t.held(read), t.scalar(-1e30));
  const chosen = t.mul(largest(t, ranked, i.kAux()), dead);
  const left = t.held(t.sub(i.target, i.output));
  const error = t.squares(t.sub(left, t.write(t.mul(read, chosen), i.W_dec_FE)));
  if (!scaled) return t.div(error, t.scalar(plan.batch));
  const mean = t.div(t.sum(left, 0), t.scalar(plan.batch));
  const variance = t.squares(t.sub(left, mean));
  return t.div(error, t.b.op('Max', [variance, t.scalar(1e-20)]));
}

/**
 * Of the gated kind: the gate alone reconstructs, ‖x − (ReLU(π)·W_dec + b_dec)‖² (Rajamanoharan et al. 2024a, eq. 8).
 * 'scaled' holds the decoder fixed there, as the paper and dictionary_learning do; 'plain' does not (SAELens).
 */
export function gateAuxiliary(t: Terms, i: AuxiliaryInputs): string {
  const hold = (x: string) => (i.plan.auxiliaryForm === 'scaled' ? t.held(x) : x);
  const output = t.write(i.code.penalised, hold(i.W_dec_FE), hold(i.b_dec_E));
  return t.div(t.squares(t.sub(i.target, output)), t.scalar(i.plan.batch));
}

/**
 * The separation potential of mechanics.md §4: Σ_{i≠j} w_ij ReLU(d̂_i·d̂_j)² of the decoder rows' directions, with w_ij the
 * share of the batch's rows on which i and j are both active (held).
 */
export function interference(
  t: Terms,
  { plan, f, W_dec_FE }: { readonly plan: TrainingPlan; readonly f: string; readonly W_dec_FE: string },
): string {
  const F = plan.features;
  const on = t.above(f, t.scalar(0));
  const together = t.b.op('Gemm', [on, on], { transA: { int: 1 } });
  const identity = t.b.op('EyeLike', [together]);
  const w_FF = t.held(t.div(t.mul(together, t.sub(t.scalar(1), identity)), t.scalar(plan.batch)));
  const norms = t.b.op('ReduceL2', [W_dec_FE, t.b.ints(1)], { keepdims: { int: 1 } });
  const unit = t.div(W_dec_FE, norms);
  const overlap = t.relu(t.read(unit, unit));
  return F === 1 ? t.scalar(0) : t.sum(t.mul(w_FF, t.mul(overlap, overlap)));
}
