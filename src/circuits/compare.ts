/** @file Two circuits side by side: which nodes they share against chance, and which effects moved. */
import { contentHash } from '../core/hash.ts';
import type { Random } from '../core/random.ts';
import { bootstrap, type Estimate, quantile, spearman } from '../core/statistics.ts';
import type { EffectsFile } from './effects-file.ts';
import { ERROR, rankNodes } from './select.ts';
import type { CircuitResult } from './types.ts';

/** A node as it is compared. */
export interface ComparedNode {
  /** What the same node is called in both circuits. */
  readonly key: string;
  /** Energy −IE as a share of what the whole prompt changes, Δm: positive pushes toward the answer. */
  readonly share: number;
  readonly kind: 'feature' | 'error';
}

/** One side of a comparison. */
export interface ComparedCircuit {
  readonly name: string;
  readonly nodes: readonly ComparedNode[];
  /** All nodes that could have been chosen, for the null and for effects of nodes that the circuit leaves out. */
  readonly candidates?: readonly ComparedNode[];
}

/**
 * What counts as the same node: `position`, the same feature at the same position (the same task, before and after an edit,
 * or tasks with the same positions); `feature`, the same feature anywhere (tasks with other positions); `place`, the same
 * site alone (other models or dictionaries, whose features have nothing to do with each other).
 */
export type Alignment = 'position' | 'feature' | 'place';

export interface Mover {
  readonly key: string;
  readonly kind: 'feature' | 'error';
  readonly a: number;
  readonly b: number;
  /** b − a, in shares of Δm. */
  readonly change: number;
}

