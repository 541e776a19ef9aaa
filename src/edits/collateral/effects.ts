/** @file Effect matrix: what the edit of concept i does to concept j, every edit at the same effect on its own concept. */

import { fitProbe, type LinearProbe, probeLogit } from '../../activations/probe.ts';
import type { Network } from '../../circuits/cuts.ts';
import type { Pairs } from '../../circuits/examples.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { meanOfRuns } from '../../circuits/scores.ts';
import { EditError } from '../../core/errors.ts';
import { type Random, random } from '../../core/random.ts';
import { mean, quantile } from '../../core/statistics.ts';
import type { Task } from '../../data/tasks.ts';
import type { Graph } from '../../graph/types.ts';
import { applyEdit, applyShuffled } from '../apply.ts';
import { conceptOf, lastStates } from '../concepts.ts';
import { type Edit, kindOf } from '../kinds/registry.ts';
import { siteOf } from '../kinds/types.ts';
import type { Feeds } from '../measure.ts';
import type { EditedNetwork } from '../place.ts';
import { effectOf, startOf, taskPrompts, withBehaviours } from './behaviours.ts';
import { removedShare, summaryOf } from './measure.ts';
import type { EffectMatrix, EffectRow, EffectScore } from './types.ts';

/** A concept: a behaviour that shows it, and the edit that is meant for it. */
export interface EditedConcept {
  readonly task: Task;
  readonly edit: Edit;
}

export interface EffectOptions {
  /** The share of its own effect that each edit is to remove; 0.5 when absent. */
  readonly aim?: number;
  /** Random edits per concept. */
  readonly draws: number;
  readonly seed: number;
  readonly run: RunOptions;
}

/** The steps of bisection: strengths to 1/128 of their range. */
const BISECTIONS = 7;

/** Effects of every concept before and after one edit, pair by pair. */
interface Measured {
  readonly row: EffectRow;
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  readonly random: readonly number[];
}

/**
 * K×K effects by behaviour (share of m(clean) − m(patch) that is removed, on held-out pairs) and by linear probes that
 * were fitted on unedited train prompts. Strengths are matched on train pairs, so that no held-out pair chooses anything.
 * @throws EditError `edit.one-concept` below two concepts; as applyEdit()
 */
export async function effectMatrix(
  model: EditedNetwork,
  network: Network,
  concepts: readonly EditedConcept[],
  options: EffectOptions,
): Promise<EffectMatrix> {
  if (concepts.length < 2) {
    throw new EditError('edit.one-concept', 'an effect matrix needs at least two concepts', {
      hint: 'give one edit and one task for each concept',
    });
  }
  const { aim = 0.5, seed } = options;
  const stream = random(seed).fork('effect-matrix');
  const probes = await probesOf(network, concepts, options.run);
  const measured: Measured[] = [];
  for (const [i, concept] of concepts.entries()) {
    measured.push(
      await measureRow(network, model, concepts, i, probes, { ...options, aim }, stream, concept.edit),
    );
  }
  const rows = measured.map((m) => m.row);
  const probe = rows.map((row) => row.probe);
  const full = probe.every((row) => row.every((v) => v !== null)) ? (probe as number[][]) : undefined;
  const randomRows = measured.map((m) => m.random);
  return {
    concepts: concepts.map(({ task }) => task.name),
    aim,
    rows,
    behaviour: scored(measured, stream.fork('score')),
    ...(full ? { probe: scoreOf(full) } : {}),
    random: { rows: randomRows, score: scoreOf(randomRows).score },
  };
}

