/** @file How training makes a code of pre-activations, one function a kind: features [B, F] with the gradient that training wants. */
import { f32 } from '../../core/tensor.ts';
import type { TrainingPlan } from '../plan.ts';
import type { Terms } from './terms.ts';

/** What a code is made from. */
export interface CodeInputs {
  /** Rows as the encoder reads them, [B, D]. */
  readonly x: string;
  readonly W_enc_FD: string;
  readonly b_enc_F: string;
  /** Length of each decoder row, [F] (summed over the sites of a crosscoder). */
  readonly norms_F: () => string;
  /** Further parameters of the kind by name. */
  readonly own: (name: string) => string;
  readonly plan: TrainingPlan;
  /** Input int64 [1]: active features to keep, of a row (topk) or of the batch (batchtopk). */
  readonly k: () => string;
}

/** A code with what penalties need. */
export interface Code {
  /** Features [B, F]. */
  readonly f: string;
  /** Pre-activations [B, F]. */
  readonly a: string;
  /** What a sparsity penalty sums: features, or the gate's own (gated). */
  readonly penalised: string;
  /** Number of active features of each row [B] with the gradient of the kernel (JumpReLU). */
  readonly l0_B?: string;
}

/** f = ReLU(a). */
export function reluCode(t: Terms, c: CodeInputs): Code {
  const a = t.read(c.x, c.W_enc_FD, c.b_enc_F);
  const f = t.relu(a);
  return { f, a, penalised: f };
}

/**
 * Gated (Rajamanoharan et al. 2024a, §3.2): π = W x + b_gate says which features are on, exp(r)∘(W x) + b_mag how much;
 * the step has no gradient, so the gate learns from its own penalty and reconstruction.
 */
export function gatedCode(t: Terms, c: CodeInputs): Code {
  const dots = t.read(c.x, c.W_enc_FD);
  const gate = t.add(dots, c.b_enc_F);
  const size = t.add(t.mul(dots, t.b.op('Exp', [c.own('r_mag_F')])), c.own('b_mag_F'));
  const f = t.mul(t.above(gate, t.scalar(0)), t.relu(size));
  return { f, a: gate, penalised: t.relu(gate) };
}

/** The k largest of each row that are positive (Gao et al. 2024, eq. 3); the choice is held fixed. */
export function topkCode(t: Terms, c: CodeInputs): Code {
  const a = t.read(c.x, c.W_enc_FD, c.b_enc_F);
  const f = t.mul(t.relu(a), largest(t, score(t, c, a), c.k()));
  return { f, a, penalised: f };
}

/** The k·B largest of the whole batch that are positive (Bussmann et al. 2024, §3). */
export function batchTopkCode(t: Terms, c: CodeInputs): Code {
  const a = t.read(c.x, c.W_enc_FD, c.b_enc_F);
  const flat = t.b.op('Reshape', [score(t, c, a), t.b.ints(1, -1)]);
  const mask = t.b.op('Reshape', [largest(t, flat, c.k()), t.b.ints(c.plan.batch, c.plan.features)]);
  const f = t.mul(t.relu(a), mask);
  return { f, a, penalised: f };
}

/**
 * JumpReLU (Rajamanoharan et al. 2024b, eqs. 3 and 9 to 12): f = a·H(a − θ), L0 = Σ H(a − θ), on pre-activations. With the
 * rectangle K of width ε, ∂f/∂θ := −(θ/ε)K((a − θ)/ε) and ∂H/∂θ := −(1/ε)K((a − θ)/ε): terms in θ − held(θ), which are 0.
 * θ itself is trained, not its logarithm.
 */
export function jumpReluCode(t: Terms, c: CodeInputs): Code {
  const a = t.read(c.x, c.W_enc_FD, c.b_enc_F);
  const theta = c.own('threshold_F');
  const fixed = t.held(theta);
  const on = t.above(a, fixed);
  const far = t.b.op('Abs', [t.held(t.sub(a, fixed))]);
  const kernel = t.mul(t.above(t.scalar(c.plan.bandwidth / 2), far), t.scalar(1 / c.plan.bandwidth));
  const moved = t.mul(kernel, t.sub(theta, fixed));
  const f = t.sub(t.mul(a, on), t.mul(fixed, moved));
  return { f, a, penalised: f, l0_B: t.sum(t.sub(on, moved), 1) };
}

/** What features compete by. */
const score = (t: Terms, c: CodeInputs, a: string): string =>
  c.plan.byDecoderNorm ? t.mul(t.held(a), t.held(c.norms_F())) : t.held(a);

/** 1 at the `k` largest of each row; of equal ones at the lower index. No gradient. */
export function largest(t: Terms, a: string, k: string): string {
  const { b } = t;
  const [, indices] = b.ops('TopK', [a, k], 2, {
    axis: { int: -1 },
    largest: { int: 1 },
    sorted: { int: 0 },
  });
  const filled = (shape: string, value: number) =>
    b.op('ConstantOfShape', [shape], { value: { tensor: f32([1], [value]) } });
  const zeros = filled(b.op('Shape', [a]), 0);
  const ones = filled(b.op('Shape', [indices!]), 1);
  return t.held(b.op('ScatterElements', [zeros, indices!, ones], { axis: { int: -1 } }));
}
