/**
 * @file Node effects site by site: a dictionary is opened when its turn comes and let go after it, so that memory holds
 * one of them, however many sites there are.
 */
import type { Dictionary } from '../dictionaries/types.ts';
import { type Baseline, baselineState } from './baselines.ts';
import { costatesAt } from './costates.ts';
import { cutBefore, type Network, placeOf } from './cuts.ts';
import { movesOf, type PlaceEffects, placeEffects } from './effects.ts';
import { encodeStates } from './encode-state.ts';
import { metricWith } from './exact.ts';
import type { Pairs } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { forwardPairs } from './forward.ts';
import { effectMethod, lineCostatesBy } from './node-effects.ts';
import type { RunOptions } from './run-options.ts';

/** A dictionary that is opened when it is needed. */
export interface DictionaryAt {
  readonly site: string;
  open(): Promise<Dictionary>;
}

export interface StreamedEffectsOptions {
  /** As for nodeEffects(); `exact` runs through all nodes and is not streamed. */
  readonly method: string;
  readonly baseline?: Baseline;
}

/**
 * The effects of nodeEffects(), one site after another in the order of `sources`. Rows that are the same on both sides, or
 * in several examples, are encoded once. `change_B` is NaN where it would take a run of its own: at places that are no
 * complete cuts, for methods that need no such run.
 * @throws RangeError for `exact`; CircuitError as nodeEffects()
 */
export async function* streamedEffects(
  network: Network,
  sources: readonly DictionaryAt[],
  pairs: Pairs,
  { method: name, baseline = 'counterfactual' }: StreamedEffectsOptions,
  options: RunOptions,
): AsyncGenerator<PlaceEffects> {
  const method = effectMethod(name);
  if (method.kind === 'exact') throw new RangeError('exact effects are taken by nodeEffects()');
  const startOf = (site: string) => cutBefore(network, placeOf(network, site));
  const sites = sources.map(({ site }) => site);
  const kept = new Set([...sites, ...(method.kind === 'clean' ? [] : sites.map(startOf))]);
  const { clean, patch } = await forwardPairs(network, pairs, [...kept], options);
  const atOnce =
    method.kind === 'clean' ? await costatesAt(network, sites, pairs, options, method.rules) : {};
  const { examples, positions } = pairs;
  for (const { site, open } of sources) {
    const { depth, width, complete } = placeOf(network, site);
    const shape = { examples, positions, width };
    const dictionary = await open();
    const [cleanState, patchState] = (await encodeStates(
      dictionary,
      [clean.states[site]!, patch.states[site]!],
      shape,
      options.threads ?? 1,
    )) as [FeatureState, FeatureState];
    const start = { site: startOf(site), x_BTD: clean.states[startOf(site)] ?? [] };
    const other = baselineState(baseline, patchState, dictionary);
    let change_B = clean.metric_B.map((m, b) => patch.metric_B[b]! - m);
    if (baseline !== 'counterfactual' || (!complete && method.kind === 'adaptive')) {
      const patched_B = await metricWith(network, site, other.x_BTD, pairs, options, start);
      change_B = patched_B.map((m, b) => m - clean.metric_B[b]!);
    } else if (!complete) change_B.fill(Number.NaN);
    const costate_BTD =
      method.kind === 'clean'
        ? atOnce[site]!
        : (
            await lineCostatesBy(
              method,
              network,
              { dictionary, clean: cleanState, patch: patchState, start },
              other,
              pairs,
              change_B,
              options,
            )
          ).costate_BTD;
    yield placeEffects(
      { site, depth, ...shape },
      dictionary,
      movesOf(cleanState, other),
      costate_BTD,
      change_B,
    );
  }
}
