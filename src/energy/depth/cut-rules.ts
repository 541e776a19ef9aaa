/** @file The energy budget of one cut by several rules: what each loses, and with a dictionary who carries the rest. */
import { quadrature } from '../../autodiff/quadrature.ts';
import { adaptiveCostates } from '../../circuits/adaptive.ts';
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { movesOf, placeEffects } from '../../circuits/effects.ts';
import { encodeStates } from '../../circuits/encode-state.ts';
import type { Pairs } from '../../circuits/examples.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import { lineCostates } from '../../circuits/line.ts';
import { effectMethod } from '../../circuits/node-effects.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import { quantile } from '../../core/statistics.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { leak, lineEnergies } from '../leak.ts';
import type { CutRules, RuleBudget, RuleSummary } from './types.ts';

/** The two ends of a line at one place, [B, T, D] each, and what the effects of each example have to add up to. */
export interface LineEnds {
  readonly clean_BTD: Float32Array;
  readonly patch_BTD: Float32Array;
  readonly deltaM_B: Float64Array;
}

/** λ̄ of one rule, and the gradients that it took. */
export interface RuleCostates {
  readonly rule: string;
  readonly costate_BTD: Float32Array;
  readonly points_B: Int32Array;
}

/**
 * λ̄ by several rules: quadratures and `attribution-patching` in one go, a gradient that several of them ask for being
 * taken once, then each `adaptive-TOLERANCE` by itself. No dictionary is needed.
 * @throws CircuitError `circuit.unknown-rule`
 */
export async function costatesByRule(
  network: Network,
  site: string,
  pairs: Pairs,
  { clean_BTD, patch_BTD, deltaM_B }: LineEnds,
  rules: readonly string[],
  run: RunOptions,
): Promise<RuleCostates[]> {
  const found = new Map<string, RuleCostates>();
  const tolerances = new Map<string, number>();
  for (const rule of rules) {
    const tolerance = adaptiveTolerance(rule);
    if (tolerance !== undefined) tolerances.set(rule, tolerance);
  }
  const fixed = rules.filter((rule) => !tolerances.has(rule)).map(quadrature);
  if (fixed.length > 0) {
    const lines = await lineCostates(network, site, pairs, clean_BTD, patch_BTD, fixed, run);
    fixed.forEach(({ name, points }, k) => {
      const points_B = new Int32Array(pairs.examples).fill(points.length);
      found.set(name, { rule: name, costate_BTD: lines[k]!, points_B });
    });
  }
  const change_B = deltaM_B.map((d) => -d);
  for (const [rule, tolerance] of tolerances) {
    const line = [network, site, pairs, clean_BTD, patch_BTD, change_B] as const;
    found.set(rule, { rule, ...(await adaptiveCostates(...line, tolerance, run)) });
  }
  return rules.map((rule) => found.get(rule)!);
}

/** The tolerance of an adaptive rule; undefined for a rule with fixed points. */
function adaptiveTolerance(rule: string): number | undefined {
  if (!rule.startsWith('adaptive-')) return undefined;
  const method = effectMethod(rule);
  return method.kind === 'adaptive' ? method.tolerance : undefined;
}

/**
 * The budget of one complete cut by several rules. Features and errors of an example add up to λ̄·(x^clean − x^patch), so
 * that the leak needs no dictionary and any cut can be asked.
 * @param options `dictionary`: one at this cut; then the shares of features and errors are given too
 * @throws CircuitError `circuit.unknown-rule`, `circuit.not-a-place`, `circuit.width`; EnergyError `energy.not-a-cut`
 */
export async function cutRules(
  network: Network,
  site: string,
  pairs: Pairs,
  rules: readonly string[],
  run: RunOptions,
  { dictionary }: { readonly dictionary?: Dictionary } = {},
): Promise<CutRules> {
  const { width, depth, complete } = placeOf(network, site);
  if (!complete) {
    throw new EnergyError('energy.not-a-cut', `"${site}" is no complete cut: energy goes past it`, {
      where: site,
      hint: `take a state of the residual stream, such as ${network.cuts.at(-1)}; nodeEffects() has the effects of a part`,
    });
  }
  const { clean, patch } = await forwardPairs(network, pairs, [site], run);
  const [clean_BTD, patch_BTD] = [clean.states[site]!, patch.states[site]!];
  const deltaM_B = clean.metric_B.map((m, b) => m - patch.metric_B[b]!);
  const shape = { examples: pairs.examples, positions: pairs.positions, width };
  const states =
    dictionary && (await encodeStates(dictionary, [clean_BTD, patch_BTD], shape, run.threads ?? 1));
  const moves = states && movesOf(states[0]!, states[1]!);
  const ends = { clean_BTD, patch_BTD, deltaM_B };
  const costates = await costatesByRule(network, site, pairs, ends, rules, run);
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, v) => sum + v, 0) / pairs.examples;
  return {
    ...{ cut: depth, site, deltaM: mean(deltaM_B), examples: pairs.examples },
    rules: costates.map(({ rule, costate_BTD, points_B }): RuleBudget => {
      const effects =
        moves &&
        placeEffects({ site, depth, ...shape }, dictionary, moves, costate_BTD, Float64Array.from(deltaM_B));
      return {
        rule,
        leak: leak(lineEnergies(costate_BTD, clean_BTD, patch_BTD, pairs), deltaM_B),
        points: { mean: mean(points_B), most: Math.max(...points_B) },
        ...(effects
          ? { features: 0 - mean(effects.featureSums_B), errors: 0 - mean(effects.errorSums_B) }
          : {}),
      };
    }),
  };
}

/** Median and worst leak of each rule over cuts; `last` is the number of the last cut of the network. */
export function summariseRules(cuts: readonly CutRules[], last: number): RuleSummary[] {
  const rules = cuts[0]?.rules.map((r) => r.rule) ?? [];
  return rules.map((rule) => {
    const rows = cuts.flatMap(({ cut, rules: all }) => {
      const found = all.find((r) => r.rule === rule);
      return found ? [{ cut, leak: found.leak, points: found.points.mean }] : [];
    });
    const worst = (some: typeof rows) => {
      const most = some.reduce((a, b) => (b.leak > a.leak ? b : a));
      return { cut: most.cut, leak: most.leak };
    };
    const deeper = rows.filter(({ cut }) => cut >= last / 2);
    return {
      rule,
      median: quantile(
        rows.map((r) => r.leak),
        0.5,
      ),
      worst: worst(rows),
      ...(deeper.length > 0 ? { worstDeeper: worst(deeper) } : {}),
      points: quantile(
        rows.map((r) => r.points),
        0.5,
      ),
    };
  });
}
