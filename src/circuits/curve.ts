/** @file Faithfulness over size: circuits of growing size run alone on held-out examples, random ones beside them. */
import type { Random } from '../core/random.ts';
import type { AblationRun } from './ablation.ts';
import { faithfulness, meanOfRuns } from './scores.ts';
import { ERROR, type NodeRef, type RankedNode, randomCircuit } from './select.ts';
import type { CurvePoint, FaithfulnessVariant } from './types.ts';

/** Circuit sizes tried, in nodes. */
export const SIZES: readonly number[] = [2, 5, 10, 20, 50, 100, 150, 200, 500, 1000, 2000];

export interface CurveInput {
  /** All nodes, largest effect first. */
  readonly ranked: readonly RankedNode[];
  /** Nodes ever active in the train examples: what random circuits are drawn from. */
  readonly candidates: readonly NodeRef[];
  /** Metric of the untouched model on the held-out examples. */
  readonly full_B: Float64Array;
  readonly run: AblationRun;
  readonly draws: number;
  readonly random: Random;
}

/** One point per size, smallest first; sizes beyond the number of nodes collapse into "all of them". */
export async function faithfulnessCurve(input: CurveInput, sizes: readonly number[]): Promise<CurvePoint[]> {
  const { ranked, run, full_B, random } = input;
  const empty_B = await run.metric([]);
  const points: CurvePoint[] = [];
  for (const size of new Set(sizes.map((s) => Math.min(s, ranked.length)))) {
    const nodes = ranked.slice(0, size);
    const circuit_B = await run.metric(nodes);
    const without_B = await run.metric(nodes, { inverse: true });
    const random_B = await randomMetric(input, nodes, []);
    const score = (metric_B: Float64Array, name: string) =>
      faithfulness(metric_B, empty_B, full_B, random.fork(`${name}/${size}`));
    points.push({
      threshold: Math.abs(nodes.at(-1)?.effect ?? 0),
      nodes: size,
      errorNodes: nodes.filter((n) => n.feature === ERROR).length,
      faithfulness: score(circuit_B, 'circuit'),
      completeness: score(without_B, 'complement'),
      random: score(random_B, 'random'),
    });
  }
  return points;
}

/** Mean over `draws` random circuits of the make-up of `nodes`, example by example. */
async function randomMetric(
  { candidates, run, draws, random }: CurveInput,
  nodes: readonly NodeRef[],
  free: readonly number[],
): Promise<Float64Array> {
  const pool = candidates.filter((n) => !free.includes(n.cut));
  const runs: Float64Array[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const stream = random.fork(`draw/${nodes.length}/${draw}/${free.join()}`);
    runs.push(await run.metric(randomCircuit(nodes, pool, stream), { free }));
  }
  return meanOfRuns(runs);
}

/** The circuit of (at most) `size` nodes under other definitions than the curve's. */
export async function faithfulnessVariants(
  input: CurveInput,
  size: number,
  freeCuts: readonly number[],
): Promise<FaithfulnessVariant[]> {
  const { ranked, run, full_B, random } = input;
  const score = async (
    name: string,
    meaning: string,
    nodes: readonly NodeRef[],
    free: readonly number[],
  ): Promise<FaithfulnessVariant> => {
    const empty_B = await run.metric([], { free });
    const circuit_B = await run.metric(nodes, { free });
    const random_B = await randomMetric(input, nodes, free);
    const estimate = (metric_B: Float64Array, kind: string) =>
      faithfulness(metric_B, empty_B, full_B, random.fork(`${name}/${kind}`));
    return {
      name,
      meaning,
      nodes: nodes.length,
      faithfulness: estimate(circuit_B, 'circuit'),
      random: estimate(random_B, 'random'),
    };
  };
  const chosen = ranked.slice(0, size);
  const features = chosen.filter((n) => n.feature !== ERROR);
  const errors = chosen.filter((n) => n.feature === ERROR);
  const variants = [
    await score(
      'errors-removed',
      'the error nodes of the circuit are set to their means too: what its features do alone',
      features,
      [],
    ),
    await score(
      'errors-only',
      'the features are set to their means: what its error nodes do alone',
      errors,
      [],
    ),
  ];
  if (freeCuts.length > 0) {
    variants.push(
      await score(
        'early-cuts-free',
        'nothing is ablated in the first third of the layers, as in the published code; nodes there do not count',
        ranked.filter((n) => !freeCuts.includes(n.cut)).slice(0, size),
        freeCuts,
      ),
    );
  }
  return variants;
}
