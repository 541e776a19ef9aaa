/** @file Choosing nodes: rank all effects by size, cut off where asked, draw random circuits of the same make-up. */
import type { Random } from '../core/random.ts';
import type { PlaceEffects } from './effects.ts';

/** A feature (`feature` ≥ 0) or the error node (`feature` = ERROR) at one position of one place. */
export interface NodeRef {
  readonly site: string;
  readonly position: number;
  readonly feature: number;
}

/** Stands in `NodeRef.feature` for the error node. */
export const ERROR = -1;

export interface RankedNode extends NodeRef {
  readonly effect: number;
}

/** Stable id: `${site}:${position}:f${feature}` or `${site}:${position}:err`. */
export const nodeId = (node: NodeRef): string =>
  `${node.site}:${node.position}:${node.feature === ERROR ? 'err' : `f${node.feature}`}`;

/** Whether each position is ranked for itself, or features by the sum over their positions (Marks et al. 2024). */
export type Aggregation = 'none' | 'sum';

/**
 * Every node with an effect, largest |effect| first (ties by id, so that the order is stable). With `sum` the positions of a
 * feature (and error nodes of a place) stay together and go by |Σ over positions|.
 */
export function rankNodes(effects: readonly PlaceEffects[], aggregation: Aggregation = 'none'): RankedNode[] {
  const nodes: RankedNode[] = [];
  const depth = new Map(effects.map((e) => [e.site, e.depth]));
  for (const { site, positions, features, features_TF, errors_T } of effects) {
    for (let position = 0; position < positions; position++) {
      const error = errors_T[position]!;
      if (error !== 0) nodes.push({ site, position, feature: ERROR, effect: error });
      for (let feature = 0; feature < features; feature++) {
        const effect = features_TF[position * features + feature]!;
        if (effect !== 0) nodes.push({ site, position, feature, effect });
      }
    }
  }
  const sums = new Map<string, number>();
  const whole = ({ site, feature }: NodeRef) => `${site}:${feature}`;
  if (aggregation === 'sum') {
    for (const node of nodes) sums.set(whole(node), (sums.get(whole(node)) ?? 0) + node.effect);
  }
  const size = (node: RankedNode) => Math.abs(sums.get(whole(node)) ?? node.effect);
  return nodes.sort(
    (a, b) =>
      size(b) - size(a) ||
      (aggregation === 'sum' ? compareText(whole(a), whole(b)) : 0) ||
      Math.abs(b.effect) - Math.abs(a.effect) ||
      depth.get(a.site)! - depth.get(b.site)! ||
      a.position - b.position ||
      a.feature - b.feature,
  );
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Which nodes stay as they are, by site: 1 = kept, 0 = set to its mean. */
export interface Masks {
  readonly features_TF: Uint8Array;
  readonly errors_T: Uint8Array;
}

/** Masks that keep exactly `nodes` at one place. */
export function masksOf(
  nodes: Iterable<NodeRef>,
  site: string,
  shape: { readonly positions: number; readonly features: number },
): Masks {
  const features_TF = new Uint8Array(shape.positions * shape.features);
  const errors_T = new Uint8Array(shape.positions);
  for (const node of nodes) {
    if (node.site !== site) continue;
    if (node.feature === ERROR) errors_T[node.position] = 1;
    else features_TF[node.position * shape.features + node.feature] = 1;
  }
  return { features_TF, errors_T };
}

/** Masks that keep everything but those of `masks`: M∖C. */
export const complement = (masks: Masks): Masks => ({
  features_TF: masks.features_TF.map((keep) => 1 - keep),
  errors_T: masks.errors_T.map((keep) => 1 - keep),
});

/**
 * As many features and as many error nodes as `circuit` has, drawn without replacement among `candidates`
 * (the nodes that are ever active): the null a circuit has to beat.
 */
export function randomCircuit(
  circuit: readonly NodeRef[],
  candidates: readonly NodeRef[],
  random: Random,
): NodeRef[] {
  const isError = (node: NodeRef) => node.feature === ERROR;
  const errors = circuit.filter(isError).length;
  const draw = (from: readonly NodeRef[], count: number) => {
    const pool = [...from];
    const taken = Math.min(count, pool.length);
    for (let i = 0; i < taken; i++) {
      const j = i + random.integer(pool.length - i);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
    }
    return pool.slice(0, taken);
  };
  return [
    ...draw(
      candidates.filter((n) => !isError(n)),
      circuit.length - errors,
    ),
    ...draw(candidates.filter(isError), errors),
  ];
}
