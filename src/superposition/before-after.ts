/** @file Before and after: the tangled neurons of a toy model, a dictionary learned from them, and whether it found the features. */
import { random } from '../core/random.ts';
import { assignment, recovery } from '../dictionaries/synthetic.ts';
import { trainDictionary } from '../dictionaries/train.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { hiddenStates, nonZeroRows, sampleInputs } from './inputs.ts';
import { encoderResponses, neuronResponses, type Responses, responses, trueDirections } from './responses.ts';
import type { ToyContext } from './train.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** How a dictionary is trained on a toy's hidden states. */
export interface DisentangleOptions {
  /** Inputs drawn; those without an active feature are left out. 40,000 unless given. */
  readonly rows?: number;
  /** Features of the dictionary; twice as many as are represented unless given. */
  readonly units?: number;
  /** Active features a row; 2 unless given. */
  readonly k?: number;
  readonly passes?: number;
  readonly seed?: number;
}

/** The two states, and how well the second one is the truth. */
export interface Disentangled {
  /** The toy's neurons. */
  readonly before: Responses;
  /** The dictionary's features, one for each represented feature of the toy: those that were assigned to them. */
  readonly after: Responses;
  readonly dictionary: Dictionary;
  /** Mean cosine of represented features (‖W_i‖ > 0.5) with the units that an optimal assignment gives them. */
  readonly mcc: number;
  /** The same of a dictionary of random directions: the null. */
  readonly randomMcc: number;
}

/** The code that a TopK dictionary gives to each feature alone, of the units that are assigned to the true directions. */
function assignedCode(weights: ToyWeights, d: Dictionary, k: number, truth: Float32Array): Responses {
  const { features: n, neurons: m } = weights;
  const all = encoderResponses(weights, d.W_enc_FD, d.b_enc_F);
  const found = assignment(d.W_dec_FD, truth, m);
  return responses(n, found.length, (i) => {
    const code = Array.from({ length: all.units }, (_, u) => all.response_UN[u * n + i]!);
    const least = code.toSorted((a, b) => b - a)[k - 1] ?? 0;
    return [...found].map((u) => (code[u]! >= least ? code[u]! : 0));
  });
}

/** Trains a TopK dictionary on the hidden states of a toy model and compares it with the features that are there. */
export async function disentangle(
  task: ToyTask,
  weights: ToyWeights,
  options: DisentangleOptions,
  context: ToyContext,
): Promise<Disentangled> {
  const m = weights.neurons;
  const truth = trueDirections(weights);
  const { rows = 40_000, units = (2 * truth.length) / m, k = 2, passes = 20, seed = 0 } = options;
  const h = nonZeroRows(hiddenStates(weights, sampleInputs(task, rows, random(seed).fork('inputs'))), m);
  const { dictionary } = await trainDictionary(
    { x_ND: Float32Array.from(h), width: m },
    {
      architecture: 'topk',
      ...{ site: 'toy hidden state', modelHash: 'toy', sinkNorm: Number.MAX_VALUE },
      ...{ features: units, k, passes, seed, batch: 512, learningRate: 0.01 },
      ...{ normalise: 'none', startFrom: 'data', preBias: false },
    },
    { ...context, threads: 1 },
  );
  const stream = random(seed).fork('null');
  const chance = Float32Array.from({ length: units * m }, () => stream.normal());
  return {
    before: neuronResponses(weights),
    after: assignedCode(weights, dictionary, k, truth),
    dictionary,
    mcc: recovery(dictionary.W_dec_FD, truth, m).matched,
    randomMcc: recovery(chance, truth, m).matched,
  };
}
