/** @file Seeded randomness: every random choice takes a Random, so a run can be repeated to the bit. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform integer in [0, n). */
  integer(n: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** A new array with the items in random order (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** 0 … n−1 in random order. */
  permutation(n: number): Uint32Array;
  /** An independent stream named `label`: drawing from it never shifts this one. */
  fork(label: string): Random;
}

/** A stream of random numbers from a seed (xoroshiro128+). */
export function random(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0);
  let spare: number | undefined;
  const uniform = () => uniformFloat64(generator);
  const integer = (n: number) => Math.floor(uniform() * n);
  const permutation = (n: number) => {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = integer(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  };
  return {
    uniform,
    integer,
    permutation,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    shuffle: (items) => Array.from(permutation(items.length), (i) => items[i]!),
    fork: (label) => random(mix(seed, label)),
  };
}

/** FNV-1a of the label, mixed with the seed. */
function mix(seed: number, label: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash | 0;
}
