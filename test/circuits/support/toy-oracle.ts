/** @file Effects of the hand-made nets from their written-out Jacobians: shares no code with the product. */
import type { Dictionary } from '../../../src/dictionaries/types.ts';
import type { Toy, Values } from './toys.ts';

/** Node = position · (F + 1) + feature, F for the error node, as the product numbers them. */
export type Nodes = Map<number, number[]>;

const D = 2;
const dictionaryAt = (toy: Toy, site: string) => toy.dictionaries.find((d) => d.site === site);

/** λ = ∂m/∂x at every place: the sum over children of Jᵀ λ. */
export function costates(toy: Toy, at: Values): Record<string, number[]> {
  const found: Record<string, number[]> = { metric: [1] };
  for (const site of [...toy.sites].reverse()) {
    const sum = [0, 0, 0, 0];
    for (const child of [...toy.sites.slice(toy.sites.indexOf(site) + 1), 'metric']) {
      const J = toy.direct(site, child, at);
      J?.forEach((row, i) => {
        for (const [j, w] of row.entries()) sum[j]! += w * found[child]![i]!;
      });
    }
    found[site] = sum;
  }
  return found;
}

/** ẋ at every place when the embedding moves by `move`: the sum over parents of J ẋ. */
export function tangents(toy: Toy, at: Values, move: readonly number[]): Record<string, number[]> {
  const found: Record<string, number[]> = { embed: [...move] };
  for (const site of toy.sites.slice(1)) {
    const sum = [0, 0, 0, 0];
    for (const parent of toy.sites.slice(0, toy.sites.indexOf(site))) {
      toy.direct(parent, site, at)?.forEach((row, i) => {
        for (const [j, w] of row.entries()) sum[i]! += w * found[parent]![j]!;
      });
    }
    found[site] = sum;
  }
  return found;
}

/** What each node of a place adds to x when it moves: feature changes along decoder rows, and the rest. */
export function moves(
  toy: Toy,
  site: string,
  change: readonly number[],
  features: (position: number) => ReadonlyMap<number, number>,
): Nodes {
  const d = dictionaryAt(toy, site);
  const F = d?.features ?? 0;
  const all: Nodes = new Map();
  for (const position of [0, 1]) {
    const rest = [0, 0, 0, 0];
    for (let i = 0; i < D; i++) rest[position * D + i] = change[position * D + i]!;
    for (const [f, value] of features(position)) {
      const own = [0, 0, 0, 0];
      for (let i = 0; i < D; i++) own[position * D + i] = value * d!.W_dec_FD[f * D + i]!;
      own.forEach((v, i) => {
        rest[i]! -= v;
      });
      all.set(position * (F + 1) + f, own);
    }
    all.set(position * (F + 1) + F, rest);
  }
  return all;
}

/** f^patch − f^clean of features that are active on either side. */
export function featureChanges(
  toy: Toy,
  d: Dictionary | undefined,
  clean: readonly number[],
  patch: readonly number[],
) {
  return (position: number): Map<number, number> => {
    if (!d) return new Map();
    const row = (x: readonly number[]) => x.slice(position * D, (position + 1) * D);
    const changes = toy.read(d, position, row(patch));
    for (const [f, v] of toy.read(d, position, row(clean))) changes.set(f, (changes.get(f) ?? 0) - v);
    return changes;
  };
}

/** ḟ of features that are active at x. */
export function featureTangents(
  toy: Toy,
  d: Dictionary | undefined,
  x: readonly number[],
  move: readonly number[],
) {
  return (position: number): Map<number, number> => {
    if (!d) return new Map();
    const active = toy.read(d, position, x.slice(position * D, (position + 1) * D));
    return new Map(
      [...active.keys()].map((f) => [
        f,
        d.W_enc_FD[f * D]! * move[position * D]! + d.W_enc_FD[f * D + 1]! * move[position * D + 1]!,
      ]),
    );
  };
}

export const product = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** ∂(p_v v)/∂x of every node of a place: through the encoder row, and what is left of λ. */
export function pulls(toy: Toy, site: string, x: readonly number[], lambda: readonly number[]): Nodes {
  const d = dictionaryAt(toy, site);
  const F = d?.features ?? 0;
  const all: Nodes = new Map();
  for (const position of [0, 1]) {
    const rest = [0, 0, 0, 0];
    for (let i = 0; i < D; i++) rest[position * D + i] = lambda[position * D + i]!;
    const active = d ? toy.read(d, position, x.slice(position * D, (position + 1) * D)) : new Map();
    for (const f of active.keys()) {
      const p = product(lambda.slice(position * D, (position + 1) * D), [
        ...d!.W_dec_FD.subarray(f * D, (f + 1) * D),
      ]);
      const own = [0, 0, 0, 0];
      for (let i = 0; i < D; i++) own[position * D + i] = p * d!.W_enc_FD[f * D + i]!;
      own.forEach((v, i) => {
        rest[i]! -= v;
      });
      all.set(position * (F + 1) + f, own);
    }
    all.set(position * (F + 1) + F, rest);
  }
  return all;
}

/** −pull · J · move for every pair of nodes: edges in energy direction, `${from}/${source}>${to}/${target}`. */
export function edges(
  toy: Toy,
  at: Values,
  lambda: Readonly<Record<string, number[]>>,
  movesAt: (site: string) => Nodes,
): Map<string, number> {
  const found = new Map<string, number>();
  for (const to of [...toy.sites.slice(1), 'metric']) {
    const targets: Nodes = to === 'metric' ? new Map([[0, [1]]]) : pulls(toy, to, at[to]!, lambda[to]!);
    for (const from of toy.sites.slice(0, to === 'metric' ? undefined : toy.sites.indexOf(to))) {
      const J = toy.direct(from, to, at);
      if (!J) continue;
      for (const [source, move] of movesAt(from)) {
        const arrived = J.map((row) => product(row, move));
        for (const [target, pull] of targets) {
          found.set(`${from}/${source}>${to}/${target}`, -product(pull, arrived));
        }
      }
    }
  }
  return found;
}
