/** @file Finding the circuit of a task: effects on train examples, circuits of growing size judged on held-out ones. */
import type { WorkContext } from '../core/progress.ts';
import { track } from '../core/progress.ts';
import { random } from '../core/random.ts';
import type { Task } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { openAblation, type SplicedDictionary } from './ablation.ts';
import { circuitEdges, circuitNodes, meanActivations, outputNode, tokenNodes } from './circuit-graph.ts';
import { faithfulnessCurve, faithfulnessVariants, SIZES } from './curve.ts';
import { dictionariesByDepth, type Network, networkOf } from './cuts.ts';
import { saveEffects } from './effects-file.ts';
import { encodeState } from './encode-state.ts';
import { type Pairs, pairsOf } from './examples.ts';
import { meanState } from './feature-state.ts';
import { forwardPairs } from './forward.ts';
import { DEFAULT_RULE } from './quadrature.ts';
import { type RunOptions, TOKENS_PER_RUN } from './run-options.ts';
import { meanEstimate } from './scores.ts';
import { ERROR, type NodeRef, rankNodes } from './select.ts';
import { type TrainEffects, trainEffects } from './train-effects.ts';
import type { CircuitResult, CurvePoint } from './types.ts';

export interface CircuitOptions {
  /** Quadrature rule of the effects, e.g. `midpoint-10`. */
  readonly rule: string;
  /** The circuit that is listed is the largest of the curve with no more nodes than this. */
  readonly maxNodes: number;
  /** Train examples that edges and token nodes are averaged over. */
  readonly edgeExamples: number;
  /** Sizes of the faithfulness curve. */
  readonly sizes: readonly number[];
  /** Random circuits per size; their mean is the null. */
  readonly randomDraws: number;
  readonly tokensPerRun: number;
}

export const CIRCUIT_DEFAULTS: CircuitOptions = {
  rule: DEFAULT_RULE,
  maxNodes: 200,
  edgeExamples: 20,
  sizes: SIZES,
  randomDraws: 3,
  tokensPerRun: TOKENS_PER_RUN,
};

export interface CircuitInput {
  readonly model: Model;
  readonly task: Task;
  readonly dictionaries: readonly Dictionary[];
  /** Where `effects.safetensors` goes. */
  readonly folder: string;
  readonly threads: number;
  readonly seed: number;
  readonly options?: Partial<CircuitOptions>;
}

/**
 * The circuit of a task. Effects come from the train examples only; faithfulness, completeness and the random null
 * from the held-out ones, with nodes outside the circuit set to their position-wise mean over the train patch inputs.
 * @throws CircuitError `circuit.no-dictionaries`, `circuit.other-model`, `circuit.not-a-cut`, `circuit.width`,
 *   `circuit.no-examples`, `circuit.unequal-length`, `circuit.same-answer`, `circuit.unknown-rule`
 */
export async function findCircuit(input: CircuitInput, context: WorkContext): Promise<CircuitResult> {
  const { model, task, threads } = input;
  const options = { ...CIRCUIT_DEFAULTS, ...input.options };
  const network = networkOf(model);
  const dictionaries = dictionariesByDepth(model, network, input.dictionaries);
  const pairs = pairsOf(task.name, task.train);
  const heldOut = pairsOf(task.name, task.heldOut);
  const stream = random(input.seed).fork(`circuit/${task.name}`);
  const run: RunOptions = {
    open: (graph) => openSession(graph, { threads }),
    tokensPerRun: options.tokensPerRun,
    ...(context.signal ? { signal: context.signal } : {}),
  };

  const train = await trainEffects(
    network,
    dictionaries,
    pairs,
    options.rule,
    { task: task.name, title: task.title },
    { ...run, threads },
    context,
  );
  await saveEffects(input.folder, {
    task: task.name,
    rule: options.rule,
    deltaM_B: train.clean_B.map((m, b) => m - train.patch_B[b]!),
    cuts: train.cuts.map((cut) => ({
      effects: cut.effects,
      attributionPatching: cut.attributionPatching,
      clean_TF: meanActivations(cut, 'clean'),
      patch_TF: meanActivations(cut, 'patch'),
    })),
  });

  const ranked = rankNodes(train.cuts.map((cut) => cut.effects));
  const judged = await judge(
    network,
    train,
    heldOut,
    ranked,
    { task, options, run, stream, threads },
    context,
  );
  const point = judged.curve[judged.chosen]!;
  const chosen = ranked.slice(0, point.nodes);
  const graph = await drawGraph(network, train, pairs, chosen, { task, options, run }, context);
  return {
    task: task.name,
    title: task.title,
    question: task.question,
    sites: dictionaries.map((d) => d.site),
    positions: {
      labels: task.positions,
      exampleTokens: task.train[0]!.clean.map((id) => model.tokenizer.token(id)),
    },
    metric: {
      clean: meanEstimate(train.clean_B, stream.fork('clean')),
      patch: meanEstimate(train.patch_B, stream.fork('patch')),
    },
    ...graph,
    ...judged,
    faithfulness: point.faithfulness,
    completeness: point.completeness,
    random: point.random,
    examples: pairs.examples,
    heldOutExamples: heldOut.examples,
  };
}