export interface CircuitComparison {
  readonly a: { readonly name: string; readonly nodes: number };
  readonly b: { readonly name: string; readonly nodes: number };
  readonly align: Alignment;
  readonly shared: readonly string[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** |A ∩ B| / |A ∪ B|. */
  readonly jaccard: number;
  /** The same of random circuits with as many features and error nodes, mean and 95 % of draws; absent without candidates. */
  readonly random?: Estimate;
  /** Spearman's correlation of shares over nodes in either circuit (a node that a side does not know counts 0). */
  readonly rankCorrelation: Estimate;
  /** Every node of either circuit, the largest change first. */
  readonly movers: readonly Mover[];
}

/**
 * The nodes of a found circuit under an alignment; positions or features that fall together are added up. With the effects of
 * all nodes, what the circuit leaves out is known too, and chance can be told from what is shared.
 */
export function comparedCircuit(
  result: CircuitResult,
  align: Alignment,
  effects?: Pick<EffectsFile, 'places'>,
): ComparedCircuit {
  const whole = result.metric.clean.value - result.metric.patch.value;
  const merged = (nodes: Iterable<NodeEffect>): ComparedNode[] => {
    const sums = new Map<string, ComparedNode>();
    for (const node of nodes) {
      const key = keyOf(align, node);
      const share = -node.effect / whole + (sums.get(key)?.share ?? 0);
      const kind = node.feature === undefined && align !== 'place' ? 'error' : 'feature';
      sums.set(key, { key, share, kind });
    }
    return [...sums.values()];
  };
  return {
    name: result.title,
    nodes: merged(result.nodes.filter(({ kind }) => kind === 'feature' || kind === 'error')),
    ...(effects ? { candidates: merged(allNodes(effects)) } : {}),
  };
}

interface NodeEffect {
  readonly site?: string;
  readonly position: number;
  /** Absent for error nodes. */
  readonly feature?: number;
  readonly effect: number;
}

/** Every node that has an effect. */
function allNodes({ places }: Pick<EffectsFile, 'places'>): NodeEffect[] {
  return rankNodes(places.map((place) => place.effects)).map(({ feature, ...node }) =>
    feature === ERROR ? node : { ...node, feature },
  );
}

function keyOf(align: Alignment, { site = '', position, feature }: NodeEffect): string {
  const what = feature === undefined ? 'err' : `f${feature}`;
  if (align === 'place') return site;
  return align === 'feature' ? `${site}:${what}` : `${site}:${position}:${what}`;
}

/** The finest alignment that two circuits allow: by position where positions have the same names. */
export function alignmentOf(a: CircuitResult, b: CircuitResult): Alignment {
  const sites = new Set(a.sites);
  if (!b.sites.some((site) => sites.has(site))) return 'place';
  return a.positions.labels.join('\n') === b.positions.labels.join('\n') ? 'position' : 'feature';
}

/** Random circuits behind the null. */
const DRAWS = 1000;

/**
 * Compares two circuits of two tasks, two models, or one task before and after an edit. Exchanging the two exchanges
 * `onlyA` and `onlyB` and turns the signs of changes; nothing else moves.
 */
export function compareCircuits(
  a: ComparedCircuit,
  b: ComparedCircuit,
  { align, random }: { readonly align: Alignment; readonly random: Random },
): CircuitComparison {
  const [inA, inB] = [byKey(a.nodes), byKey(b.nodes)];
  const keys = [...new Set([...inA.keys(), ...inB.keys()])].sort();
  const [allA, allB] = [a, b].map((side) => byKey([...(side.candidates ?? []), ...side.nodes]));
  const movers = keys.map((key): Mover => {
    const [own, other] = [allA?.get(key)?.share ?? 0, allB?.get(key)?.share ?? 0];
    const { kind } = inA.get(key) ?? inB.get(key)!;
    return { key, kind, a: own, b: other, change: other - own };
  });
  const shared = keys.filter((key) => inA.has(key) && inB.has(key));
  const chance = drawnJaccard(a, b, random);
  return {
    a: { name: a.name, nodes: inA.size },
    b: { name: b.name, nodes: inB.size },
    align,
    shared,
    onlyA: keys.filter((key) => !inB.has(key)),
    onlyB: keys.filter((key) => !inA.has(key)),
    jaccard: keys.length === 0 ? 1 : shared.length / keys.length,
    ...(chance ? { random: chance } : {}),
    rankCorrelation: bootstrap(
      movers,
      (sample) =>
        spearman(
          sample.map((m) => m.a),
          sample.map((m) => m.b),
        ),
      random.fork('rank'),
    ),
    movers: movers.sort((x, y) => Math.abs(y.change) - Math.abs(x.change) || (x.key < y.key ? -1 : 1)),
  };
}

const byKey = (nodes: readonly ComparedNode[]): ReadonlyMap<string, ComparedNode> =>
  new Map(nodes.map((node) => [node.key, node]));

/** Jaccard index of circuits drawn among the candidates of each side, with its make-up of features and error nodes. */
function drawnJaccard(a: ComparedCircuit, b: ComparedCircuit, random: Random): Estimate | undefined {
  if (!a.candidates || !b.candidates) return undefined;
  // Streams go by the content of a side, not by its place: exchanging the sides draws the same circuits.
  const [drawA, drawB] = [a, b].map((side) => {
    const stream = random.fork(contentHash(side.nodes.map((n) => n.key).sort()));
    return () => drawLike(side, stream);
  }) as [() => Set<string>, () => Set<string>];
  const values = Array.from({ length: DRAWS }, () => {
    const [x, y] = [drawA(), drawB()];
    let both = 0;
    for (const key of x) if (y.has(key)) both++;
    const either = x.size + y.size - both;
    return either === 0 ? 1 : both / either;
  });
  const value = values.reduce((sum, v) => sum + v, 0) / DRAWS;
  return { value, low: quantile(values, 0.025), high: quantile(values, 0.975), n: DRAWS };
}

function drawLike({ nodes, candidates = [] }: ComparedCircuit, stream: Random): Set<string> {
  const drawn = new Set<string>();
  for (const kind of ['feature', 'error'] as const) {
    const pool = candidates.filter((node) => node.kind === kind).map((node) => node.key);
    const count = Math.min(pool.length, nodes.filter((node) => node.kind === kind).length);
    for (let i = 0; i < count; i++) {
      const j = i + stream.integer(pool.length - i);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
      drawn.add(pool[i]!);
    }
  }
  return drawn;
}
