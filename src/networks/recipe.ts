/** @file A small language model from text alone: split, vocabulary, training, all as one recipe that repeats to the bit. */
import { contentHash } from '../core/hash.ts';
import type { WorkContext } from '../core/progress.ts';
import type { TextDocument } from '../data/document.ts';
import { adamW } from '../mechanics/optimisers/adam.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import type { ModelShape, Tokenizer, TokenizerFiles } from '../models/types.ts';
import { trainBytePairs } from './byte-pairs.ts';
import { languageObjective } from './language.ts';
import { warmUpCosine } from './schedule.ts';
import {
  type BatchOptions,
  batchesInOrder,
  shuffledBatches,
  splitDocuments,
  tokenStream,
} from './token-stream.ts';
import { type Trained, train } from './train.ts';

export interface LanguageRecipe {
  readonly name: string;
  readonly seed: number;
  /** Share of the text that is never learned from. */
  readonly heldOutShare: number;
  readonly shape: ModelShape;
  /** Tokens in a window, and windows in a batch. */
  readonly length: number;
  readonly batch: number;
  readonly steps: number;
  /** Highest learning rate, steps of warm-up, and the share of the rate that is left at the end. */
  readonly rate: number;
  readonly warmUp: number;
  readonly floor: number;
  readonly weightDecay: number;
  readonly beta2: number;
  readonly clip: number;
  /** Windows of the held-out curve. */
  readonly curveWindows: number;
  /** Steps between points of the curve. */
  readonly every: number;
}

/** The recipe of the model in models/tiny: 1.3 million parameters, 7.2 million tokens. */
export const tinyRecipe: LanguageRecipe = {
  name: 'tiny',
  seed: 0,
  heldOutShare: 0.05,
  shape: {
    family: 'llama',
    layers: 4,
    width: 128,
    heads: 4,
    kvHeads: 4,
    headWidth: 32,
    mlpWidth: 352,
    vocabulary: 4096,
    context: 256,
    ropeBase: 10_000,
    normEpsilon: 1e-5,
    tied: true,
  },
  length: 256,
  batch: 4,
  steps: 7_000,
  rate: 4e-3,
  warmUp: 200,
  floor: 0.02,
  weightDecay: 0.1,
  beta2: 0.99,
  clip: 1,
  curveWindows: 128,
  every: 200,
};

/** A text split for a recipe, with the vocabulary learned from its training side. */
export interface LanguageData {
  readonly train: readonly TextDocument[];
  readonly heldOut: readonly TextDocument[];
  readonly files: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  readonly trainStream: Int32Array;
  readonly heldOutStream: Int32Array;
}

/** Splits documents, learns the vocabulary from the training side, and tokenizes both sides. */
export function languageData(recipe: LanguageRecipe, documents: readonly TextDocument[]): LanguageData {
  const { train, heldOut } = splitDocuments(documents, { share: recipe.heldOutShare, seed: recipe.seed });
  const files = trainBytePairs(
    train.map((d) => d.text),
    { size: recipe.shape.vocabulary },
  );
  const tokenizer = openTokenizer(files, recipe.name);
  const trainStream = tokenStream(train, tokenizer);
  const heldOutStream = tokenStream(heldOut, tokenizer);
  return { train, heldOut, files, tokenizer, trainStream, heldOutStream };
}

/**
 * Trains the recipe's model. `folder` keeps checkpoints: a stopped training goes on from there, to the bit.
 * @throws as train() and shuffledBatches()
 */
export function trainLanguageModel(
  recipe: LanguageRecipe,
  { trainStream, heldOutStream }: LanguageData,
  context: WorkContext & { readonly threads: number; readonly folder?: string },
): Promise<Trained> {
  const { name, seed, shape, steps, rate, warmUp, floor, beta2, weightDecay, clip, every } = recipe;
  const options: BatchOptions = { length: recipe.length, batch: recipe.batch, start: 0 };
  const curveTokens = heldOutStream.subarray(0, recipe.curveWindows * recipe.length);
  const { folder, ...rest } = context;
  const key = contentHash({ recipe, trainStream: contentHash([...trainStream]) });
  return train(
    {
      ...{ name, steps, clip, every },
      objective: languageObjective(shape, seed),
      batch: shuffledBatches(trainStream, options, seed),
      optimiser: adamW({ learningRate: warmUpCosine({ rate, warmUp, steps, floor }), beta2, weightDecay }),
      heldOut: batchesInOrder(curveTokens, options),
    },
    { ...rest, ...(folder === undefined ? {} : { checkpoint: { folder, key } }) },
  );
}
