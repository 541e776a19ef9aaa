/** @file The cost of a path that removes a bias: task loss on retain rows + κ · remaining bias, both of a linear probe. */
import { type LinearProbe, probeLogit } from '../../activations/probe.ts';
import { EditError } from '../../core/errors.ts';
import type { BiasProblem, BiasRows } from '../bias/types.ts';
import type { PotentialAt } from './types.ts';

/**
 * What is left of the bias, told from the auxiliary rows (in the confounded ones the protected attribute is the outcome):
 * `covariance`, the squared difference of the two groups' mean logits; `pairs`, the mean squared difference of the logit between a
 * row and its counterfactual. Divided by what it is at α = 1.
 */
export type RemainingBias = 'covariance' | 'pairs';

export interface BiasPotentialOptions {
  /** Nats of task loss that the whole of the bias is worth. */
  readonly kappa: number;
  readonly bias?: RemainingBias;
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
 * V(α) = mean cross-entropy on the retain rows + κ · B(α)/B(1), of the probe on x̄′ = x̄ − Σ_i (1 − α_i) f̄_i d_i. The logit is
 * linear in α, so V is convex and both derivatives are exact; a call costs N n².
 * @throws EditError `edit.no-carrier` (the probe's logit does not depend on the protected attribute), `edit.one-value`,
 *   `edit.no-pairs`
 */
export function biasPotential(
  problem: Rows,
  features: readonly number[],
  probe: LinearProbe,
  { kappa, bias = 'covariance' }: BiasPotentialOptions,
): (alpha_N: Float64Array) => PotentialAt {
  const retain = logits(problem, problem.retain, features, probe);
  const contrasts = contrastsOf(problem, bias, logits(problem, problem.auxiliary, features, probe));
  const whole = contrasts.at_N.reduce((sum, c) => sum + c * c, 0);
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
    contrasts.slope_NI.forEach((along, k) => {
      const c = linearAt(contrasts, k, alpha_N);
      value += weight * c * c;
      add(2 * weight * c, 2 * weight, along);
    });
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

/** Differences of logits whose squares add up to the remaining bias. */
function contrastsOf(
  { name, auxiliary, protected: attribute }: Rows,
  bias: RemainingBias,
  of: Linear,
): Linear {
  const { protected_N, swapped_N, ids } = auxiliary;
  const groups = [0, 1].map((value) =>
    Array.from(protected_N.keys()).filter((n) => protected_N[n] === value),
  );
  if (groups.some((group) => group.length === 0)) {
    throw new EditError('edit.one-value', `all auxiliary rows have the same ${attribute.name}`, {
      where: name,
      hint: 'the remaining bias is a difference between both values: bring rows of each',
    });
  }
  if (bias === 'covariance')
    return sums(of, [groups.map((group, value) => ({ group, weight: value * 2 - 1 }))]);
  const natural = new Map(ids.flatMap((id, n) => (swapped_N[n] === 0 ? [[id, n] as const] : [])));
  const pairs = ids.flatMap((id, n) => {
    const other = natural.get(id);
    return swapped_N[n] === 1 && other !== undefined ? [[n, other] as const] : [];
  });
  if (pairs.length === 0) {
    throw new EditError('edit.no-pairs', 'no auxiliary row has its counterfactual beside it', {
      where: name,
      hint: 'measure the remaining bias by `covariance`, or make counterfactuals of the auxiliary rows',
    });
  }
  return sums(
    of,
    pairs.map(([swapped, as]) => [
      { group: [swapped], weight: 1 },
      { group: [as], weight: -1 },
    ]),
  );
}

/** For each list of groups: Σ weight · mean over the group. */
function sums(
  { at_N, slope_NI }: Linear,
  lists: readonly (readonly { readonly group: readonly number[]; readonly weight: number }[])[],
): Linear {
  const of = (values: (n: number) => number, list: (typeof lists)[number]) =>
    list.reduce(
      (sum, { group, weight }) =>
        sum + (weight / group.length) * group.reduce((all, n) => all + values(n), 0),
      0,
    );
  const n = slope_NI[0]?.length ?? 0;
  return {
    at_N: Float64Array.from(lists, (list) => of((k) => at_N[k]!, list)),
    slope_NI: lists.map((list) =>
      Float64Array.from({ length: n }, (_, i) => of((k) => slope_NI[k]![i]!, list)),
    ),
  };
}
