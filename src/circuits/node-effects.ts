/** @file Effects of all nodes of all dictionaries, by any method: gradients at clean, along a line, relevance, or one run a node. */
import { quadrature } from '../autodiff/quadrature.ts';
import { CircuitError } from '../core/errors.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { adaptiveCostates } from './adaptive.ts';
import { type Baseline, baselineState } from './baselines.ts';
import { costatesAt } from './costates.ts';
import { cutBefore, type Network, placeOf } from './cuts.ts';
import { movesOf, type PlaceEffects, placeEffects } from './effects.ts';
import { encodeStates } from './encode-state.ts';
import { exactEffects, metricWith, placeChange } from './exact.ts';
import type { Pairs } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { type ForwardResult, forwardPairs } from './forward.ts';
import { lineCostates, type Start } from './line.ts';
import type { RunOptions } from './run-options.ts';

/** How node effects are taken. */
export type EffectMethod =
  /** One backward pass for all places: the gradient, or coefficients of linear relevance. */
  | { readonly kind: 'clean'; readonly rules: 'gradient' | 'relp' }
  /** The gradient averaged along the line of one place at a time. */
  | { readonly kind: 'line'; readonly rule: string }
  | { readonly kind: 'adaptive'; readonly tolerance: number }
  /** One run a node. */
  | { readonly kind: 'exact' };

/**
 * A method by name: `attribution-patching`, `relp`, `exact`, `adaptive-0.01` (integrated gradients to 1 %), or a
 * quadrature rule such as `midpoint-10`, `left-10`, `gauss-5`.
 * @throws CircuitError `circuit.unknown-rule`
 */
export function effectMethod(name: string): EffectMethod {
  if (name === 'attribution-patching') return { kind: 'clean', rules: 'gradient' };
  if (name === 'relp') return { kind: 'clean', rules: 'relp' };
  if (name === 'exact') return { kind: 'exact' };
  if (name.startsWith('adaptive-')) {
    const tolerance = Number(name.slice('adaptive-'.length));
    if (tolerance > 0 && tolerance < 1) return { kind: 'adaptive', tolerance };
    throw new CircuitError('circuit.unknown-rule', `"${name}" names no tolerance`, {
      where: name,
      hint: 'give the share of the change that may be missed, for example adaptive-0.01',
    });
  }
  quadrature(name);
  return { kind: 'line', rule: name };
}

/** The places of some dictionaries, read on both sides. */
export interface ReadPlaces {
  readonly clean: ForwardResult;
  readonly patch: ForwardResult;
  readonly places: readonly ReadPlace[];
}

export interface ReadPlace {
  readonly dictionary: Dictionary;
  readonly clean: FeatureState;
  readonly patch: FeatureState;
  readonly start: Start;
}

/** Runs both sides of all pairs and reads them in the dictionaries. @param also further sites whose states are kept */
export async function readPlaces(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  options: RunOptions,
  also: readonly string[] = [],
): Promise<ReadPlaces> {
  const startOf = ({ site }: Dictionary) => cutBefore(network, placeOf(network, site));
  const sites = new Set([...also, ...dictionaries.flatMap((d) => [d.site, startOf(d)])]);
  const { clean, patch } = await forwardPairs(network, pairs, [...sites], options);
  const places: ReadPlace[] = [];
  for (const dictionary of dictionaries) {
    const { site } = dictionary;
    const shape = {
      examples: pairs.examples,
      positions: pairs.positions,
      width: placeOf(network, site).width,
    };
    const sides = [clean.states[site]!, patch.states[site]!];
    const [from, to] = await encodeStates(dictionary, sides, shape, options.threads ?? 1);
    const start = startOf(dictionary);
    places.push({
      dictionary,
      clean: from!,
      patch: to!,
      start: { site: start, x_BTD: clean.states[start]! },
    });
  }
  return { clean, patch, places };
}

