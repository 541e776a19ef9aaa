/** @file Strengthening: the features that serve a behaviour turned up, and what it costs, beside random features of equal ‖Δx‖. */
import { networkOf } from '../circuits/cuts.ts';
import { pairsOf } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { meanOfRuns } from '../circuits/scores.ts';
import { CircuitError } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { type Random, random } from '../core/random.ts';
import { type Estimate, mean } from '../core/statistics.ts';
import type { Task } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Graph } from '../graph/types.ts';
import type { Model } from '../models/types.ts';
import { type Behaviour, rightOf, taskPrompts, withBehaviours } from './collateral/behaviours.ts';
import { type Condition, conditions } from './conditions.ts';
import { editableAt, editFeeds } from './edit-graph.ts';
import { editedSites } from './edited-sites.ts';
import type { Change } from './kinds/registry.ts';
import { type TextFigures, textFigures } from './measure.ts';
import { meanWithInterval } from './scores.ts';
import { servingFeatures } from './serving.ts';
import type { EditedFeature } from './types.ts';

export interface StrengthenInput {
  readonly model: Model;
  /** The behaviour to be made more reliable. Features are chosen on its train pairs. */
  readonly task: Task;
  /** Behaviours that should stay as they are. */
  readonly others: readonly Task[];
  /** By depth. */
  readonly dictionaries: readonly Dictionary[];
  /** How many features. */
  readonly features: number;
  /** What is added: f becomes (1 + gain) f. */
  readonly gains: readonly number[];
  /** How effects are taken (effectMethod()). */
  readonly method: string;
  /** Draws of random features per gain. */
  readonly draws: number;
  /** Plain text: train windows for the size of edits there, held-out ones for KL. Token ids, all of one length. */
  readonly text: { readonly train: readonly Int32Array[]; readonly heldOut: readonly Int32Array[] };
  readonly seed: number;
  readonly run: RunOptions;
  readonly threads: number;
}

/** One gain, by the chosen features or by random ones. */
export interface StrengthenRow {
  readonly method: 'features' | 'random';
  readonly gain: number;
  /** Mean ‖Δx‖ per position and site on the task's train prompts, and on plain train text. */
  readonly deltaX: number;
  readonly deltaXText: number;
  /** Share of held-out prompts, both sides of every pair, that are answered right. */
  readonly accuracy: Estimate;
  readonly accuracyChange: Estimate;
  /** Mean log-odds of the right answer, both sides, and its change, pair by pair. */
  readonly margin: Estimate;
  readonly marginChange: Estimate;
  /** Margin under these features minus margin under random ones of the same ‖Δx‖, pair by pair. */
  readonly beyondRandom?: Estimate;
  readonly accuracyBeyondRandom?: Estimate;
  readonly others: readonly {
    readonly task: string;
    readonly accuracy: Estimate;
    readonly accuracyChange: Estimate;
  }[];
  readonly kl: Estimate;
  readonly perplexity: number;
  readonly draws: number;
}

export interface StrengthenResult {
  readonly task: string;
  readonly title: string;
  readonly method: string;
  readonly features: readonly EditedFeature[];
  readonly baseline: {
    readonly accuracy: Estimate;
    readonly margin: Estimate;
    readonly perplexity: number;
    readonly others: readonly { readonly task: string; readonly accuracy: Estimate }[];
  };
  readonly rows: readonly StrengthenRow[];
  /** The gain with the largest margin on train pairs: what one would take. */
  readonly chosen: { readonly gain: number; readonly trainAccuracy: number; readonly trainMargin: number };
  readonly counts: { readonly pairs: number; readonly textTokens: number };
}

/**
 * Turns the features up that serve a behaviour on train pairs, and scores held-out pairs of it and of others, and plain
 * text. A pair counts twice: the clean prompt, and the patched one with the answers exchanged.
 * @throws CircuitError `circuit.nothing-to-edit`, `circuit.no-text`, and what effects throw
 */
export async function strengthen(input: StrengthenInput, context: WorkContext): Promise<StrengthenResult> {
  const { model, task, others, gains, draws, text } = input;
  if (text.train.length === 0 || text.heldOut.length === 0) {
    throw new CircuitError('circuit.no-text', 'there is no plain text to tell the cost by', {
      hint: 'give text, and at least one window of it',
    });
  }
  const network = networkOf(model);
  const stream = random(input.seed).fork(`strengthen/${task.name}`);
  const label = { task: 'strengthen', label: `Strengthen: ${task.title}`, unit: 'runs' };
  return track(context.progress, label, async (advance) => {
    let done = 0;
    const run: RunOptions = { ...input.run, advance: () => advance(++done) };
    const pairs = pairsOf(task.name, task.train);
    const which = { count: input.features, method: input.method };
    const features = await servingFeatures(network, input.dictionaries, pairs, which, run);
    const dictionaries = input.dictionaries.filter((d) => features.some((f) => f.site === d.site));
    const seen = { pairs, windows: text.train };
    const sites = await editedSites(network, dictionaries, features, seen, input.threads, run);
    const gained = gains.map((gain) => -gain);
    const all = conditions(sites, gained, draws, stream).filter((c) => c.method !== 'mean-ablation');
    const editable = dictionaries.reduce<Graph>(editableAt, network.graph);
    const start = dictionaries[0]!.site;
    const feeds = all.map((c) => editFeeds(c.edits));
    const plain = await textFigures(network, editable, start, text.heldOut, feeds, run);
    const prompts = await taskPrompts(network, [task, ...others], 'heldOut', start, run);
    const train = await taskPrompts(network, [task], 'train', start, run);
    const { held, trained } = await withBehaviours(network, editable, start, run, async (measure) => {
      const held: Behaviour[][] = [];
      const trained: Behaviour[] = [];
      for (const [c, condition] of all.entries()) {
        const row: Behaviour[] = [];
        for (const one of prompts) row.push(await measure(one, feeds[c]!));
        held.push(row);
        trained.push(condition.method === 'random' ? row[0]! : await measure(train[0]!, feeds[c]!));
      }
      return { held, trained };
    });
    return assemble(input, features, all, { held, trained, plain }, stream);
  });
}

