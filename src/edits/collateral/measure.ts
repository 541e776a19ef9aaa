/** @file measureCollateral(): an edit on held-out behaviours and plain text, beside random edits of equal ‖Δx‖. */
import { networkOf } from '../../circuits/cuts.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { meanOfRuns } from '../../circuits/scores.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { type Random, random } from '../../core/random.ts';
import { bootstrap, type Estimate, mean } from '../../core/statistics.ts';
import type { Task } from '../../data/tasks.ts';
import type { Model } from '../../models/types.ts';
import { applyEdit, applyShuffled } from '../apply.ts';
import type { Change, Edit } from '../kinds/registry.ts';
import { onFeatures, siteOf } from '../kinds/types.ts';
import { type TextFigures, textFigures } from '../measure.ts';
import { meanWithInterval } from '../scores.ts';
import { type Behaviour, effectOf, rightOf, startOf, taskPrompts, withBehaviours } from './behaviours.ts';
import type { ChangeSummary, CollateralResult, TaskCollateral, TextCollateral } from './types.ts';

export interface CollateralInput {
  readonly model: Model;
  readonly edit: Edit;
  /** Behaviours whose held-out pairs are scored. */
  readonly tasks: readonly Task[];
  /** Those that the edit is meant to change, by name. */
  readonly targets?: readonly string[];
  /** Plain text, token ids, all of one length. */
  readonly windows: readonly Int32Array[];
  /** Random edits; 0 for none. */
  readonly draws: number;
  /** All strengths times this; 1 when absent. */
  readonly factor?: number;
  readonly seed: number;
  readonly run: RunOptions;
}

/**
 * What an edit moves. Random edits move every position as far, in other directions: the change's own coordinates
 * exchanged and their signs drawn (applyShuffled). Intervals are 95 % bootstraps over pairs and windows.
 * @throws EditError as applyEdit(), CircuitError as pairsOf()
 */
export async function measureCollateral(
  input: CollateralInput,
  context: WorkContext,
): Promise<CollateralResult> {
  const { model, edit, tasks, windows, draws, factor = 1 } = input;
  const network = networkOf(model);
  const applied = applyEdit(edit, model);
  const shuffled = applyShuffled(edit, model);
  const stream = random(input.seed).fork('collateral');
  const sites = edit.changes.map(siteOf);
  const start = startOf(network, sites);
  const label = { task: 'collateral', label: 'What else the edit moves', unit: 'runs' };
  return track(context.progress, label, async (advance) => {
    let done = 0;
    const run: RunOptions = { ...input.run, advance: () => advance(++done) };
    const none = applied.feedsAt(0);
    const own = applied.feedsAt(factor);
    const drawn = Array.from({ length: shuffled.moved.length > 0 ? draws : 0 }, (_, i) => ({
      ...shuffled.feedsAt(factor),
      ...shuffled.draw(stream.fork(`draw/${i}`)),
    }));
    const [edited, turned] = [applied.apply(network.graph), shuffled.apply(network.graph)];

    const text =
      windows.length === 0
        ? []
        : await textFigures(network, edited, start, windows, [none, own], run, applied.moved);
    const randomText =
      windows.length === 0 || drawn.length === 0
        ? []
        : await textFigures(network, turned, start, windows, drawn, run);

    const prompts = await taskPrompts(network, tasks, 'heldOut', start, run);
    const behaviours = await withBehaviours(network, edited, start, run, async (measure) => {
      const all: { before: Behaviour; after: Behaviour }[] = [];
      for (const one of prompts)
        all.push({ before: await measure(one, none), after: await measure(one, own) });
      return all;
    });
    const others =
      drawn.length === 0 || prompts.length === 0
        ? []
        : await withBehaviours(network, turned, start, run, async (measure) => {
            const all: Behaviour[][] = [];
            for (const one of prompts) {
              const of: Behaviour[] = [];
              for (const feeds of drawn) of.push(await measure(one, feeds));
              all.push(of);
            }
            return all;
          });
    const targets = new Set(input.targets ?? []);
    return {
      model: { name: model.name, hash: model.hash, note: model.note },
      changes: edit.changes.map(summaryOf),
      factor,
      draws: drawn.length,
      tasks: prompts.map(({ task, pairs }, i) => ({
        task: task.name,
        title: task.title,
        target: targets.has(task.name),
        examples: pairs.examples,
        ...taskFigures(behaviours[i]!, others[i] ?? [], stream.fork(task.name)),
      })),
      ...(text.length === 0
        ? {}
        : { text: figuresOfText(text, randomText, windows, applied.moved, stream.fork('text')) }),
    };
  });
}

