/** @file The planted networks: boolean circuits, a gate, two paths, a parallel block, an induction head; each with distractors. */
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
const NOISE = 0.03;

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
const idle = ['idle1', 'idle2', 'idle3'];

/** max(0, Σ wires − (n − ½)) · 2: 1 when all n of 0 and 1 are 1, else 0, with room for noise. */
const and = (of: readonly string[], to: string, planted = true): Gate => ({
  reads: Object.fromEntries(of.map((wire) => [wire, 1])),
  bias: 0.5 - of.length,
  writes: { [to]: 2 },
  planted,
});

/** 1 − max(0, ½ − Σ wires) · 2, the 1 being left to the reader: −1 when all are 0, else 0. */
const nor = (of: readonly string[], to: string, planted = true): Gate => ({
  reads: Object.fromEntries(of.map((wire) => [wire, -1])),
  bias: 0.5,
  writes: { [to]: -2 },
  planted,
});

const BOS = { start: 1 };

/** Tokens 0 … 2ⁿ−1 put their bits on n wires; the token behind them starts a prompt. */
export const bitTokens = (names: readonly string[]): Wires[] => [
  ...Array.from({ length: 2 ** names.length }, (_, token) =>
    Object.fromEntries(names.flatMap((name, i) => ((token >> i) & 1 ? [[name, 1] as const] : []))),
  ),
  BOS,
];

/** Logits [no, yes] that differ by 4 times the wires. */
const yesNo = (reads: Wires, bias: number) => [
  { reads: Object.fromEntries(Object.entries(reads).map(([wire, w]) => [wire, -2 * w])), bias: -2 * bias },
  { reads: Object.fromEntries(Object.entries(reads).map(([wire, w]) => [wire, 2 * w])), bias: 2 * bias },
];

const bit = (token: number, i: number): number => (token >> i) & 1;

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

/** (a ∧ b) ∨ (c ∧ d): redundant causes and saturated gates. */
function andOr(): Planted {
  const bits = ['a', 'b', 'c', 'd', 'e', 'f'];
  return {
    name: 'and-or',
    meaning: '(a ∧ b) ∨ (c ∧ d), with gates on e and f that nothing reads',
    ...bitPrompts(6, 1, ([, x]) => (bit(x!, 0) & bit(x!, 1)) | (bit(x!, 2) & bit(x!, 3))),
    wiring: {
      wires: [...bits, 'start', 'ab', 'cd', 'y', ...idle],
      positions: 2,
      tokens: bitTokens(bits),
      blocks: [
        {
          gates: [
            and(['a', 'b'], 'ab'),
            and(['c', 'd'], 'cd'),
            and(['e', 'f'], 'idle1', false),
            nor(['a', 'e'], 'idle2', false),
          ],
        },
        { gates: [nor(['ab', 'cd'], 'y'), and(['ab', 'e'], 'idle3', false)] },
      ],
      answers: yesNo({ y: 1 }, 0.5),
      noise: NOISE,
    },
  };
}

/** (a ⊕ b) ⊕ c: no first-order effect of an input on its own. */
function parity(): Planted {
  const bits = ['a', 'b', 'c', 'd', 'e'];
  const xor = (p: string, q: string, to: string, scale: number): Gate[] => [
    { reads: { [p]: 1, [q]: 1 }, writes: { [to]: scale }, planted: true },
    { reads: { [p]: 1, [q]: 1 }, bias: -1, writes: { [to]: -2 * scale }, planted: true },
  ];
  return {
    name: 'parity',
    meaning: 'a ⊕ b ⊕ c, with gates on d and e that nothing reads',
    ...bitPrompts(5, 1, ([, x]) => bit(x!, 0) ^ bit(x!, 1) ^ bit(x!, 2)),
    wiring: {
      wires: [...bits, 'start', 'ab', 'y', ...idle],
      positions: 2,
      tokens: bitTokens(bits),
      blocks: [
        {
          gates: [
            ...xor('a', 'b', 'ab', 1),
            and(['d', 'e'], 'idle1', false),
            and(['a', 'd'], 'idle2', false),
          ],
        },
        { gates: [...xor('ab', 'c', 'y', 1), and(['ab', 'd'], 'idle3', false)] },
      ],
      answers: yesNo({ y: 1 }, -0.5),
      noise: NOISE,
    },
  };
}

/** s chooses between a and b by multiplication, as a gated MLP can. */
function gate(): Planted {
  const bits = ['a', 'b', 's', 'd', 'e'];
  return {
    name: 'gate',
    meaning: 'a where s is 1, b where it is 0, by gated neurons',
    ...bitPrompts(5, 1, ([, x]) => (bit(x!, 2) ? bit(x!, 0) : bit(x!, 1))),
    wiring: {
      wires: [...bits, 'start', 'not-s', 'sa', 'sb', ...idle],
      positions: 2,
      tokens: bitTokens(bits),
      blocks: [
        {
          gates: [
            { reads: { s: -1 }, bias: 1, writes: { 'not-s': 1 }, planted: true },
            and(['d', 'e'], 'idle1', false),
          ],
        },
        {
          gates: [
            { reads: { s: 1 }, gate: { a: 1 }, writes: { sa: 1 }, planted: true },
            { reads: { 'not-s': 1 }, gate: { b: 1 }, writes: { sb: 1 }, planted: true },
            { reads: { d: 1 }, gate: { a: 1 }, writes: { idle2: 1 }, planted: false },
          ],
        },
      ],
      answers: yesNo({ sa: 1, sb: 1 }, -0.5),
      noise: NOISE,
    },
  };
}

