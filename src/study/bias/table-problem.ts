/** @file The bias study's problem for a table: the hidden layer of a small network is the cut, what is above it is known in full. */
import { random } from '../../core/random.ts';
import { bootstrap } from '../../core/statistics.ts';
import { encoder } from '../../dictionaries/encoder.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { editedStates, meanMove } from '../../edits/bias/apply.ts';
import type { BiasProblem, BiasRows, Collateral, PooledEdit } from '../../edits/bias/problem.ts';
import { type Classifier, runClassifier } from '../../networks/classifier.ts';
import type { RecordSet, TableRecords } from './table-records.ts';

/** Rows of a set at the cut. `hide`: as the network sees them with the protected column at its mean. */
async function rowsAt(
  records: TableRecords,
  set: RecordSet,
  network: Classifier,
  dictionary: Dictionary,
  threads: number,
  hide = false,
): Promise<BiasRows> {
  const { h_NH: x_ND } = await runClassifier(network, records.x(set, hide), threads);
  const opened = await encoder(dictionary, threads);
  const code = await opened.encode(x_ND).finally(() => opened.release());
  const F = dictionary.features;
  const features_NF = new Float32Array(set.rows.length * F);
  for (let n = 0; n < set.rows.length; n++) {
    for (let k = n * code.slots; k < (n + 1) * code.slots; k++) {
      features_NF[n * F + code.indices_BK[k]!]! += code.values_BK[k]!;
    }
  }
  return {
    ...{ x_ND, features_NF, ...records.labels(set) },
    swapped_N: Uint8Array.from(set.swapped, (swapped) => (swapped ? 1 : 0)),
    ids: set.rows.map((row) => `row ${row + 2}`),
  };
}

/** The problem of one dictionary. Collateral is measured on the natural auxiliary records, the Fisher metric on the retain records. */
export async function tableProblem(
  name: string,
  records: TableRecords,
  network: Classifier,
  dictionary: Dictionary,
  threads: number,
): Promise<BiasProblem> {
  const { sets } = records;
  const at = (set: RecordSet, hide?: boolean) => rowsAt(records, set, network, dictionary, threads, hide);
  const problem = {
    name,
    outcome: { name: records.outcome.name, values: records.outcome.values },
    protected: { name: records.protected.name, values: records.protected.values },
    width: dictionary.width,
    features: dictionary.features,
    W_dec_FD: dictionary.W_dec_FD,
    train: await at(sets.train),
    retain: await at(sets.retain),
    auxiliary: await at(sets.auxiliary),
    balanced: await at(sets.balanced),
    oracleTrain: await at(sets.oracleTrain),
    ...(records.counterfactuals
      ? {
          withoutTokens: {
            train: await at(sets.train, true),
            balanced: await at(sets.balanced, true),
            oracleTrain: await at(sets.oracleTrain, true),
          },
        }
      : {}),
  };
  const found = sets.auxiliary.rows.filter((_, n) => !sets.auxiliary.swapped[n]);
  const plain = await at({ rows: found, swapped: found.map(() => false) });
  return {
    ...problem,
    collateral: (edit) => Promise.resolve(tableCollateral(problem, network, plain, edit)),
    fisher: (features, alpha) =>
      Promise.resolve(tableFisher(problem, network, problem.retain, features, alpha)),
  };
}

type Decoder = Pick<BiasProblem, 'width' | 'features' | 'W_dec_FD'>;
type Head = Pick<Classifier, 'W_out' | 'b_out'>;

/** logit(1) − logit(0) of states [N, D]. */
export function logitDifferences({ W_out, b_out }: Head, x_ND: ArrayLike<number>): Float64Array {
  const D = W_out.length / 2;
  return Float64Array.from({ length: x_ND.length / D }, (_, n) => {
    let sum = b_out[1]! - b_out[0]!;
    for (let d = 0; d < D; d++) sum += x_ND[n * D + d]! * (W_out[2 * d + 1]! - W_out[2 * d]!);
    return sum;
  });
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
/** log(1 + eᶻ) without overflow. */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** KL(original ‖ edited) of the network's own answers, in nats per record, and its perplexity on the outcome. */
export function tableCollateral(decoder: Decoder, head: Head, plain: BiasRows, edit: PooledEdit): Collateral {
  const edited = editedStates(decoder, plain, edit);
  const before = logitDifferences(head, plain.x_ND);
  const after = logitDifferences(head, edited);
  // KL of two Bernoulli distributions with logits a and b: σ(a)(a − b) + log(1 + e^b) − log(1 + e^a).
  const kl_W = [...before].map((a, n) => {
    const b = after[n]!;
    return Math.max(0, sigmoid(a) * (a - b) + softplus(b) - softplus(a));
  });
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, v) => sum + v, 0) / values.length;
  const loss = mean(after.map((z, n) => softplus(z) - plain.outcome_N[n]! * z));
  return {
    kl: bootstrap(kl_W, mean, random(0).fork('collateral')),
    kl_W,
    perplexity: Math.exp(loss),
    deltaX: meanMove(plain.x_ND, edited, decoder.width),
  };
}

/**
 * Fisher metric over strengths at α: G_ij = ⟨p(1 − p) s_i s_j⟩ over records, s_i = f_i d_i·(w₁ − w₀), p the edited answer:
 * the second derivative of KL(α ‖ α′) at α′ = α (Amari 2016, §2.2), row-major [n, n].
 */
export function tableFisher(
  decoder: Decoder,
  head: Head,
  plain: BiasRows,
  features: readonly number[],
  alpha: Float64Array,
): Float64Array {
  const { width: D, features: F, W_dec_FD } = decoder;
  const z_N = logitDifferences(head, editedStates(decoder, plain, { kind: 'strengths', features, alpha }));
  const writes = features.map((feature) => {
    let sum = 0;
    for (let d = 0; d < D; d++)
      sum += W_dec_FD[feature * D + d]! * (head.W_out[2 * d + 1]! - head.W_out[2 * d]!);
    return sum;
  });
  const n = features.length;
  const metric = new Float64Array(n * n);
  z_N.forEach((z, row) => {
    const p = sigmoid(z);
    const slopes = features.map((feature, i) => plain.features_NF[row * F + feature]! * writes[i]!);
    for (let i = 0; i < n; i++) {
      if (slopes[i] === 0) continue;
      for (let j = 0; j < n; j++) metric[i * n + j]! += (p * (1 - p) * slopes[i]! * slopes[j]!) / z_N.length;
    }
  });
  return metric;
}
