/** @file What a planted network is, and the parts that they are made of: bits, gates that join them, answers of yes and no. */
import type { Random } from '../../core/random.ts';
import type { Pairs } from '../examples.ts';
import type { Gate, Wires, Wiring } from './compile.ts';
import { plantedCircuit, type Truth } from './truth.ts';

/** A wiring with the inputs it is tried on. */
export interface Planted {
  readonly name: string;
  /** What it computes, in one line. */
  readonly meaning: string;
  readonly wiring: Wiring;
  /** The circuit, where it is not what the wires say. */
  readonly truth?: Truth;
  /** The planted algorithm: index of the answer to a prompt. */
  readonly answer: (tokens: readonly number[]) => number;
  /** A prompt, and one whose answer differs. */
  readonly pair: (chance: Random) => { readonly clean: number[]; readonly patch: number[] };
}

/** Noise on every weight, against wires that carry numbers around 1. */
export const NOISE = 0.03;

/** The circuit that is planted. */
export const truthOf = ({ truth, wiring }: Planted): Truth => truth ?? plantedCircuit(wiring);

/** Prompts of a planted network and counterparts with another answer. */
export function plantedPairs({ answer, pair }: Planted, examples: number, chance: Random): Pairs {
  const rows = Array.from({ length: examples }, () => pair(chance));
  return {
    examples,
    positions: rows[0]?.clean.length ?? 0,
    clean_BT: Int32Array.from(rows.flatMap((r) => r.clean)),
    patch_BT: Int32Array.from(rows.flatMap((r) => r.patch)),
    answer_B: Int32Array.from(rows, (r) => answer(r.clean)),
    wrong_B: Int32Array.from(rows, (r) => answer(r.patch)),
  };
}

/** Wires that nothing planted reads. */
export const idle = ['idle1', 'idle2', 'idle3'];

/** max(0, Σ wires − (n − ½)) · 2: 1 when all n of 0 and 1 are 1, else 0, with room for noise. */
export const and = (of: readonly string[], to: string, planted = true): Gate => ({
  reads: Object.fromEntries(of.map((wire) => [wire, 1])),
  bias: 0.5 - of.length,
  writes: { [to]: 2 },
  planted,
});

/** 1 − max(0, ½ − Σ wires) · 2, the 1 being left to the reader: −1 when all are 0, else 0. */
export const nor = (of: readonly string[], to: string, planted = true): Gate => ({
  reads: Object.fromEntries(of.map((wire) => [wire, -1])),
  bias: 0.5,
  writes: { [to]: -2 },
  planted,
});

export const BOS = { start: 1 };

/** Tokens 0 … 2ⁿ−1 put their bits on n wires; the token behind them starts a prompt. */
export const bitTokens = (names: readonly string[]): Wires[] => [
  ...Array.from({ length: 2 ** names.length }, (_, token) =>
    Object.fromEntries(names.flatMap((name, i) => ((token >> i) & 1 ? [[name, 1] as const] : []))),
  ),
  BOS,
];

/** Logits [no, yes] that differ by 4 times the wires. */
export const yesNo = (reads: Wires, bias: number) => [
  { reads: Object.fromEntries(Object.entries(reads).map(([wire, w]) => [wire, -2 * w])), bias: -2 * bias },
  { reads: Object.fromEntries(Object.entries(reads).map(([wire, w]) => [wire, 2 * w])), bias: 2 * bias },
];

export const bit = (token: number, i: number): number => (token >> i) & 1;

/** Prompts of a start and `words` tokens of n bits. */
export function bitPrompts(
  bits: number,
  words: number,
  answer: Planted['answer'],
): Pick<Planted, 'answer' | 'pair'> {
  const prompt = (chance: Random) => [
    2 ** bits,
    ...Array.from({ length: words }, () => chance.integer(2 ** bits)),
  ];
  return {
    answer,
    pair(chance) {
      const clean = prompt(chance);
      let patch = prompt(chance);
      while (answer(patch) === answer(clean)) patch = prompt(chance);
      return { clean, patch };
    },
  };
}
