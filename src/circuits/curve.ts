/** @file Faithfulness over size: circuits of growing size run alone on held-out examples, random ones beside them. */
import type { Random } from '../core/random.ts';
import type { AblationChoice, AblationRun } from './ablation.ts';
import { type Areas, areas, type SizedRun, sizesBeyond } from './areas.ts';
import { faithfulness, meanOfRuns } from './scores.ts';
import { ERROR, type NodeRef, type RankedNode, randomCircuit } from './select.ts';
import type { CurvePoint, FaithfulnessVariant } from './types.ts';

/** Circuit sizes tried, in nodes. */
export const SIZES: readonly number[] = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

export interface CurveInput {
  /** All nodes, largest effect first. */
  readonly ranked: readonly RankedNode[];
  /** Nodes ever active in the train examples: what random circuits are drawn from. */
  readonly candidates: readonly NodeRef[];
  /** Metric of the untouched model on the held-out examples. */
  readonly full_B: Float64Array;
  readonly run: AblationRun;
  /** The same of the train examples. */
  readonly train: { readonly full_B: Float64Array; readonly run: AblationRun };
  readonly draws: number;
  readonly random: Random;
}

/** A curve with the areas under it. */
export interface FaithfulnessCurve {
  readonly points: readonly CurvePoint[];
  readonly areas: { readonly circuit: Areas; readonly random: Areas };
}

/** One point per size, smallest first; sizes beyond the number of nodes collapse into "all of them". */
export async function faithfulnessCurve(
  input: CurveInput,
  sizes: readonly number[],
): Promise<FaithfulnessCurve> {
  const { ranked, run, full_B, random } = input;
  const empty_B = await run.metric([]);
  const points: CurvePoint[] = [];
  const runs = { circuit: [] as SizedRun[], random: [] as SizedRun[] };
  for (const size of new Set(sizes.map((s) => Math.min(s, ranked.length)))) {
    const nodes = ranked.slice(0, size);
    const circuit_B = await run.metric(nodes);
    const without_B = await run.metric(nodes, { inverse: true });
    const random_B = await randomMetric(input, run, nodes, input.draws, {});
    const score = (metric_B: Float64Array, name: string) =>
      faithfulness(metric_B, empty_B, full_B, random.fork(`${name}/${size}`));
    const share = size / input.candidates.length;
    runs.circuit.push({ share, metric_B: circuit_B });
    runs.random.push({ share, metric_B: random_B });
    points.push({
      threshold: Math.abs(nodes.at(-1)?.effect ?? 0),
      nodes: size,
      errorNodes: nodes.filter((n) => n.feature === ERROR).length,
      faithfulness: score(circuit_B, 'circuit'),
      completeness: score(without_B, 'complement'),
      random: score(random_B, 'random'),
    });
  }
  const beyond = sizesBeyond(
    points.map((p) => p.nodes),
    input.candidates.length,
  );
  for (const size of beyond) {
    if (size >= ranked.length) break;
    const share = size / input.candidates.length;
    const nodes = ranked.slice(0, size);
    runs.circuit.push({ share, metric_B: await run.metric(nodes) });
    runs.random.push({ share, metric_B: await randomMetric(input, run, nodes, 1, {}) });
  }
  const under = (name: keyof typeof runs) => areas(runs[name], empty_B, full_B, random.fork(`areas/${name}`));
  return { points, areas: { circuit: under('circuit'), random: under('random') } };
}

/** Mean over `draws` random circuits of the make-up of `nodes`, example by example. */
async function randomMetric(
  { candidates, random }: CurveInput,
  run: AblationRun,
  nodes: readonly NodeRef[],
  draws: number,
  choice: AblationChoice,
): Promise<Float64Array> {
  const pool = candidates.filter((n) => !choice.free?.includes(n.site));
  const runs: Float64Array[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const stream = random.fork(`draw/${nodes.length}/${draw}/${choice.free?.join() ?? ''}`);
    runs.push(await run.metric(randomCircuit(nodes, pool, stream), choice));
  }
  return meanOfRuns(runs);
}

/**
 * The circuit of (at most) `size` nodes under other definitions than the curve's, with one random draw each.
 * @param sites of the dictionaries, by depth
 * @param early those in the first third of the layers
 */
export async function faithfulnessVariants(
  input: CurveInput,
  size: number,
  sites: readonly string[],
  early: readonly string[],
): Promise<FaithfulnessVariant[]> {
  const { ranked, random } = input;
  const score = async (
    name: string,
    meaning: string,
    nodes: readonly NodeRef[],
    choice: AblationChoice = {},
    { run, full_B }: { run: AblationRun; full_B: Float64Array } = input,
  ): Promise<FaithfulnessVariant> => {
    const empty_B = await run.metric([], choice);
    const circuit_B = await run.metric(nodes, choice);
    const random_B = await randomMetric(input, run, nodes, 1, choice);
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
  const errors = input.candidates.filter((n) => n.feature === ERROR);
  const isStream = (site: string) => site.includes('hook_resid') || site === 'hook_embed';
  const mixed = sites.some(isStream) && !sites.every(isStream);
  const variants = [
    await score(
      'errors-removed',
      'the circuit without its error nodes: what its features do alone',
      chosen.filter((n) => n.feature !== ERROR),
    ),
    await score(
      'errors-only',
      'the error nodes of the circuit without its features',
      chosen.filter((n) => n.feature === ERROR),
    ),
    await score('errors-kept', 'the circuit with every error node of every place, in it or not', [
      ...chosen.filter((n) => n.feature !== ERROR),
      ...errors,
    ]),
    ...(mixed
      ? [
          await score(
            'stream-errors-kept',
            'the circuit with the error nodes of the residual stream alone, as in one of the published curves',
            [...chosen.filter((n) => n.feature !== ERROR), ...errors.filter((n) => isStream(n.site))],
          ),
        ]
      : []),
    await score(
      'patch-filled',
      'nodes outside the circuit take the values they have in the patched run of the same example, not their mean',
      chosen,
      { fill: 'patch' },
    ),
    await score(
      'train-examples',
      'the circuit on the examples it was found on: what it does not carry over to new words is the gap',
      chosen,
      {},
      input.train,
    ),
  ];
  if (early.length > 0 && early.length < sites.length) {
    variants.push(
      await score(
        'early-cuts-free',
        'nothing is ablated in the first third of the layers, as in the published code; nodes there do not count',
        ranked.filter((n) => !early.includes(n.site)).slice(0, size),
        { free: early },
      ),
    );
  }
  for (const site of sites) {
    if (sites.length === 1) break;
    variants.push(
      await score(
        `only:${site}`,
        `nodes are ablated at ${site} alone, all other places are left as they are`,
        chosen.filter((n) => n.site === site),
        { free: sites.filter((other) => other !== site) },
      ),
    );
  }
  return variants;
}
