/** @file Finding the circuit of a task: effects on train examples, circuits of growing size judged on held-out ones. */

import { DEFAULT_RULE } from '../autodiff/quadrature.ts';
import type { WorkContext } from '../core/progress.ts';
import { track } from '../core/progress.ts';
import { random } from '../core/random.ts';
import type { Task } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import type { Baseline } from './baselines.ts';
import { circuitEdges, circuitNodes, meanActivations, outputNode, tokenNodes } from './circuit-graph.ts';
import { requireContrast } from './contrast.ts';
import { SIZES } from './curve.ts';
import { dictionariesByDepth, type Network, networkOf } from './cuts.ts';
import type { EdgeEffects } from './edge-types.ts';
import { saveEffects } from './effects-file.ts';
import { type Pairs, pairsOf } from './examples.ts';
import { carriedBy } from './flow/of-circuit.ts';
import { type FlowRanking, rankByFlow } from './flow-circuit.ts';
import { judge } from './judge.ts';
import { type RunOptions, TOKENS_PER_RUN } from './run-options.ts';
import { meanEstimate } from './scores.ts';
import { type Aggregation, rankNodes } from './select.ts';
import { type TrainEffects, trainEffects } from './train-effects.ts';
import type { CircuitResult } from './types.ts';

export interface CircuitOptions {
  /** How effects are taken, e.g. `midpoint-10` (see effectMethod()). */
  readonly rule: string;
  /** What nodes are compared with. */
  readonly baseline: Baseline;
  /** Nodes are ranked position by position (`none`), or features by the sum over their positions (`sum`). */
  readonly aggregation: Aggregation;
  /** Circuits of the largest effects, or of the paths that carry most work (flow-circuit.ts). */
  readonly select: 'threshold' | 'flow';
  /** With `flow`: train examples and points of the line, and how many nodes edges are taken between. */
  readonly flow: { readonly examples: number; readonly rule: string; readonly candidates: number };
  /** The circuit that is listed is the largest of the curve with no more nodes than this. */
  readonly maxNodes: number;
  /** Train examples that edges and token nodes are averaged over. */
  readonly edgeExamples: number;
  /** Sizes of the faithfulness curve. */
  readonly sizes: readonly number[];
  /** Random circuits per size; their mean is the null. */
  readonly randomDraws: number;
  readonly tokensPerRun: number;
  /** Whether the neuron circuit is run beside it. */
  readonly neurons: boolean;
}

export const CIRCUIT_DEFAULTS: CircuitOptions = {
  rule: DEFAULT_RULE,
  baseline: 'counterfactual',
  aggregation: 'none',
  select: 'threshold',
  flow: { examples: 4, rule: 'midpoint-10', candidates: 300 },
  maxNodes: 200,
  edgeExamples: 20,
  sizes: SIZES,
  randomDraws: 3,
  tokensPerRun: TOKENS_PER_RUN,
  neurons: true,
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
 * @throws CircuitError `circuit.no-dictionaries`, `circuit.other-model`, `circuit.not-a-place`, `circuit.width`,
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
    { method: options.rule, baseline: options.baseline },
    { task: task.name, title: task.title },
    { ...run, threads },
    context,
  );
  requireContrast(task.name, task.train, train.clean_B, train.patch_B);
  const flow =
    options.select === 'flow'
      ? await flowOfTask(network, dictionaries, task, options, run, context)
      : undefined;
  const ranked =
    flow?.ranked ??
    rankNodes(
      train.places.map((cut) => cut.effects),
      options.aggregation,
    );
  const judged = await judge(
    network,
    {
      train,
      trainPairs: pairs,
      heldOut,
      ranked,
      sizes: options.sizes,
      maxNodes: options.maxNodes,
      draws: options.randomDraws,
      neurons: options.neurons,
      random: stream,
      title: task.title,
      threads,
    },
    run,
    context,
  );
  const point = judged.curve[judged.chosen]!;
  const chosen = ranked.slice(0, point.nodes);
  const { all, ...graph } = await drawGraph(
    network,
    train,
    pairs,
    chosen,
    { task, options, run, flow },
    context,
  );
  await saveEffects(input.folder, {
    task: task.name,
    rule: options.rule,
    deltaM_B: train.clean_B.map((m, b) => m - train.patch_B[b]!),
    edges: all,
    places: train.places.map((cut) => ({
      effects: cut.effects,
      attributionPatching: cut.attributionPatching,
      clean_TF: meanActivations(cut, 'clean'),
      patch_TF: meanActivations(cut, 'patch'),
    })),
  });
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
    method: {
      rule: options.rule,
      baseline: options.baseline,
      aggregation: options.aggregation,
      select: options.select,
    },
    ...(flow ? { balance: flow.balance } : {}),
    ...graph,
    flow: carriedBy(graph),
    ...judged,
    faithfulness: point.faithfulness,
    completeness: point.completeness,
    random: point.random,
    examples: pairs.examples,
    heldOutExamples: heldOut.examples,
  };
}

/** Path work of the first train examples, and nodes ranked by it. */
function flowOfTask(
  network: Network,
  dictionaries: readonly Dictionary[],
  task: Task,
  { flow: { examples, rule, candidates } }: CircuitOptions,
  run: RunOptions,
  { progress }: WorkContext,
): Promise<FlowRanking> {
  const few = pairsOf(task.name, task.train.slice(0, examples));
  return track(progress, { task: 'flow', label: `Flow: ${task.title}`, unit: 'runs' }, (advance) => {
    let done = 0;
    const counted: RunOptions = {
      ...run,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    };
    return rankByFlow(network, dictionaries, few, { rule, candidates }, counted);
  });
}

interface Parts {
  readonly flow: FlowRanking | undefined;
  readonly task: Task;
  readonly options: CircuitOptions;
  readonly run: RunOptions;
}

async function drawGraph(
  network: Network,
  train: TrainEffects,
  pairs: Pairs,
  chosen: ReturnType<typeof rankNodes>,
  { task, options, run, flow }: Parts,
  { progress }: WorkContext,
): Promise<Pick<CircuitResult, 'nodes' | 'edges'> & { readonly all: readonly EdgeEffects[] }> {
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
    const lines = await tokenNodes(network, train, few, options.rule, counted);
    const tokens = flow ? lines.map((t) => ({ ...t, effect: flow.tokens_T[t.position] ?? t.effect })) : lines;
    const nodes = [
      ...tokens,
      ...circuitNodes(chosen, train.places),
      outputNode(network, train, pairs.positions),
    ];
    if (!flow)
      return { nodes, ...(await circuitEdges(network, train, chosen, tokens, few, options.rule, counted)) };
    const shown = new Set(nodes.map((node) => node.id));
    const edges = flow.flow.edges.filter((e) => shown.has(e.source) && shown.has(e.target));
    return { nodes, edges, all: flow.edges };
  });
}