/** One cause by two ways of opposite sign, of which one is stronger; louder wires beside it go nowhere. */
function twoPaths(): Planted {
  const bits = ['a', 'b', 'c', 'd'];
  return {
    name: 'two-paths',
    meaning: 'a, by a way that adds 2 and a way that takes 1 away; loud distractors from b, c and d',
    ...bitPrompts(4, 1, ([, x]) => bit(x!, 0)),
    wiring: {
      wires: [...bits, 'start', 'plus', 'minus', 'y', ...idle],
      positions: 2,
      tokens: bitTokens(bits),
      blocks: [
        {
          gates: [
            { reads: { a: 1 }, writes: { plus: 2 }, planted: true },
            { reads: { a: 1 }, writes: { minus: 1 }, planted: true },
            { reads: { b: 1, c: 1 }, writes: { idle1: 2 }, planted: false },
            { reads: { d: 1, a: 1 }, writes: { idle2: 2 }, planted: false },
          ],
        },
        {
          gates: [
            { reads: { plus: 1 }, writes: { y: 1 }, planted: true },
            { reads: { minus: 1 }, writes: { y: -1 }, planted: true },
            { reads: { idle1: 1 }, writes: { idle3: 1 }, planted: false },
          ],
        },
      ],
      answers: yesNo({ y: 1 }, -0.5),
      noise: NOISE,
    },
  };
}

/** A parallel block: attention fetches a from the first word while gates join b and c of the second. */
function parallel(): Planted {
  const bits = ['a', 'b', 'c', 'd'];
  const first = { first: 1 };
  return {
    name: 'parallel',
    meaning: 'a of the first word ∧ (b ∧ c) of the second, fetched and joined in one parallel block',
    ...bitPrompts(4, 2, ([, x, y]) => bit(x!, 0) & bit(y!, 1) & bit(y!, 2)),
    wiring: {
      wires: [...bits, 'start', 'first', 'always', 'fetched', 'bc', 'y', ...idle],
      positions: 3,
      tokens: bitTokens(bits),
      places: [{ always: 1 }, { ...first, always: 1 }, { always: 1 }],
      blocks: [
        {
          parallel: true,
          heads: [
            {
              compares: [{ query: 'always', key: 'first' }],
              sharpness: 12,
              moves: [{ from: 'a', to: 'fetched' }],
              attends: [[2, 1]],
            },
            {
              compares: [{ query: 'always', key: 'first' }],
              sharpness: 12,
              moves: [{ from: 'd', to: 'idle1' }],
              attends: [],
            },
          ],
          gates: [and(['b', 'c'], 'bc'), and(['c', 'd'], 'idle2', false)],
        },
        { gates: [and(['fetched', 'bc'], 'y'), and(['bc', 'd'], 'idle3', false)] },
      ],
      answers: yesNo({ y: 1 }, -0.5),
      noise: NOISE,
    },
  };
}

/** … A B … A → B, by a head that moves each token one on and a head that looks for what came after (Olsson et al. 2022). */
function induction(): Planted {
  const letters = ['A', 'B', 'C', 'D', 'E', 'F'];
  const named = (prefix: string) => letters.map((letter) => `${prefix}${letter}`);
  const [now, before, next] = [named(''), named('before-'), named('next-')];
  const words = 5;
  const at = Array.from({ length: words + 1 }, (_, t) => `at${t}`);
  const answer: Planted['answer'] = (tokens) => {
    const last = tokens[words]!;
    for (let t = words - 2; t > 0; t--) if (tokens[t] === last) return tokens[t + 1]!;
    return -1;
  };
  const prompt = (chance: Random) => {
    const some = chance.shuffle(letters.map((_, i) => i)).slice(0, words - 1);
    return [letters.length, ...some, some[chance.integer(words - 2)]!];
  };
  return {
    name: 'induction',
    meaning: '… A B … A → B: a previous-token head and an induction head',
    answer,
    pair(chance) {
      const clean = prompt(chance);
      let patch = prompt(chance);
      while (answer(patch) === answer(clean)) patch = prompt(chance);
      return { clean, patch };
    },
    wiring: {
      wires: [...now, ...before, ...next, ...at, 'start', ...idle],
      positions: words + 1,
      tokens: [...now.map((wire) => ({ [wire]: 1 })), BOS],
      // Where a position looks back to is told by the wire of the one before it.
      places: at.map((wire) => ({ [wire]: 1 })),
      blocks: [
        {
          heads: [
            {
              compares: at.slice(1).map((wire, t) => ({ query: wire, key: at[t]! })),
              sharpness: 12,
              moves: now.map((from, i) => ({ from, to: before[i]! })),
              attends: Array.from({ length: words - 1 }, (_, t) => [t + 2, t + 1] as const),
            },
            {
              compares: at.slice(2).map((wire, t) => ({ query: wire, key: at[t]! })),
              sharpness: 12,
              moves: idle.map((to, i) => ({ from: now[i]!, to })),
              attends: [],
            },
          ],
        },
        {
          heads: [
            {
              compares: now.map((query, i) => ({ query, key: before[i]! })),
              sharpness: 12,
              moves: now.map((from, i) => ({ from, to: next[i]! })),
              attends: Array.from({ length: words - 2 }, (_, t) => [words, t + 2] as const),
            },
          ],
        },
      ],
      answers: next.map((wire) => ({ reads: { [wire]: 4 } })),
      noise: NOISE,
    },
  };
}

/** All planted networks that are compiled by hand. */
export const plantedNetworks = (): Planted[] => [
  andOr(),
  parity(),
  gate(),
  twoPaths(),
  parallel(),
  induction(),
];