async function measureRow(
  network: Network,
  model: EditedNetwork,
  concepts: readonly EditedConcept[],
  own: number,
  probes: readonly (ConceptProbe | undefined)[],
  options: EffectOptions & { readonly aim: number },
  stream: Random,
  edit: Edit,
): Promise<Measured> {
  const { run, aim, draws } = options;
  const tasks = concepts.map((c) => c.task);
  const name = tasks[own]!.name;
  const applied = applyEdit(edit, model);
  const shuffled = applyShuffled(edit, model);
  const start = startOf(network, edit.changes.map(siteOf));
  const [edited, turned] = [applied.apply(network.graph), shuffled.apply(network.graph)];
  const train = await taskPrompts(network, [tasks[own]!], 'train', start, run);
  const heldOut = await taskPrompts(network, tasks, 'heldOut', start, run);
  const { factor, matched, before, after } = await withBehaviours(
    network,
    edited,
    start,
    run,
    async (measure) => {
      const removedAt = async (factor: number) => {
        const [none, now] = [
          await measure(train[0]!, applied.feedsAt(0)),
          await measure(train[0]!, applied.feedsAt(factor)),
        ];
        return 1 - mean(effectOf(now)) / mean(effectOf(none));
      };
      const found = await matchStrength(removedAt, aim, largestFactor(edit));
      const sides = { before: [] as number[][], after: [] as number[][] };
      for (const one of heldOut) {
        sides.before.push(effectOf(await measure(one, applied.feedsAt(0))));
        sides.after.push(effectOf(await measure(one, applied.feedsAt(found.factor))));
      }
      return { ...found, ...sides };
    },
  );
  const randomRow = await withBehaviours(network, turned, start, run, async (measure) => {
    const row: number[] = [];
    for (const [j, one] of heldOut.entries()) {
      const effects: number[][] = [];
      for (let draw = 0; draw < draws; draw++) {
        const drawn = shuffled.draw(stream.fork(`${name}/${draw}`));
        effects.push(effectOf(await measure(one, { ...shuffled.feedsAt(factor), ...drawn })));
      }
      row.push(1 - mean([...meanOfRuns(effects)]) / mean(before[j]!));
    }
    return row;
  });
  const probe = await probeRow(network, edited, applied.feedsAt(factor), probes, run);
  const behaviour = before.map((b, j) => removedShare(b, after[j]!, stream.fork(`${name}/${j}`)));
  return {
    row: { concept: name, changes: edit.changes.map(summaryOf), factor, matched, behaviour, probe },
    before,
    after,
    random: randomRow,
  };
}

/** How far all strengths of an edit may be multiplied before one leaves its range. */
export const largestFactor = (edit: Edit): number =>
  Math.min(
    ...edit.changes.map((change) => {
      const [low, high] = kindOf(change).strength;
      const end = change.strength > 0 ? high : low;
      return change.strength === 0 ? Number.POSITIVE_INFINITY : end / change.strength;
    }),
    10,
  );

/** The smallest factor found at which `removed` reaches `aim`; the one with the most, where none does. */
export async function matchStrength(
  removed: (factor: number) => Promise<number>,
  aim: number,
  largest: number,
): Promise<{ readonly factor: number; readonly matched: boolean }> {
  // Doubling first: effects of strong edits are not monotone.
  let [low, high] = [0, Math.min(largest, 0.25)];
  let best = { factor: high, removed: Number.NEGATIVE_INFINITY };
  for (;;) {
    const now = await removed(high);
    if (now > best.removed) best = { factor: high, removed: now };
    if (now >= aim || high >= largest) break;
    low = high;
    high = Math.min(largest, 2 * high);
  }
  if (best.removed < aim) return { factor: best.factor, matched: false };
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if ((await removed(middle)) >= aim) high = middle;
    else low = middle;
  }
  return { factor: high, matched: true };
}

/** A linear probe for a concept at the last cut and position, and how far apart it puts the answers unedited. */
interface ConceptProbe {
  readonly probe: LinearProbe;
  readonly heldOut: Pairs;
  readonly label_N: ArrayLike<number>;
  readonly separation: number;
}

