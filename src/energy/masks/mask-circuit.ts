/** @file A circuit by energy beside circuits by Adam's masks, thresholds, flow and chance, at equal size, on held-out examples. */
import { type AblationRun, openAblation } from '../../circuits/ablation.ts';
import { dictionariesByDepth, type Network, networkOf } from '../../circuits/cuts.ts';
import { type Pairs, pairsOf } from '../../circuits/examples.ts';
import { meanState } from '../../circuits/feature-state.ts';
import { everActive, heldOutExamples } from '../../circuits/judge.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import { faithfulness } from '../../circuits/scores.ts';
import { ERROR, type NodeRef } from '../../circuits/select.ts';
import { trainEffects } from '../../circuits/train-effects.ts';
import { EnergyError } from '../../core/errors.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { type Random, random } from '../../core/random.ts';
import { bootstrap, type Estimate } from '../../core/statistics.ts';
import type { Task } from '../../data/tasks.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { Model } from '../../models/types.ts';
import { openSession } from '../../runtime/session.ts';
import { movers, type Ranking, rankByChance, rankByMasks, rankByPathWork, rankByThreshold } from './arms.ts';
import { type MaskLandscape, openMaskLandscape } from './landscape.ts';
import type { MaskArm, MaskCircuitResult, MaskLoss, MaskPoint } from './types.ts';

export interface MaskOptions {
  readonly loss: MaskLoss;
  /** Circuit sizes at which arms are set beside each other. */
  readonly sizes: readonly number[];
  /** λ is |∂loss/∂m| of the node at this rank with every mask at ½: about so many nodes are worth it. */
  readonly target: number;
  /** Updates of each setting of each mover. */
  readonly steps: number;
  /** q of every mask at the start; σ(2) = 0.88. */
  readonly start: number;
  /** Rule of the threshold's effects. */
  readonly rule: string;
  /** `false` leaves the arm by path work out, which takes longest. */
  readonly flow: { readonly examples: number; readonly rule: string; readonly candidates: number } | false;
  readonly tokensPerRun: number;
}

/** Where λ is read: at masks of 1 a divergence from the whole network has no slope. */
const HALF = 0.5;

export const MASK_DEFAULTS: MaskOptions = {
  loss: 'kl',
  sizes: [10, 20, 50, 100, 200, 500],
  target: 200,
  steps: 30,
  start: 2,
  rule: 'midpoint-10',
  flow: { examples: 4, rule: 'midpoint-10', candidates: 300 },
  tokensPerRun: TOKENS_PER_RUN,
};

export interface MaskInput {
  readonly network: Network;
  readonly name: string;
  /** By depth. */
  readonly dictionaries: readonly Dictionary[];
  readonly train: Pairs;
  readonly heldOut: Pairs;
  readonly seed: number;
  readonly threads: number;
  readonly options?: Partial<MaskOptions>;
}

/** Circuits of a task of a model, by every arm. @throws CircuitError as findCircuit() does; EnergyError as maskCircuit() does */
export function findMaskCircuit(
  input: Omit<MaskInput, 'network' | 'name' | 'train' | 'heldOut'> & {
    readonly model: Model;
    readonly task: Task;
  },
  context: WorkContext,
): Promise<MaskCircuitResult> {
  const { model, task } = input;
  const network = networkOf(model);
  return maskCircuit(
    {
      ...input,
      network,
      name: task.name,
      dictionaries: dictionariesByDepth(model, network, input.dictionaries),
      train: pairsOf(task.name, task.train),
      heldOut: pairsOf(task.name, task.heldOut),
    },
    context,
  );
}

/**
 * Masks over all nodes that ever fire, moved on the train examples; every arm's first nodes run alone on held-out ones.
 * @throws EnergyError `energy.no-masks` when no node may be masked, or no size was asked for
 */
export async function maskCircuit(input: MaskInput, context: WorkContext): Promise<MaskCircuitResult> {
  const { network, train: pairs, heldOut: heldOutPairs, threads, name } = input;
  const options = { ...MASK_DEFAULTS, ...input.options };
  const stream = random(input.seed).fork(`masks/${name}`);
  const run: RunOptions = {
    open: (graph) => openSession(graph, { threads }),
    tokensPerRun: options.tokensPerRun,
    threads,
    ...(context.signal ? { signal: context.signal } : {}),
  };
  const begun = performance.now();
  const train = await trainEffects(
    network,
    input.dictionaries,
    pairs,
    { method: options.rule, baseline: 'counterfactual' },
    { task: name, title: name },
    { ...run, threads },
    context,
  );
  const threshold = rankByThreshold(train, options.rule, (performance.now() - begun) / 1000);
  const candidates = everActive(train);
  const sizes = sizesUpTo(candidates.length, options.sizes, name);
  const spliced = train.places.map(({ dictionary, patch }) => ({
    dictionary,
    means: meanState(patch, dictionary),
  }));
  const examples = { pairs, first_BTD: train.start_BTD };
  const open = (counted: RunOptions) =>
    openMaskLandscape(network, spliced, examples, candidates, options.loss, counted);
  const { sparsity, moved } = await moveMasks(name, open, candidates.length, options, run, context);
  const rankings = [
    ...moved,
    threshold,
    ...(options.flow ? [await rankByPathWork(network, train, pairs, options.flow, run)] : []),
    rankByChance(candidates, stream.fork('chance')),
  ];
  const held = await heldOutExamples(network, train, heldOutPairs, threads, run);
  const ablation = await openAblation(network, spliced, run);
  try {
    const patch = train.places.map((place) => place.patch);
    const judged = await judgeArms(
      rankings,
      sizes,
      { run: ablation.on(held), full_B: held.full_B },
      { run: ablation.on({ pairs, first_BTD: train.start_BTD, patch }), full_B: train.clean_B },
      stream,
    );
    const byEnergy = moved[0]!;
    return {
      task: name,
      sites: train.places.map((place) => place.site),
      ...{ loss: options.loss, sparsity, candidates: candidates.length },
      ...{ examples: pairs.examples, heldOutExamples: heldOutPairs.examples, ...judged },
      nodes: byEnergy.ranked
        .slice(0, sizes.at(-1))
        .map(({ site, position, feature }, i) => ({ site, position, feature, mask: byEnergy.masks![i]! })),
    };
  } finally {
    await ablation.release();
  }
}

