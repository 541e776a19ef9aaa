/** @file Names for clusters, from their examples: the words that stand in them more often than elsewhere. */
import type { Context } from './contexts.ts';

export interface ClusterName {
  /** E.g. `→ " is", " are" after " that"`. */
  readonly text: string;
  /** Next tokens that mark the cluster, most telling first. */
  readonly answers: readonly string[];
  /** Tokens near the end that mark the cluster. */
  readonly words: readonly string[];
}

/** Tokens from the end of a context that names look at. */
const REACH = 12;

/**
 * Suggests a name for each cluster. Words are ranked by count × log-odds against all other contexts, with a prior of the
 * whole (Monroe, Colaresi & Quinn 2008), counted once a context.
 */
export function nameClusters(
  contexts: readonly Context[],
  clusters: readonly number[],
  decode: (token: number) => string,
): ClusterName[] {
  const count = Math.max(-1, ...clusters) + 1;
  return Array.from({ length: count }, (_, cluster) => {
    const inside = contexts.filter((_, i) => clusters[i] === cluster);
    const outside = contexts.filter((_, i) => clusters[i] !== cluster);
    const telling = (tokensOf: (context: Context) => readonly number[], most: number) =>
      marking(inside.map(tokensOf), outside.map(tokensOf), most).map(decode);
    const answers = telling((context) => [context.answer], 3);
    const words = telling((context) => context.tokens.slice(-REACH), 3);
    const list = (tokens: readonly string[]) => tokens.map((token) => JSON.stringify(token)).join(', ');
    return {
      text: `→ ${list(answers) || '?'}${words.length > 0 ? ` after ${list(words)}` : ''}`,
      answers,
      words,
    };
  });
}

/** The `most` tokens that mark `inside`. */
function marking(
  inside: readonly (readonly number[])[],
  outside: readonly (readonly number[])[],
  most: number,
): number[] {
  const counts = (rows: readonly (readonly number[])[]) => {
    const all = new Map<number, number>();
    for (const row of rows) for (const token of new Set(row)) all.set(token, (all.get(token) ?? 0) + 1);
    return all;
  };
  const [own, other] = [counts(inside), counts(outside)];
  const share = (count: number, of: number, token: number) => {
    const prior = ((own.get(token) ?? 0) + (other.get(token) ?? 0)) / (inside.length + outside.length);
    return (count + prior) / (of + 1);
  };
  return [...own]
    .map(([token, count]) => {
      const odds = share(count, inside.length, token) / share(other.get(token) ?? 0, outside.length, token);
      return { token, score: count * Math.log(odds) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.token - b.token)
    .slice(0, most)
    .map(({ token }) => token);
}
