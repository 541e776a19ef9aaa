/** @file SHIFT's choice by a rule in place of a person: which features tell the protected attribute and not the outcome. */
import { type LinearProbe, probeLogit } from '../../activations/probe.ts';
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { EditError } from '../../core/errors.ts';
import { leace } from '../erasure/leace.ts';
import { editedStates } from './apply.ts';
import type { BiasProblem, BiasRows } from './problem.ts';
import type { BiasCandidate } from './types.ts';

/**
 * The rule of "SHIFT by rule". An effect is the linear one, which for a linear probe is what integrated gradients give:
 * e_i = (mean f̄_i where 1 − mean f̄_i where 0) · w·d_i, the part of the gap between the groups' mean logits that removing
 * feature i closes; its share is of Σ|e|. Gender: probe and groups of the auxiliary rows. Field: probe and groups of the
 * confounded rows after LEACE (fitted on the auxiliary rows) took gender out, so that what is left in it is field.
 */
export const SHIFT_RULE = {
  /** Least share of Σ|e| on gender. */
  genderShare: 0.005,
  /** The share of Σ|e| on the field may be at most this much of the share on gender. */
  fieldPerGender: 0.5,
  /** At most as many features as the paper's annotator judged irrelevant. */
  most: 55,
} as const;

/** What the rule sees, and what it takes. */
export interface Selection {
  /** All features with an effect, strongest gender effect first. */
  readonly candidates: readonly BiasCandidate[];
  /** What the rule takes, strongest first. */
  readonly chosen: readonly number[];
  /** Features with the largest field effect that were not taken: the paths' free strengths are taken from here. */
  readonly field: readonly number[];
}

/** Directions and values that effects are computed for: features with their decoder rows, or coordinates. */
export interface Parts {
  readonly count: number;
  /** Pooled value of part i in row n. */
  value(rows: BiasRows, n: number, i: number): number;
  /** w · direction of part i. */
  along(w_D: Float64Array, i: number): number;
}

/** Features of the problem's dictionary as parts. */
export const featureParts = ({ features: F, width: D, W_dec_FD }: BiasProblem): Parts => ({
  count: F,
  value: (rows, n, i) => rows.features_NF[n * F + i]!,
  along(w_D, i) {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += w_D[d]! * W_dec_FD[i * D + d]!;
    return sum;
  },
});

/** Coordinates of the state as parts: neurons, the identity dictionary. */
export const coordinateParts = ({ width: D }: BiasProblem): Parts => ({
  count: D,
  value: (rows, n, i) => rows.x_ND[n * D + i]!,
  along: (w_D, i) => w_D[i]!,
});

/** Labels as rows of concept values. */
export const labelled = (x_ND: ArrayLike<number>, width: number, labels_N: Uint8Array) => ({
  x_ND,
  width,
  z_NZ: labels_N,
  concepts: 1,
});

/**
 * Ranks parts by the rule and takes those it allows.
 * @throws EditError `edit.one-value` (auxiliary rows of one gender), `edit.no-carrier` (no part has an effect)
 */
export function selectByRule(problem: BiasProblem, parts: Parts): Selection {
  const { width, auxiliary, train } = problem;
  const eraser = leace(labelled(auxiliary.x_ND, width, auxiliary.protected_N));
  const gender = fitStandardProbe(auxiliary.x_ND, auxiliary.protected_N, width);
  const erased = editedStates(problem, train, { kind: 'eraser', eraser, strength: 1 });
  const onErased = fitStandardProbe(erased, train.outcome_N, width);
  // The probe reads erased rows: on rows as they are its weights are Pᵀw, P = I − U Vᵀ.
  const field: LinearProbe = { ...onErased, w_D: throughEraser(onErased.w_D, eraser) };
  return select(
    problem,
    effects(parts, auxiliary, auxiliary.protected_N, gender.w_D),
    effects(parts, train, train.outcome_N, field.w_D),
  );
}

/** The same ranking with balanced rows: what a skyline may see. */
export function rankByBalanced(problem: BiasProblem, parts: Parts): readonly number[] {
  const rows = problem.oracleTrain;
  const probe = fitStandardProbe(rows.x_ND, rows.protected_N, problem.width);
  const effect = effects(parts, rows, rows.protected_N, probe.w_D);
  return Array.from(effect.keys())
    .filter((i) => effect[i]! > 0)
    .sort((a, b) => effect[b]! - effect[a]!);
}

function throughEraser(
  w_D: Float64Array,
  { rank, U_DK, V_DK }: { rank: number; U_DK: Float64Array; V_DK: Float64Array },
): Float64Array {
  const out = w_D.slice();
  for (let k = 0; k < rank; k++) {
    let along = 0;
    for (let d = 0; d < w_D.length; d++) along += w_D[d]! * U_DK[d * rank + k]!;
    for (let d = 0; d < w_D.length; d++) out[d]! -= along * V_DK[d * rank + k]!;
  }
  return out;
}

/** e_i as shares of Σ|e|; signed: above 0 where removing the part narrows the gap. */
function effects(
  parts: Parts,
  rows: BiasRows,
  labels_N: Uint8Array,
  w_D: Float64Array,
): Float64Array<ArrayBuffer> {
  const effect = new Float64Array(parts.count);
  const ones = labels_N.reduce((sum, label) => sum + label, 0);
  const zeros = labels_N.length - ones;
  for (let n = 0; n < labels_N.length; n++) {
    const weight = labels_N[n] === 1 ? 1 / ones : -1 / zeros;
    for (let i = 0; i < parts.count; i++) effect[i]! += weight * parts.value(rows, n, i);
  }
  let all = 0;
  for (let i = 0; i < parts.count; i++) {
    if (effect[i] !== 0) effect[i]! *= parts.along(w_D, i);
    all += Math.abs(effect[i]!);
  }
  return all > 0 ? effect.map((value) => value / all) : effect;
}

function select(problem: BiasProblem, gender: Float64Array, field: Float64Array): Selection {
  const { genderShare, fieldPerGender, most } = SHIFT_RULE;
  const order = Array.from(gender.keys())
    .filter((i) => gender[i] !== 0 || field[i] !== 0)
    .sort((a, b) => gender[b]! - gender[a]!);
  if (!(gender[order[0] ?? 0]! > 0)) {
    throw new EditError('edit.no-carrier', `nothing at this site carries ${problem.protected.name}`, {
      where: problem.name,
      hint: 'choose another site, a dictionary with more features, or more text',
    });
  }
  const chosen = order
    .filter((i) => gender[i]! >= genderShare && Math.abs(field[i]!) <= fieldPerGender * gender[i]!)
    .slice(0, most);
  // A rule that takes nothing would be the original under another name: the strongest carrier is always taken.
  if (chosen.length === 0) chosen.push(order[0]!);
  const taken = new Set(chosen);
  return {
    candidates: order.map((i) => ({
      feature: i,
      genderEffect: gender[i]!,
      fieldEffect: field[i]!,
      chosen: taken.has(i),
    })),
    chosen,
    field: order.filter((i) => !taken.has(i)).sort((a, b) => Math.abs(field[b]!) - Math.abs(field[a]!)),
  };
}

/** Logits of all rows. */
export const logitsOf = (probe: LinearProbe, x_ND: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: x_ND.length / probe.w_D.length }, (_, n) => probeLogit(probe, x_ND, n));
