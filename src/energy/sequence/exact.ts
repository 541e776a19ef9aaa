/** @file V of some features at some positions by runs, L − L(do f = 0), beside its first order f ∂L/∂f. */
import type { Network } from '../../circuits/cuts.ts';
import { featureMove, metricMoved } from '../../circuits/exact.ts';
import { pickPairs, range } from '../../circuits/examples.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Random } from '../../core/random.ts';
import { pearson } from '../../core/statistics.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { type ReadText, readTexts, type Texts } from './read.ts';
import type { ExactComparison, ExactPoint } from './types.ts';

/** Which points are run. */
export interface ExactOptions {
  /** Texts looked at, from the first; 4 unless given. */
  readonly texts?: number;
  /** Features with the largest Σ|V| there; 16 unless given. */
  readonly features?: number;
  /** Positions of each feature, drawn from those where it is active; 4 unless given. */
  readonly positions?: number;
}

type Point = Omit<ExactPoint, 'exact'>;

/** Runs the chosen points, one run each: at one position of one text the feature is taken out, all else stays. */
export async function exactPotentials(
  network: Network,
  dictionary: Dictionary,
  texts: Texts,
  stream: Random,
  run: RunOptions,
  options: ExactOptions = {},
): Promise<ExactComparison> {
  const some = pickPairs(texts.pairs, range(0, Math.min(options.texts ?? 4, texts.pairs.examples)));
  const all: Point[] = [];
  await readTexts(network, dictionary, { ...texts, pairs: some }, run, (text) => {
    all.push(...pointsOf(text));
  });
  const points = chosen(all, stream, options);
  const exact = await exactAt(network, dictionary, { ...texts, pairs: some }, points, run);
  return compared(points.map((point, k) => ({ ...point, exact: exact[k]! })));
}

/** L − L(do f = 0) of each point. */
async function exactAt(
  network: Network,
  dictionary: Dictionary,
  { pairs, scale }: Texts,
  points: readonly Point[],
  run: RunOptions,
): Promise<number[]> {
  const { site } = dictionary;
  const { clean } = await forwardPairs(network, pairs, [site], run);
  const rows = points.map(({ text }) => text);
  const moves = (k: number) => {
    const { feature, position, activation } = points[k]!;
    return [featureMove(dictionary, feature, position, -activation)];
  };
  const without = await metricMoved(network, site, clean.states[site]!, pairs, { rows, moves }, run);
  return rows.map((text, k) => -scale * (clean.metric_B[text]! - without[k]!));
}

/** Active entries of a text. */
function pointsOf({ text, slots, indices_TK, q_TK, V_TK }: ReadText): Point[] {
  return [...q_TK.keys()]
    .filter((at) => q_TK[at] !== 0)
    .map((at) => ({
      feature: indices_TK[at]!,
      text,
      position: Math.floor(at / slots),
      activation: q_TK[at]!,
      linear: V_TK[at]!,
    }));
}

function chosen(all: readonly Point[], stream: Random, options: ExactOptions): Point[] {
  const byFeature = new Map<number, Point[]>();
  for (const point of all) {
    const own = byFeature.get(point.feature);
    if (own) own.push(point);
    else byFeature.set(point.feature, [point]);
  }
  const weight = (points: readonly Point[]) => points.reduce((sum, { linear }) => sum + Math.abs(linear), 0);
  return [...byFeature.values()]
    .map((points) => ({ points, weight: weight(points) }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, options.features ?? 16)
    .flatMap(({ points }) => stream.shuffle(points).slice(0, options.positions ?? 4));
}

/** How first order and runs agree over points. */
export function compared(points: readonly ExactPoint[]): ExactComparison {
  const total = (of: (point: ExactPoint) => number) => points.reduce((sum, p) => sum + of(p), 0);
  return {
    points,
    correlation: pearson(
      points.map((p) => p.linear),
      points.map((p) => p.exact),
    ),
    error: total((p) => Math.abs(p.linear - p.exact)) / total((p) => Math.abs(p.exact)),
    sameSign: total((p) => Number(p.linear * p.exact > 0)) / points.length,
  };
}