async function probesOf(
  network: Network,
  concepts: readonly EditedConcept[],
  run: RunOptions,
): Promise<(ConceptProbe | undefined)[]> {
  const cut = network.cuts.at(-1)!;
  const all: (ConceptProbe | undefined)[] = [];
  const prompts = concepts.map((c) => c.task);
  const train = await taskPrompts(network, prompts, 'train', undefined, run);
  const heldOut = await taskPrompts(network, prompts, 'heldOut', undefined, run);
  for (const [i, { pairs }] of train.entries()) {
    const concept = conceptOf(pairs);
    const label = conceptOf(heldOut[i]!.pairs);
    if (concept.concepts !== 1 || label.concepts !== 1) {
      all.push(undefined);
      continue;
    }
    const { x_ND, width } = await lastStates(network.graph, cut, pairs, run);
    const probe = fitProbe(x_ND, concept.z_NZ, width, 1e-3);
    const test = await lastStates(network.graph, cut, heldOut[i]!.pairs, run);
    const separation = separationOf(probe, test.x_ND, label.z_NZ);
    all.push({ probe, heldOut: heldOut[i]!.pairs, label_N: label.z_NZ, separation });
  }
  return all;
}

/** Mean logit of one answer minus mean logit of the other. */
function separationOf(probe: LinearProbe, x_ND: ArrayLike<number>, label_N: ArrayLike<number>): number {
  const groups: [number[], number[]] = [[], []];
  for (let n = 0; n < label_N.length; n++) groups[label_N[n]! > 0.5 ? 1 : 0].push(probeLogit(probe, x_ND, n));
  return mean(groups[1]) - mean(groups[0]);
}

async function probeRow(
  network: Network,
  edited: Graph,
  feeds: Feeds,
  probes: readonly (ConceptProbe | undefined)[],
  run: RunOptions,
): Promise<(number | null)[]> {
  const cut = network.cuts.at(-1)!;
  const row: (number | null)[] = [];
  for (const one of probes) {
    if (!one) {
      row.push(null);
      continue;
    }
    const { x_ND } = await lastStates(edited, cut, one.heldOut, run, feeds);
    row.push(1 - separationOf(one.probe, x_ND, one.label_N) / one.separation);
  }
  return row;
}

/** on, off and score of a matrix of effects, rows being edits; −1, the worst, where edits do not remove their own effect at all. */
export function scoreOf(effects: readonly (readonly number[])[]): Pick<EffectScore, 'on' | 'off' | 'score'> {
  const on = mean(effects.map((row, i) => row[i]!));
  const off = mean(effects.flatMap((row, i) => row.filter((_, j) => j !== i).map(Math.abs)));
  return { on, off, score: on > 0 ? (on - off) / (on + off) : -1 };
}

/** The score with its interval: held-out pairs of every concept are drawn again, the same ones for all edits. */
function scored(
  rows: readonly Pick<Measured, 'before' | 'after'>[],
  stream: Random,
  resamples = 1000,
): EffectScore {
  const effects = (pick: readonly (readonly number[])[]) =>
    rows.map(({ before, after }) =>
      before.map((b, j) => {
        const chosen = pick[j]!;
        return 1 - mean(chosen.map((p) => after[j]![p]!)) / mean(chosen.map((p) => b[p]!));
      }),
    );
  const sizes = rows[0]!.before.map((b) => b.length);
  const point = scoreOf(effects(sizes.map((n) => Array.from({ length: n }, (_, p) => p))));
  const scores: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const drawn = sizes.map((n) => Array.from({ length: n }, () => stream.integer(n)));
    const { score } = scoreOf(effects(drawn));
    if (Number.isFinite(score)) scores.push(score);
  }
  const interval = {
    value: point.score,
    low: scores.length > 0 ? quantile(scores, 0.025) : Number.NaN,
    high: scores.length > 0 ? quantile(scores, 0.975) : Number.NaN,
    n: Math.min(...sizes),
  };
  return { ...point, interval };
}
