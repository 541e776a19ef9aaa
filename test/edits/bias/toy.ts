/** @file A bias problem whose truth is known: two features carry the protected value, two the outcome, the others nothing. */
import { random } from '../../../src/core/random.ts';
import { editedStates, meanMove } from '../../../src/edits/bias/apply.ts';
import type { BiasProblem, BiasRows, PooledEdit } from '../../../src/edits/bias/problem.ts';

const D = 12;
const F = 16;

/** Features 0 and 1 are active for protected 1 and 0, features 2 and 3 for outcome 1 and 0 (half as strong). */
export function toyProblem(seed: number, { protectedSize = 2, outcomeSize = 1 } = {}): BiasProblem {
  const chance = random(7);
  const W_dec_FD = Float32Array.from({ length: F * D }, () => chance.normal() / Math.sqrt(D));
  // The four that matter are orthogonal coordinates.
  for (let i = 0; i < 4; i++) for (let d = 0; d < D; d++) W_dec_FD[i * D + d] = d === i ? 1 : 0;
  for (let i = 4; i < F; i++) for (let d = 0; d < 4; d++) W_dec_FD[i * D + d] = 0;
  const data = random(seed);
  let person = 0;
  const rows = (cells: readonly (readonly [number, number])[], each: number, twins = false): BiasRows => {
    const all: { outcome: number; protected: number; swapped: number; id: string }[] = [];
    for (let k = 0; k < each; k++) {
      for (const [outcome, value] of cells) {
        const id = `p${person++}`;
        all.push({ outcome, protected: value, swapped: 0, id });
        if (twins) all.push({ outcome, protected: 1 - value, swapped: 1, id });
      }
    }
    const features_NF = new Float32Array(all.length * F);
    all.forEach((row, n) => {
      features_NF[n * F + (row.protected === 1 ? 0 : 1)] = protectedSize * (0.6 + 0.8 * data.uniform());
      features_NF[n * F + (row.outcome === 1 ? 2 : 3)] = outcomeSize * (0.6 + 0.8 * data.uniform());
      for (let i = 4; i < F; i++) features_NF[n * F + i] = data.uniform() < 0.3 ? data.uniform() : 0;
    });
    const x_ND = new Float32Array(all.length * D);
    for (let n = 0; n < all.length; n++) {
      for (let d = 0; d < D; d++) {
        let sum = 0.02 * data.normal();
        for (let i = 0; i < F; i++) sum += features_NF[n * F + i]! * W_dec_FD[i * D + d]!;
        x_ND[n * D + d] = sum;
      }
    }
    return {
      x_ND,
      features_NF,
      outcome_N: Uint8Array.from(all, (row) => row.outcome),
      protected_N: Uint8Array.from(all, (row) => row.protected),
      swapped_N: Uint8Array.from(all, (row) => row.swapped),
      ids: all.map((row) => row.id),
    };
  };
  const confounded = [
    [0, 0],
    [1, 1],
  ] as const;
  const every = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const;
  const plain = rows(every, 6);
  const problem: Omit<BiasProblem, 'collateral'> = {
    name: 'toy',
    outcome: { name: 'field', values: ['A', 'B'] },
    protected: { name: 'gender', values: ['male', 'female'] },
    width: D,
    features: F,
    W_dec_FD,
    train: rows(confounded, 40),
    retain: rows(confounded, 20),
    auxiliary: rows(
      [
        [0, 0],
        [0, 1],
      ],
      40,
    ),
    balanced: rows(every, 12, true),
    oracleTrain: rows(every, 20),
  };
  return {
    ...problem,
    /** Half the squared distance of each plain row: what the KL would be if the rest of the network were Gaussian. */
    async collateral(edit: PooledEdit) {
      const edited = editedStates(problem, plain, edit);
      const kl_W = plain.ids.map((_, n) => {
        let sum = 0;
        for (let d = n * D; d < (n + 1) * D; d++) sum += (edited[d]! - plain.x_ND[d]!) ** 2 / 20;
        return sum;
      });
      const value = kl_W.reduce((a, b) => a + b, 0) / kl_W.length;
      return {
        kl: { value, low: value, high: value, n: kl_W.length },
        kl_W,
        perplexity: Math.exp(1 + value),
        deltaX: meanMove(plain.x_ND, edited, D),
      };
    },
  };
}