/** λ̄ at one place by a method, and the gradients that an example took. */
export interface PlaceCostates {
  readonly costate_BTD: Float32Array;
  readonly points: number;
}

/** λ̄ along the line of one place. */
export async function lineCostatesBy(
  method: Extract<EffectMethod, { kind: 'line' | 'adaptive' }>,
  network: Network,
  { clean, start }: ReadPlace,
  baseline: FeatureState,
  pairs: Pairs,
  change_B: ArrayLike<number>,
  options: RunOptions,
): Promise<PlaceCostates> {
  const line = [network, clean.site, pairs, clean.x_BTD, baseline.x_BTD] as const;
  if (method.kind === 'line') {
    const rule = quadrature(method.rule);
    const [costate_BTD] = await lineCostates(...line, [rule], options, start);
    return { costate_BTD: costate_BTD!, points: rule.points.length };
  }
  const { costate_BTD, points_B } = await adaptiveCostates(
    ...line,
    change_B,
    method.tolerance,
    options,
    start,
  );
  return { costate_BTD, points: points_B.reduce((sum, n) => sum + n, 0) / pairs.examples };
}

export interface NodeEffects extends ReadPlaces {
  readonly method: string;
  readonly baseline: Baseline;
  /** By depth. */
  readonly effects: readonly PlaceEffects[];
  /** λ̄ by site, [B, T, D]; absent for exact effects. */
  readonly costates: Readonly<Record<string, Float32Array>>;
  /** Mean number of gradients an example took at each place, by site. */
  readonly points: Readonly<Record<string, number>>;
}

export interface NodeEffectsOptions {
  /** See effectMethod(). */
  readonly method: string;
  readonly baseline?: Baseline;
}

/**
 * Effects of every feature and error node at the places of all dictionaries. Lines go at one place at a time, the rest of
 * the network being clean, as published. Everything unthresholded; sumPositions() adds positions up.
 * @param dictionaries by depth (dictionariesByDepth)
 * @throws CircuitError `circuit.unknown-rule`, `circuit.not-a-place`, `circuit.width`
 */
export async function nodeEffects(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { method: name, baseline = 'counterfactual' }: NodeEffectsOptions,
  options: RunOptions,
): Promise<NodeEffects> {
  const method = effectMethod(name);
  const read = await readPlaces(network, dictionaries, pairs, options, [network.cuts[0]!]);
  const sites = dictionaries.map((d) => d.site);
  const atOnce =
    method.kind === 'clean' ? await costatesAt(network, sites, pairs, options, method.rules) : {};
  const effects: PlaceEffects[] = [];
  const costates: Record<string, Float32Array> = {};
  const points: Record<string, number> = {};
  for (const place of read.places) {
    const { dictionary, clean, start } = place;
    const { site } = dictionary;
    const patch = baselineState(baseline, place.patch, dictionary);
    const change_B =
      baseline === 'counterfactual'
        ? await placeChange(network, site, pairs, read, options, start)
        : (await metricWith(network, site, patch.x_BTD, pairs, options, start)).map(
            (m, b) => m - read.clean.metric_B[b]!,
          );
    if (method.kind === 'exact') {
      const metric = { clean_B: read.clean.metric_B, change_B };
      effects.push(
        await exactEffects(network, dictionary, { clean, patch }, pairs, metric, options, { start }),
      );
      continue;
    }
    const found =
      method.kind === 'clean'
        ? { costate_BTD: atOnce[site]!, points: 1 }
        : await lineCostatesBy(method, network, place, patch, pairs, change_B, options);
    costates[site] = found.costate_BTD;
    points[site] = found.points;
    const { depth } = placeOf(network, site);
    const shape = { site, depth, examples: pairs.examples, positions: pairs.positions, width: clean.width };
    effects.push(placeEffects(shape, dictionary, movesOf(clean, patch), found.costate_BTD, change_B));
  }
  return { ...read, method: name, baseline, effects, costates, points };
}
