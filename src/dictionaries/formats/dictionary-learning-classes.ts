/** @file The classes of dictionary_learning that hold a dictionary (dictionary.py and trainers/*.py, version 0.1.0). */
import type { Architecture } from '../kinds/registry.ts';

export const CONFIG = 'config.json';

const linear = ['encoder.weight', 'encoder.bias', 'decoder.weight'];
const topk = [...linear, 'b_dec', 'k', 'threshold'];
const plain = ['W_enc', 'b_enc', 'W_dec', 'b_dec', 'threshold'];

/** A class of dictionary.py or the trainers: its tensors, and how it encodes. */
export interface DictionaryClass {
  readonly tensors: readonly string[];
  readonly is: Architecture;
  /** Names of the biases. */
  readonly b_dec: string;
  readonly b_enc: string;
  /** Whether the encoder reads x − b_dec. */
  readonly centred: boolean;
  /** Whether its weights are those of torch.nn.Linear: [out, in]. */
  readonly isLinear: boolean;
}

/** By `dict_class`. */
export const classes: Readonly<Record<string, DictionaryClass>> = {
  AutoEncoder: {
    tensors: ['bias', ...linear],
    is: 'relu',
    b_dec: 'bias',
    b_enc: 'encoder.bias',
    centred: true,
    isLinear: true,
  },
  AutoEncoderNew: {
    ...{ tensors: [...linear, 'decoder.bias'], is: 'relu', b_dec: 'decoder.bias', b_enc: 'encoder.bias' },
    ...{ centred: false, isLinear: true },
  },
  GatedAutoEncoder: {
    tensors: ['decoder_bias', 'r_mag', 'gate_bias', 'mag_bias', 'encoder.weight', 'decoder.weight'],
    ...{ is: 'gated', b_dec: 'decoder_bias', b_enc: 'gate_bias', centred: true, isLinear: true },
  },
  JumpReluAutoEncoder: {
    tensors: plain,
    is: 'jumprelu',
    b_dec: 'b_dec',
    b_enc: 'b_enc',
    centred: false,
    isLinear: false,
  },
  AutoEncoderTopK: {
    tensors: topk,
    is: 'topk',
    b_dec: 'b_dec',
    b_enc: 'encoder.bias',
    centred: true,
    isLinear: true,
  },
  BatchTopKSAE: {
    tensors: topk,
    is: 'batchtopk',
    b_dec: 'b_dec',
    b_enc: 'encoder.bias',
    centred: true,
    isLinear: true,
  },
  MatryoshkaBatchTopKSAE: {
    tensors: [...plain, 'k', 'group_sizes'],
    ...{ is: 'matryoshka', b_dec: 'b_dec', b_enc: 'b_enc', centred: true, isLinear: false },
  },
};
