/** @file Planted networks of gates alone: redundant causes, parity, a choice by multiplication, two ways of opposite sign. */
import type { Gate } from './compile.ts';
import { and, bit, bitPrompts, bitTokens, idle, NOISE, nor, type Planted, yesNo } from './planted.ts';

/** (a ∧ b) ∨ (c ∧ d): redundant causes and saturated gates. */
export function andOr(): Planted {
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
export function parity(): Planted {
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
export function gate(): Planted {
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
export function twoPaths(): Planted {
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