/** Masks by every mover, on one landscape, from one start; sparsity is priced there. */
function moveMasks(
  name: string,
  open: (run: RunOptions) => Promise<MaskLandscape>,
  candidates: number,
  { steps, target, start }: Pick<MaskOptions, 'steps' | 'target' | 'start'>,
  run: RunOptions,
  { progress }: WorkContext,
): Promise<{ readonly sparsity: number; readonly moved: Ranking[] }> {
  const total = movers.reduce((sum, m) => sum + m.settings.length * (steps + 1), 1);
  const label = { task: 'masks', label: `Masks: ${name}`, total, unit: 'gradients' };
  return track(progress, label, async (advance) => {
    let done = 0;
    const landscape = await open({ ...run, advance: () => advance(++done) });
    try {
      const { gradient_N } = await landscape.at(new Float64Array(candidates).fill(HALF));
      const sparsity = worth(gradient_N, target);
      const moved: Ranking[] = [];
      for (const mover of movers) moved.push(await rankByMasks(landscape, mover, { sparsity, steps, start }));
      return { sparsity, moved };
    } finally {
      await landscape.release();
    }
  });
}

/** Sizes that there are nodes for. @throws EnergyError `energy.no-masks` */
function sizesUpTo(candidates: number, asked: readonly number[], where: string): number[] {
  const sizes = asked.filter((size) => size > 0 && size <= candidates);
  if (sizes.length > 0) return sizes;
  throw new EnergyError(
    'energy.no-masks',
    `${candidates} nodes can be masked, fewer than any size asked for`,
    { where, hint: 'ask for smaller circuits, or give more examples or dictionaries' },
  );
}

/** The size of the derivative at a rank, largest first; 1 where none has an influence. */
function worth(gradient_N: Float64Array, rank: number): number {
  const sizes = Array.from(gradient_N, Math.abs).sort((a, b) => b - a);
  return sizes[Math.min(rank, sizes.length) - 1] || 1;
}

interface Side {
  readonly run: AblationRun;
  readonly full_B: Float64Array;
}

/** Every arm at every size, and `energy` against each other arm example by example. */
async function judgeArms(
  rankings: readonly Ranking[],
  sizes: readonly number[],
  held: Side,
  train: Side,
  stream: Random,
): Promise<Pick<MaskCircuitResult, 'arms' | 'differences'>> {
  const empty = { held: await held.run.metric([]), train: await train.run.metric([]) };
  const runs = new Map<string, Float64Array>();
  const arms: MaskArm[] = [];
  for (const { ranked, masks: _masks, ...arm } of rankings) {
    const points: MaskPoint[] = [];
    for (const size of sizes) {
      const nodes: readonly NodeRef[] = ranked.slice(0, size);
      const circuit_B = await held.run.metric(nodes);
      runs.set(`${arm.name}/${size}`, circuit_B);
      const estimate = (metric_B: Float64Array, side: Side, empty_B: Float64Array, what: string) =>
        faithfulness(metric_B, empty_B, side.full_B, stream.fork(`${arm.name}/${size}/${what}`));
      points.push({
        nodes: size,
        errorNodes: nodes.filter((n) => n.feature === ERROR).length,
        faithfulness: estimate(circuit_B, held, empty.held, 'held'),
        train: estimate(await train.run.metric(nodes), train, empty.train, 'train'),
        completeness: estimate(await held.run.metric(nodes, { inverse: true }), held, empty.held, 'inverse'),
      });
    }
    arms.push({ ...arm, points });
  }
  const [first, ...others] = rankings.map((r) => r.name);
  const differences = sizes.flatMap((nodes) =>
    others.map((against) => ({
      nodes,
      against,
      difference: faithfulnessDifference(
        runs.get(`${first}/${nodes}`)!,
        runs.get(`${against}/${nodes}`)!,
        empty.held,
        held.full_B,
        stream.fork(`difference/${against}/${nodes}`),
      ),
    })),
  );
  return { arms, differences };
}

/** Faithfulness of a minus that of b; bootstrap over examples, all runs of an example kept together. */
function faithfulnessDifference(
  a_B: ArrayLike<number>,
  b_B: ArrayLike<number>,
  empty_B: ArrayLike<number>,
  full_B: ArrayLike<number>,
  random: Random,
): Estimate {
  const units = Array.from(full_B, (full, b) => ({ more: a_B[b]! - b_B[b]!, whole: full - empty_B[b]! }));
  return bootstrap(
    units,
    (sample) => sample.reduce((sum, u) => sum + u.more, 0) / sample.reduce((sum, u) => sum + u.whole, 0),
    random,
  );
}
