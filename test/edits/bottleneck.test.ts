import { describe, expect, test } from 'vitest';
import { probeLogit } from '../../src/activations/probe.ts';
import { random } from '../../src/core/random.ts';
import { bottleneckProbe, conceptScores, fitBottleneck } from '../../src/edits/bottleneck.ts';

const [N, D] = [300, 8];
const stream = random(5);
const bits = () => Uint8Array.from({ length: N }, () => (stream.uniform() < 0.5 ? 1 : 0));
/** Column 0 says science, 1 says art, 2 says gender; gender goes with the outcome, the confounder. */
const science = bits();
const art = bits();
const outcome = Uint8Array.from(science, (s, n) => (s + art[n]! > 1 ? 1 : s));
const gender = Uint8Array.from(outcome, (y) => (stream.uniform() < 0.9 ? y : 1 - y));
const x_ND = Float64Array.from({ length: N * D }, (_, at) => {
  const [n, d] = [Math.floor(at / D), at % D];
  const said = d === 0 ? science[n]! : d === 1 ? art[n]! : d === 2 ? gender[n]! : 0;
  return 3 * said + 0.5 * stream.normal();
});
const concepts = [
  { name: 'science', labels_N: science, aboutProtected: false },
  { name: 'art', labels_N: art, aboutProtected: false },
  { name: 'gender', labels_N: gender, aboutProtected: true },
];
const source = { x_ND, width: D, outcome_N: outcome };

describe('a concept bottleneck', () => {
  const found = fitBottleneck(source, concepts);
  test('has centred scores of unit variance, one for each concept', () => {
    const scores = conceptScores(found, x_ND);
    for (let c = 0; c < 3; c++) {
      const of = Array.from({ length: N }, (_, n) => scores[n * 3 + c]!);
      expect(of.reduce((a, b) => a + b, 0) / N).toBeCloseTo(0, 10);
      expect(of.reduce((a, b) => a + b * b, 0) / N).toBeCloseTo(1, 10);
    }
  });
  test('classifies by the kept concepts alone: what it reads lies in their span', () => {
    const probe = bottleneckProbe(found);
    const scores = conceptScores(found, x_ND);
    for (let n = 0; n < 20; n++) {
      const seen = found.classifier.w_D[0]! * scores[n * 3]! + found.classifier.w_D[1]! * scores[n * 3 + 1]!;
      expect(probeLogit(probe, x_ND, n)).toBeCloseTo(seen + found.classifier.b, 9);
    }
    expect(found.keep).toEqual([1, 1, 0]);
    expect(found.classifier.w_D.length).toBe(2);
  });
  test('says less of gender than a classifier that sees it too', () => {
    const all = fitBottleneck(
      source,
      concepts.map((concept) => ({ ...concept, aboutProtected: false })),
    );
    // How far the logit moves when only the gender column does.
    const along = (probe: { w_D: Float64Array }) => Math.abs(probe.w_D[2]! / Math.hypot(...probe.w_D));
    expect(along(bottleneckProbe(found))).toBeLessThan(along(bottleneckProbe(all)));
  });
  test('writes back what least squares says of the rows', () => {
    // The residual of x − centre on the scores is orthogonal to every score.
    const scores = conceptScores(found, x_ND);
    for (const c of [0, 1, 2])
      for (const d of [0, 2, 5]) {
        let product = 0;
        for (let n = 0; n < N; n++) {
          let said = 0;
          for (let k = 0; k < 3; k++) said += scores[n * 3 + k]! * found.write_CD[k * D + d]!;
          product += (scores[n * 3 + c]! * (x_ND[n * D + d]! - found.centre_D[d]! - said)) / N;
        }
        expect(Math.abs(product)).toBeLessThan(1e-7);
      }
  });
});

describe('what is refused', () => {
  const refuse = (given: Parameters<typeof fitBottleneck>, code: string) =>
    expect(() => fitBottleneck(...given)).toThrowError(expect.objectContaining({ code }));
  test('a bottleneck without a concept that the classifier may see', () =>
    refuse([source, [concepts[2]!]], 'edit.no-concept'));
  test('a concept with one value', () =>
    refuse([source, [{ ...concepts[0]!, labels_N: new Uint8Array(N) }]], 'edit.one-value'));
  test('labels for other rows', () =>
    refuse([source, [{ ...concepts[0]!, labels_N: new Uint8Array(3) }]], 'edit.shape'));
});
