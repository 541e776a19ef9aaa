/** @file The cost of a path that removes a bias: task loss on retain rows + κ · remaining bias, both of a linear probe. */
import { type LinearProbe, probeLogit } from '../../activations/probe.ts';
import { EditError } from '../../core/errors.ts';
import type { BiasProblem, BiasRows } from '../bias/problem.ts';
import type { PotentialAt } from './types.ts';

export interface BiasPotentialOptions {
  /** Nats of task loss that the whole of the bias is worth. */
  readonly kappa: number;
}

type Rows = Pick<
  BiasProblem,
  'name' | 'width' | 'features' | 'W_dec_FD' | 'retain' | 'auxiliary' | 'protected'
>;

/** Numbers linear in α: ℓ_n(α) = at_N[n] − Σ_i (1 − α_i) slope_NI[n, i]. */
interface Linear {
  readonly at_N: Float64Array;
  /** [N][n]. */
  readonly slope_NI: readonly Float64Array[];
}

/**
 * V(α) = mean cross-entropy on the retain rows + κ · B(α)/B(1), of the probe on x̄′ = x̄ − Σ_i (1 − α_i) f̄_i d_i. What is left of the
 * bias, B, is told from the auxiliary rows (in the confounded ones the protected attribute is the outcome): the squared difference
 * of the two groups' mean logits. The logit is linear in α, so V is convex and both derivatives are exact; a call costs N n².
 * @throws EditError `edit.no-carrier` (the probe's logit does not depend on the protected attribute), `edit.one-value`
 */
export function biasPotential(
  problem: Rows,
  features: readonly number[],
  probe: LinearProbe,
  { kappa }: BiasPotentialOptions,
): (alpha_N: Float64Array) => PotentialAt {
  const retain = logits(problem, problem.retain, features, probe);
  const contrast = contrastOf(problem, logits(problem, problem.auxiliary, features, probe));
  const whole = contrast.at_N[0]! * contrast.at_N[0]!;
  if (!(whole > 0)) {
    throw new EditError('edit.no-carrier', `the probe says the same whatever the ${problem.protected.name}`, {
      where: problem.name,
      hint: 'there is no bias to remove; look at the auxiliary rows, or at another site',
    });
  }
  const labels_N = problem.retain.outcome_N;
  const n = features.length;
  return (alpha_N) => {
    const gradient_N = new Float64Array(n);
    let value = 0;
    const hessian = new Float64Array(n * n);
    /** Adds a term with slope and curvature in one linear number. */
    const add = (slope: number, curvature: number, along: Float64Array) => {
      for (let i = 0; i < n; i++) {
        const part = along[i]!;
        if (part === 0) continue;
        gradient_N[i]! += slope * part;
        const c = curvature * part;
        for (let j = 0; j <= i; j++) hessian[i * n + j]! += c * along[j]!;
      }
    };
    const share = 1 / labels_N.length;
    retain.slope_NI.forEach((along, k) => {
      const logit = linearAt(retain, k, alpha_N);
      const p = 1 / (1 + Math.exp(-logit));
      const label = labels_N[k]!;
      value += share * (Math.max(logit, 0) - label * logit + Math.log1p(Math.exp(-Math.abs(logit))));
      add(share * (p - label), share * p * (1 - p), along);
    });
    const weight = kappa / whole;
    const c = linearAt(contrast, 0, alpha_N);
    value += weight * c * c;
    add(2 * weight * c, 2 * weight, contrast.slope_NI[0]!);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) hessian[j * n + i] = hessian[i * n + j]!;
    return {
      value,
      gradient_N,
      hessian_NN: Array.from({ length: n }, (_, i) => hessian.subarray(i * n, (i + 1) * n)),
    };
  };
}

function linearAt({ at_N, slope_NI }: Linear, k: number, alpha_N: Float64Array): number {
  let sum = at_N[k]!;
  for (let i = 0; i < alpha_N.length; i++) sum -= (1 - alpha_N[i]!) * slope_NI[k]![i]!;
  return sum;
}

/** Logits of rows, and what each feature puts into them: f̄_i w·d_i. */
function logits(
  { width: D, features: F, W_dec_FD }: Rows,
  rows: BiasRows,
  features: readonly number[],
  probe: LinearProbe,
): Linear {
  const along = features.map((feature) => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += probe.w_D[d]! * W_dec_FD[feature * D + d]!;
    return sum;
  });
  return {
    at_N: Float64Array.from(rows.outcome_N, (_, n) => probeLogit(probe, rows.x_ND, n)),
    slope_NI: Array.from(rows.outcome_N, (_, n) =>
      Float64Array.from(features, (feature, i) => rows.features_NF[n * F + feature]! * along[i]!),
    ),
  };
}

/** The difference of the two groups' mean logits, as one linear number. */
function contrastOf({ name, auxiliary, protected: attribute }: Rows, { at_N, slope_NI }: Linear): Linear {
  const { protected_N } = auxiliary;
  const groups = [0, 1].map((value) =>
    Array.from(protected_N.keys()).filter((n) => protected_N[n] === value),
  );
  if (groups.some((group) => group.length === 0)) {
    throw new EditError('edit.one-value', `all auxiliary rows have the same ${attribute.name}`, {
      where: name,
      hint: 'the remaining bias is a difference between both values: bring rows of each',
    });
  }
  const apart = (of: (n: number) => number) =>
    groups.reduce(
      (sum, group, value) =>
        sum + ((value * 2 - 1) / group.length) * group.reduce((all, n) => all + of(n), 0),
      0,
    );
  return {
    at_N: Float64Array.of(apart((n) => at_N[n]!)),
    slope_NI: [Float64Array.from(slope_NI[0]!, (_, i) => apart((n) => slope_NI[n]![i]!))],
  };
}
