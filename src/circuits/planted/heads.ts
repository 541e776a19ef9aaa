/** @file Planted networks with attention: a parallel block, and an induction head. */
import type { Random } from '../../core/random.ts';
import { and, BOS, bit, bitPrompts, bitTokens, idle, NOISE, type Planted, yesNo } from './planted.ts';

/** A parallel block: attention fetches a from the first word while gates join b and c of the second. */
export function parallel(): Planted {
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
export function induction(): Planted {
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
