/** @file Strengthening: the features that serve a behaviour turned up, and what it costs, beside random features of equal ‖Δx‖. */
import { networkOf } from '../circuits/cuts.ts';
import { pairsOf } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { CircuitError } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Graph } from '../graph/types.ts';
import { type Behaviour, taskPrompts, withBehaviours } from './collateral/behaviours.ts';
import { conditions } from './conditions.ts';
import { editableAt, editFeeds } from './edit-graph.ts';
import { editedSites } from './edited-sites.ts';
import type { Change } from './kinds/registry.ts';
import { textFigures } from './measure.ts';
import { servingFeatures } from './serving.ts';
import { strengthenResult } from './strengthen-report.ts';
import type { StrengthenInput, StrengthenResult } from './strengthen-types.ts';

export type { StrengthenInput, StrengthenResult } from './strengthen-types.ts';

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
    return strengthenResult(input, features, { conditions: all, held, trained, plain }, stream);
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
