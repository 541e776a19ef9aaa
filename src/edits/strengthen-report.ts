/** @file What strengthening is reported by: figures of every gain with intervals over pairs, beside random features. */
import { meanOfRuns } from '../circuits/scores.ts';
import type { Random } from '../core/random.ts';
import { type Estimate, mean } from '../core/statistics.ts';
import { type Behaviour, rightOf } from './collateral/behaviours.ts';
import type { Condition } from './conditions.ts';
import type { TextFigures } from './measure.ts';
import { meanWithInterval } from './scores.ts';
import type { StrengthenInput, StrengthenResult, StrengthenRow } from './strengthen-types.ts';
import type { EditedFeature } from './types.ts';

/** Of every condition, the first being none: held-out pairs of the task and of the others, its train pairs, plain text. */
export interface StrengthenFigures {
  readonly conditions: readonly Condition[];
  readonly held: readonly (readonly Behaviour[])[];
  readonly trained: readonly Behaviour[];
  readonly plain: readonly TextFigures[];
}

/** A figure of each pair: the mean over its sides, which are no independent examples. On the patched side the wrong answer is right. */
const ofPairs = ({ clean_B, patch_B }: Behaviour, figure: (margin: number) => number): number[] =>
  Array.from(clean_B, (clean, b) => (figure(clean) + figure(-patch_B[b]!)) / 2);
/** Log-odds of the right answer. */
const margins = (of: Behaviour): number[] => ofPairs(of, (m) => m);
/** Share of the sides that are answered right. */
const right = (of: Behaviour): number[] => ofPairs(of, (m) => (m > 0 ? 1 : 0));

/** One row's numbers, draws averaged example by example. */
interface Averaged {
  readonly margin_B: readonly number[];
  readonly right_B: readonly number[];
  readonly others: readonly (readonly number[])[];
  readonly kl_W: readonly number[];
  readonly loss_W: readonly number[];
}

function averaged({ held, plain }: StrengthenFigures, which: readonly number[]): Averaged {
  const average = (pick: (i: number) => ArrayLike<number>) => [...meanOfRuns(which.map(pick))];
  return {
    margin_B: average((i) => margins(held[i]![0]!)),
    right_B: average((i) => right(held[i]![0]!)),
    others: held[0]!.slice(1).map((_, o) => average((i) => rightOf(held[i]![o + 1]!))),
    kl_W: average((i) => plain[i]!.kl_W),
    loss_W: average((i) => plain[i]!.loss_W),
  };
}

/** The conditions of a method at a gain, by number. */
const conditionsOf = (
  { conditions }: StrengthenFigures,
  method: Condition['method'],
  gain: number,
): number[] => conditions.flatMap((c, i) => (c.method === method && c.strength === -gain ? [i] : []));

/** Mean with its interval, under a name of its own stream. */
type Within = (values: readonly number[], name: string) => Estimate;

const minus = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]!);

/** The result of all conditions. */
export function strengthenResult(
  { task, others, gains, method, text }: StrengthenInput,
  features: readonly EditedFeature[],
  figures: StrengthenFigures,
  stream: Random,
): StrengthenResult {
  const within: Within = (values, name) => meanWithInterval(values, stream.fork(name));
  const names = others.map((other) => other.name);
  const before = averaged(figures, [0]);
  const onTrain = gains.map((gain) => {
    const behaviour = figures.trained[conditionsOf(figures, 'features', gain)[0]!]!;
    return { gain, trainAccuracy: mean(right(behaviour)), trainMargin: mean(margins(behaviour)) };
  });
  return {
    task: task.name,
    title: task.title,
    method,
    features,
    baseline: {
      accuracy: within(before.right_B, 'baseline/accuracy'),
      margin: within(before.margin_B, 'baseline/margin'),
      perplexity: Math.exp(mean([...before.loss_W])),
      others: names.map((name, o) => ({
        task: name,
        accuracy: within(before.others[o]!, `baseline/${name}`),
      })),
    },
    rows: gains.flatMap((gain) => rowsAt(gain, names, figures, before, within)),
    chosen: onTrain.reduce((a, b) => (b.trainMargin > a.trainMargin ? b : a)),
    counts: {
      pairs: task.heldOut.length,
      textTokens: text.heldOut.reduce((sum, w) => sum + w.length - 1, 0),
    },
  };
}

/** The rows of one gain: the chosen features, and random ones where there are any. */
function rowsAt(
  gain: number,
  others: readonly string[],
  figures: StrengthenFigures,
  before: Averaged,
  within: Within,
): StrengthenRow[] {
  const drawn = conditionsOf(figures, 'random', gain);
  const random = drawn.length > 0 ? averaged(figures, drawn) : undefined;
  return (['features', 'random'] as const).flatMap((method): StrengthenRow[] => {
    const which = conditionsOf(figures, method, gain);
    if (which.length === 0) return [];
    const now = averaged(figures, which);
    const at = (what: string) => `${method}/${gain}/${what}`;
    const conditions = which.map((i) => figures.conditions[i]!);
    return [
      {
        method,
        gain,
        deltaX: mean(conditions.map((one) => one.deltaX)),
        deltaXText: mean(conditions.map((one) => one.deltaXText)),
        accuracy: within(now.right_B, at('accuracy')),
        accuracyChange: within(minus(now.right_B, before.right_B), at('accuracy-change')),
        margin: within(now.margin_B, at('margin')),
        marginChange: within(minus(now.margin_B, before.margin_B), at('margin-change')),
        ...(method === 'features' && random
          ? {
              beyondRandom: within(minus(now.margin_B, random.margin_B), at('beyond')),
              accuracyBeyondRandom: within(minus(now.right_B, random.right_B), at('accuracy-beyond')),
            }
          : {}),
        others: others.map((task, o) => ({
          task,
          accuracy: within(now.others[o]!, at(task)),
          accuracyChange: within(minus(now.others[o]!, before.others[o]!), at(`${task}-change`)),
        })),
        kl: within(now.kl_W, at('kl')),
        perplexity: Math.exp(mean([...now.loss_W])),
        draws: which.length,
      },
    ];
  });
}
