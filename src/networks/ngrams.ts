/** @file N-gram models of tokens with modified Kneser–Ney smoothing (Chen & Goodman 1998, TR-10-98, §3): what a network has to beat. */

/** A conditional distribution over tokens, given those before. */
export interface NgramModel {
  readonly order: number;
  /** Probability of `stream[at]` after the order − 1 tokens before it (fewer at the beginning). */
  probability(stream: ArrayLike<number>, at: number): number;
}

/** How often each gram of one order was seen, and for each context what follows it. */
interface Level {
  readonly counts: Map<number, number>;
  readonly contexts: Map<number, Follow>;
  /** Discounts of counts 1, 2 and 3 or more. */
  readonly discounts: readonly [number, number, number];
}

/** Of one context: all counts, and how many different tokens followed it once, twice, more often. */
interface Follow {
  total: number;
  readonly kinds: [number, number, number];
}

/**
 * The model of an order (1 unigram, 2 bigram, 3 trigram) from a stream of tokens below `vocabulary`. The highest order
 * discounts raw counts, lower ones count in how many different contexts a token was seen; each hands what it takes off
 * to the order below, and the lowest to the uniform distribution. Every token has a probability above 0.
 */
export function ngramModel(stream: ArrayLike<number>, order: 1 | 2 | 3, vocabulary: number): NgramModel {
  const levels: Level[] = [];
  let grams = countGrams(stream, order, vocabulary);
  for (let n = order; n >= 1; n--) {
    levels.unshift(levelOf(grams, vocabulary));
    if (n > 1) grams = continuations(grams, vocabulary ** (n - 1));
  }
  return {
    order,
    probability(tokens, at) {
      const token = tokens[at]!;
      let p = 1 / vocabulary;
      let context = 0;
      for (let n = 1; n <= Math.min(order, at + 1); n++) {
        if (n > 1) context += tokens[at - n + 1]! * vocabulary ** (n - 2);
        const { counts, contexts, discounts } = levels[n - 1]!;
        const follow = contexts.get(context);
        if (!follow) break;
        const count = counts.get(context * vocabulary + token) ?? 0;
        const kept = count === 0 ? 0 : count - discounts[kindOf(count)]!;
        const taken = follow.kinds.reduce((sum, kinds, i) => sum + kinds * discounts[i]!, 0);
        p = (kept + taken * p) / follow.total;
      }
      return p;
    },
  };
}

/** A gram as one number: its last token counts least. */
function countGrams(stream: ArrayLike<number>, order: number, vocabulary: number): Map<number, number> {
  const counts = new Map<number, number>();
  const most = vocabulary ** order;
  let key = 0;
  for (let i = 0; i < stream.length; i++) {
    key = (key * vocabulary + stream[i]!) % most;
    if (i >= order - 1) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** For each gram without its first token: how many different first tokens it was seen with. */
function continuations(grams: ReadonlyMap<number, number>, first: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const key of grams.keys()) {
    const rest = key % first;
    counts.set(rest, (counts.get(rest) ?? 0) + 1);
  }
  return counts;
}

const kindOf = (count: number): 0 | 1 | 2 => (count === 1 ? 0 : count === 2 ? 1 : 2);

function levelOf(counts: Map<number, number>, vocabulary: number): Level {
  const contexts = new Map<number, Follow>();
  const countsOf = [0, 0, 0, 0];
  for (const [key, count] of counts) {
    const context = Math.floor(key / vocabulary);
    const follow = contexts.get(context) ?? { total: 0, kinds: [0, 0, 0] };
    contexts.set(context, follow);
    follow.total += count;
    follow.kinds[kindOf(count)]++;
    if (count <= 4) countsOf[count - 1]!++;
  }
  return { counts, contexts, discounts: discountsOf(countsOf) };
}

/** D₁, D₂, D₃₊ from how many grams were seen 1, 2, 3 and 4 times (Chen & Goodman 1998, eq. 26); ½ where none were. */
function discountsOf([n1 = 0, n2 = 0, n3 = 0, n4 = 0]: readonly number[]): [number, number, number] {
  const y = n1 / (n1 + 2 * n2);
  const discount = (k: number, here: number, above: number) => {
    const d = k - ((k + 1) * y * above) / here;
    return Number.isFinite(d) && d > 0 && d < k ? d : 0.5;
  };
  return [discount(1, n1, n2), discount(2, n2, n3), discount(3, n3, n4)];
}
