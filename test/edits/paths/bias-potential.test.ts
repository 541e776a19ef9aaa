import { describe, expect, test } from 'vitest';
import { fitProbe } from '../../../src/activations/probe.ts';
import { random } from '../../../src/core/random.ts';
import { editedStates } from '../../../src/edits/bias/apply.ts';
import type { BiasRows } from '../../../src/edits/bias/problem.ts';
import { biasPotential } from '../../../src/edits/paths/bias-potential.ts';
import { directEndPoint } from '../../../src/edits/paths/end-point.ts';
import { pinnedEnd } from '../../../src/edits/paths/types.ts';

const [D, F] = [6, 5];
const stream = random(2);
const W_dec_FD = Float32Array.from({ length: F * D }, () => stream.normal());
/** Rows whose feature 0 tells the protected value, 1 the outcome; each with its counterfactual when `swapped`. */
function rowsOf(count: number, confounded: boolean, swapped: boolean): BiasRows {
  const of: { f: number[]; outcome: number; attribute: number; swapped: number; id: string }[] = [];
  for (let k = 0; k < count; k++) {
    const outcome = k % 2;
    const attribute = confounded ? outcome : Math.floor(k / 2) % 2;
    const noise = Array.from({ length: F }, () => 0.6 * Math.abs(stream.normal()));
    for (const flip of swapped ? [0, 1] : [0]) {
      const value = flip ? 1 - attribute : attribute;
      const f = noise.map((x, i) => x + (i === 0 ? 2 * value : 0) + (i === 1 ? outcome : 0));
      of.push({ f, outcome, attribute: value, swapped: flip, id: `person-${k}` });
    }
  }
  const features_NF = Float32Array.from(of.flatMap((row) => row.f));
  const x_ND = new Float32Array(of.length * D);
  for (let n = 0; n < of.length; n++)
    for (let i = 0; i < F; i++)
      for (let d = 0; d < D; d++) x_ND[n * D + d]! += features_NF[n * F + i]! * W_dec_FD[i * D + d]!;
  return {
    x_ND,
    features_NF,
    outcome_N: Uint8Array.from(of, (row) => row.outcome),
    protected_N: Uint8Array.from(of, (row) => row.attribute),
    swapped_N: Uint8Array.from(of, (row) => row.swapped),
    ids: of.map((row) => row.id),
  };
}
const problem = {
  name: 'toy bias',
  width: D,
  features: F,
  W_dec_FD,
  protected: { name: 'gender', values: ['male', 'female'] as const },
  retain: rowsOf(24, true, false),
  auxiliary: rowsOf(10, false, true),
};
const probe = fitProbe(problem.retain.x_ND, problem.retain.outcome_N, D, 1e-2);
const features = [0, 1, 3];

describe('the cost of a bias', () => {
  const V = biasPotential(problem, features, probe, { kappa: 0.7 });
  test('gradient and Hessian are those of the value', () => {
    const at = [0.3, 1.2, 0.8];
    const { gradient_N, hessian_NN } = V(Float64Array.from(at));
    const e = 1e-5;
    features.forEach((_, i) => {
      const [up, down] = [e, -e].map((by) => V(Float64Array.from(at, (a, k) => (k === i ? a + by : a))));
      expect(gradient_N[i]).toBeCloseTo((up!.value - down!.value) / (2 * e), 8);
      features.forEach((__, j) => {
        expect(hessian_NN[i]![j]).toBeCloseTo((up!.gradient_N[j]! - down!.gradient_N[j]!) / (2 * e), 7);
      });
    });
  });
  test('the value is the mean cross-entropy of edited rows plus κ times the share of bias that is left', () => {
    const alpha = Float64Array.of(0.25, 1.5, 0.9);
    const edit = { kind: 'strengths', features, alpha } as const;
    const logitsOf = (rows: BiasRows, edited: boolean) => {
      const x = edited ? editedStates(problem, rows, edit) : rows.x_ND;
      return Array.from(rows.outcome_N, (_, n) =>
        probe.w_D.reduce((sum, w, d) => sum + w * x[n * D + d]!, probe.b),
      );
    };
    const z = logitsOf(problem.retain, true);
    const loss =
      z.reduce(
        (sum, value, n) => sum - Math.log(1 / (1 + Math.exp(problem.retain.outcome_N[n] ? -value : value))),
        0,
      ) / z.length;
    const left = (edited: boolean) => {
      const logits = logitsOf(problem.auxiliary, edited);
      const mean = (value: number) => {
        const of = logits.filter((_, n) => problem.auxiliary.protected_N[n] === value);
        return of.reduce((sum, x) => sum + x, 0) / of.length;
      };
      return (mean(1) - mean(0)) ** 2;
    };
    expect(V(alpha).value).toBeCloseTo(loss + (0.7 * left(true)) / left(false), 6);
  });
  test('the best end point with the carrier removed leaves less of V than removing it alone', () => {
    const path = {
      name: problem.name,
      strengths: 3,
      potential: V,
      metric: { at: () => features.map((_, i) => features.map((__, j) => (i === j ? 1 : 0))) },
      pinned: [{ index: 0, target: 0 }],
    };
    const found = directEndPoint(path, { closeness: 0.05 });
    expect(found.potential).toBeLessThan(V(pinnedEnd(path)).value);
  });
});

describe('what is refused', () => {
  const refuse = (change: object, code: string, of = probe) =>
    expect(() => biasPotential({ ...problem, ...change }, features, of, { kappa: 1 })).toThrowError(
      expect.objectContaining({ code }),
    );
  test('a concept with no carrier: the logit does not depend on it', () =>
    refuse({}, 'edit.no-carrier', { ...probe, w_D: new Float64Array(D) }));
  test('a protected attribute with one value', () => {
    const one = { ...problem.auxiliary, protected_N: new Uint8Array(problem.auxiliary.ids.length) };
    refuse({ auxiliary: one }, 'edit.one-value');
  });
});