/** The chosen gain as changes, by depth: features taken away with a strength below 0. */
export const strengthening = (
  { features, chosen }: StrengthenResult,
  dictionaries: readonly Dictionary[],
): Change[] =>
  dictionaries.flatMap((dictionary): Change[] => {
    const own = features.filter((f) => f.site === dictionary.site).map((f) => f.feature);
    if (own.length === 0) return [];
    return [{ kind: 'zero', dictionary: { dictionary }, features: own, strength: -chosen.gain }];
  });

/** A figure of each pair: the mean over its sides, which are no independent examples. On the patched side the wrong answer is right. */
const ofPairs = ({ clean_B, patch_B }: Behaviour, figure: (margin: number) => number): number[] =>
  Array.from(clean_B, (clean, b) => (figure(clean) + figure(-patch_B[b]!)) / 2);
/** Log-odds of the right answer. */
const margins = (of: Behaviour): number[] => ofPairs(of, (m) => m);
/** Share of the sides that are answered right. */
const right = (of: Behaviour): number[] => ofPairs(of, (m) => (m > 0 ? 1 : 0));

interface Figures {
  readonly held: readonly (readonly Behaviour[])[];
  readonly trained: readonly Behaviour[];
  readonly plain: readonly TextFigures[];
}

/** One row's numbers, draws averaged example by example. */
interface Averaged {
  readonly margin_B: readonly number[];
  readonly right_B: readonly number[];
  readonly others: readonly (readonly number[])[];
  readonly kl_W: readonly number[];
  readonly loss_W: readonly number[];
}

function assemble(
  { task, others, gains, method, text }: StrengthenInput,
  features: readonly EditedFeature[],
  all: readonly Condition[],
  figures: Figures,
  stream: Random,
): StrengthenResult {
  const of = (name: Condition['method'], gain: number): number[] =>
    all.flatMap((c, i) => (c.method === name && c.strength === -gain ? [i] : []));
  const averaged = (which: readonly number[]): Averaged => {
    const average = (pick: (i: number) => ArrayLike<number>) => [...meanOfRuns(which.map(pick))];
    return {
      margin_B: average((i) => margins(figures.held[i]![0]!)),
      right_B: average((i) => right(figures.held[i]![0]!)),
      others: others.map((_, o) => average((i) => rightOf(figures.held[i]![o + 1]!))),
      kl_W: average((i) => figures.plain[i]!.kl_W),
      loss_W: average((i) => figures.plain[i]!.loss_W),
    };
  };
  const before = averaged([0]);
  const interval = (values: readonly number[], name: string) => meanWithInterval(values, stream.fork(name));
  const minus = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]!);
  const rows = gains.flatMap((gain) => {
    const random = of('random', gain).length > 0 ? averaged(of('random', gain)) : undefined;
    return (['features', 'random'] as const).flatMap((name): StrengthenRow[] => {
      const which = of(name, gain);
      if (which.length === 0) return [];
      const now = averaged(which);
      const at = (what: string) => `${name}/${gain}/${what}`;
      return [
        {
          method: name,
          gain,
          deltaX: mean(which.map((i) => all[i]!.deltaX)),
          deltaXText: mean(which.map((i) => all[i]!.deltaXText)),
          accuracy: interval(now.right_B, at('accuracy')),
          accuracyChange: interval(minus(now.right_B, before.right_B), at('accuracy-change')),
          margin: interval(now.margin_B, at('margin')),
          marginChange: interval(minus(now.margin_B, before.margin_B), at('margin-change')),
          ...(name === 'features' && random
            ? {
                beyondRandom: interval(minus(now.margin_B, random.margin_B), at('beyond')),
                accuracyBeyondRandom: interval(minus(now.right_B, random.right_B), at('accuracy-beyond')),
              }
            : {}),
          others: others.map((other, o) => ({
            task: other.name,
            accuracy: interval(now.others[o]!, at(other.name)),
            accuracyChange: interval(minus(now.others[o]!, before.others[o]!), at(`${other.name}-change`)),
          })),
          kl: interval(now.kl_W, at('kl')),
          perplexity: Math.exp(mean([...now.loss_W])),
          draws: which.length,
        },
      ];
    });
  });
  const onTrain = gains.map((gain) => {
    const behaviour = figures.trained[of('features', gain)[0]!]!;
    return { gain, trainAccuracy: mean(right(behaviour)), trainMargin: mean(margins(behaviour)) };
  });
  const chosen = onTrain.reduce((a, b) => (b.trainMargin > a.trainMargin ? b : a));
  return {
    task: task.name,
    title: task.title,
    method,
    features,
    baseline: {
      accuracy: interval(before.right_B, 'baseline/accuracy'),
      margin: interval(before.margin_B, 'baseline/margin'),
      perplexity: Math.exp(mean([...before.loss_W])),
      others: others.map((other, o) => ({
        task: other.name,
        accuracy: interval(before.others[o]!, `baseline/${other.name}`),
      })),
    },
    rows,
    chosen,
    counts: {
      pairs: task.heldOut.length,
      textTokens: text.heldOut.reduce((sum, w) => sum + w.length - 1, 0),
    },
  };
}