export const summaryOf = (change: Change): ChangeSummary => ({
  kind: change.kind,
  site: siteOf(change),
  strength: change.strength,
  ...(onFeatures(change) ? { features: change.features.length } : {}),
});

/** 1 − Σ after / Σ before over pairs. */
export const removedShare = (before: readonly number[], after: readonly number[], stream: Random): Estimate =>
  bootstrap(
    before.map((b, i) => [b, after[i]!] as const),
    (pairs) => 1 - mean(pairs.map(([, a]) => a)) / mean(pairs.map(([b]) => b)),
    stream,
  );

/**
 * Figures of one task.
 * @param random the same pairs under each random edit; none leaves out what stands beside
 */
export function taskFigures(
  { before, after }: { readonly before: Behaviour; readonly after: Behaviour },
  random: readonly Behaviour[],
  stream: Random,
): Pick<TaskCollateral, 'accuracy' | 'effect' | 'random'> {
  const interval = (values: readonly number[], name: string) => meanWithInterval(values, stream.fork(name));
  const minus = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (v, i) => v - b[i]!);
  const [rightBefore, rightAfter] = [rightOf(before), rightOf(after)];
  const [effectBefore, effectAfter] = [effectOf(before), effectOf(after)];
  const randomRight = meanOfRuns(random.map(rightOf));
  const randomEffect = [...meanOfRuns(random.map(effectOf))];
  return {
    accuracy: {
      before: interval(rightBefore, 'accuracy-before'),
      after: interval(rightAfter, 'accuracy-after'),
      change: interval(minus(rightAfter, rightBefore), 'accuracy-change'),
    },
    effect: {
      before: interval(effectBefore, 'effect-before'),
      after: interval(effectAfter, 'effect-after'),
      removed: removedShare(effectBefore, effectAfter, stream.fork('removed')),
    },
    ...(random.length === 0
      ? {}
      : {
          random: {
            accuracyChange: interval(minus(randomRight, rightBefore), 'random-accuracy'),
            removed: removedShare(effectBefore, randomEffect, stream.fork('random-removed')),
            beyond: interval(minus(randomEffect, effectAfter), 'beyond'),
          },
        }),
  };
}

function figuresOfText(
  [before, after]: readonly TextFigures[],
  random: readonly TextFigures[],
  windows: readonly Int32Array[],
  moved: readonly { readonly site: string }[],
  stream: Random,
): TextCollateral {
  const perplexity = (losses: ArrayLike<number>) => Math.exp(mean(Array.from(losses)));
  const interval = (values: readonly number[], name: string) => meanWithInterval(values, stream.fork(name));
  const kl = after?.kl_W ?? [];
  const randomKl = [...meanOfRuns(random.map((f) => f.kl_W))];
  return {
    windows: windows.length,
    tokens: windows.reduce((sum, w) => sum + w.length - 1, 0),
    kl: interval(kl, 'kl'),
    perplexity: { before: perplexity(before?.loss_W ?? []), after: perplexity(after?.loss_W ?? []) },
    deltaX: moved.map(({ site }, m) => ({ site, size: interval(after?.deltaX_MW[m] ?? [], `delta/${m}`) })),
    ...(random.length === 0
      ? {}
      : {
          random: {
            kl: interval(randomKl, 'random-kl'),
            perplexity: perplexity(meanOfRuns(random.map((f) => f.loss_W))),
            beyond: interval(
              randomKl.map((v, w) => v - kl[w]!),
              'beyond-kl',
            ),
          },
        }),
  };
}