interface Parts {
  readonly task: Task;
  readonly options: CircuitOptions;
  readonly run: RunOptions;
}

/** The curve on held-out examples, which point of it is shown, and the variants of its definition. */
async function judge(
  network: Network,
  train: TrainEffects,
  heldOut: Pairs,
  ranked: ReturnType<typeof rankNodes>,
  { task, options, run, stream, threads }: Parts & { stream: ReturnType<typeof random>; threads: number },
  { progress }: WorkContext,
): Promise<Pick<CircuitResult, 'curve' | 'chosen' | 'variants'>> {
  const first = train.cuts[0]!.site;
  const sites = train.cuts.map((c) => c.site);
  const { clean: full, patch: patched } = await forwardPairs(network, heldOut, sites, run);
  const shape = { examples: heldOut.examples, positions: heldOut.positions, width: network.width };
  const spliced: SplicedDictionary[] = [];
  for (const { dictionary, patch, site } of train.cuts) {
    spliced.push({
      dictionary,
      means: meanState(patch, dictionary),
      patch: await encodeState(dictionary, patched.states[site]!, shape, threads),
    });
  }
  const sizes = options.sizes.filter((size) => size > 0);
  const label = { task: 'faithfulness', label: `Faithfulness: ${task.title}`, unit: 'runs' };
  return track(progress, label, async (advance) => {
    let done = 0;
    const ablation = await openAblation(network, spliced, heldOut, full.states[first]!, {
      ...run,
      advance: () => advance(++done),
    });
    try {
      const input = {
        ranked,
        candidates: everActive(train),
        full_B: full.metric_B,
        run: ablation,
        draws: options.randomDraws,
        random: stream,
      };
      const curve = await faithfulnessCurve(input, sizes);
      const chosen = chosenPoint(curve, options.maxNodes);
      const early = train.cuts.map((c) => c.cut).filter((cut) => cut < network.cuts.length / 3);
      const variants = await faithfulnessVariants(input, curve[chosen]?.nodes ?? 0, train.cuts, early);
      return { curve, chosen, variants };
    } finally {
      await ablation.release();
    }
  });
}

/** The largest circuit of the curve within `maxNodes`: fixed by size, so that nothing is chosen on held-out scores. */
function chosenPoint(curve: readonly CurvePoint[], maxNodes: number): number {
  let chosen = 0;
  curve.forEach((point, index) => {
    if (point.nodes <= maxNodes && point.nodes >= curve[chosen]!.nodes) chosen = index;
  });
  return chosen;
}

async function drawGraph(
  network: Network,
  train: TrainEffects,
  pairs: Pairs,
  chosen: ReturnType<typeof rankNodes>,
  { task, options, run }: Parts,
  { progress }: WorkContext,
): Promise<Pick<CircuitResult, 'nodes' | 'edges'>> {
  const examples = Math.min(options.edgeExamples, pairs.examples);
  const few = pairsOf(task.name, task.train.slice(0, examples));
  const label = { task: 'edges', label: `Edges: ${task.title}`, unit: 'runs' };
  return track(progress, label, async (advance) => {
    let done = 0;
    const counted: RunOptions = {
      ...run,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    };
    const tokens = await tokenNodes(network, train, few, options.rule, counted);
    const nodes = [
      ...tokens,
      ...circuitNodes(chosen, train.cuts),
      outputNode(network, train, pairs.positions),
    ];
    const edges = await circuitEdges(network, train, chosen, tokens, examples, counted);
    return { nodes, edges };
  });
}

/** Features that fire in any train example (clean or patch), position by position, and every error node. */
function everActive(train: TrainEffects): NodeRef[] {
  const nodes: NodeRef[] = [];
  for (const cut of train.cuts) {
    const { positions, features, examples, k } = cut.clean;
    const seen = new Uint8Array(positions * features);
    for (const state of [cut.clean, cut.patch]) {
      for (let row = 0; row < examples * positions; row++) {
        for (let j = row * k; j < (row + 1) * k; j++) {
          if (state.values_BTK[j] !== 0) seen[(row % positions) * features + state.indices_BTK[j]!] = 1;
        }
      }
    }
    for (let position = 0; position < positions; position++) {
      nodes.push({ cut: cut.cut, position, feature: ERROR });
      for (let feature = 0; feature < features; feature++) {
        if (seen[position * features + feature]) nodes.push({ cut: cut.cut, position, feature });
      }
    }
  }
  return nodes;
}
