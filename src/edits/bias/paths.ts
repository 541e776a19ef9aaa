/** @file The paths of a problem: which strengths are pinned and which free, the cost, the metric, the four ways. */
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { EditError, MechanicsError } from '../../core/errors.ts';
import { biasPotential } from '../paths/bias-potential.ts';
import { directEndPoint } from '../paths/end-point.ts';
import { gradientFlow } from '../paths/gradient-flow.ts';
import { leastActionPath, type PathOptions } from '../paths/least-action.ts';
import { type LeastAlong, leastActionAlong, towards } from '../paths/least-along.ts';
import { type MetricAlong, meanDiagonal, metricAlong } from '../paths/metric-along.ts';
import { straightLine } from '../paths/straight-line.ts';
import { pinnedEnd, type StrengthMetric, type StrengthPath, type StrengthProblem } from '../paths/types.ts';
import type { BiasProblem } from './problem.ts';
import { type EditStep, type Paths, SHARES } from './rows/types.ts';
import type { Selection } from './selection.ts';
import { stateMetric } from './state-metric.ts';
import type { BiasMethod, BiasPath } from './types.ts';

/** How paths are set up. */
export interface PathRule {
  /** Of the features that SHIFT's rule takes, the strongest so many are pinned: removed at the end. */
  readonly pinned: number;
  /** Features with the largest effect on the field among the others: free to compensate. */
  readonly free: number;
  /** N. */
  readonly steps: number;
  /** Points at which the metric is measured; in between it is interpolated. */
  readonly metricPoints: number;
  /** μ of μI as a share of the mean diagonal of the metric at α = 1: what the metric hardly feels must not run away. */
  readonly mu: number;
  /** Nats of task loss that the whole bias is worth. */
  readonly kappa: number;
  /** Weight of the end point's own cost, ½ (α − 1)ᵀG(α − 1), in its direct optimisation: what a path pays at least. */
  readonly closeness: number;
}

/** κ was fixed beforehand and stayed; μ and the texts of the metric were changed after balanced figures had been seen (docs/bias.md). */
export const PATH_RULE: PathRule = {
  pinned: 12,
  free: 8,
  steps: 20,
  metricPoints: 5,
  mu: 0.1,
  kappa: 1,
  closeness: 1,
};

/** The strengths of a problem, which of them are pinned, and the metric along the line to their removal. */
interface Setting {
  readonly features: readonly number[];
  readonly pinned: number;
  readonly measured: MetricAlong;
  /** Seconds that measuring the metric took. */
  readonly measuring: number;
  /** Removes `share` of the pinned features. */
  upTo(share: number, metric: StrengthMetric): StrengthProblem;
}

/** The four ways, and the end points for partial removal. @throws as the functions of src/edits/paths */
export async function findPaths(
  problem: BiasProblem,
  selection: Selection,
  rule: PathRule = PATH_RULE,
  signal?: AbortSignal,
): Promise<Paths> {
  const setting = await settingOf(problem, selection, rule, signal);
  const { features, pinned, measuring, upTo } = setting;
  const stop = signal ? { signal } : {};
  const options = { steps: rule.steps, ...stop };
  const seconds: Partial<Record<BiasMethod, number>> = {};
  // Which metric has a solution decides the metric of every way; the path that tells is the one that is reported.
  const begun = performance.now();
  const { least, metric, interpolated } = leastOrWhy(setting, options);
  seconds['least-action'] = (performance.now() - begun) / 1000 + measuring;
  const whole = upTo(1, metric);
  const asPath = (method: BiasMethod, title: string, path: StrengthPath): BiasPath =>
    plainPath(method, title, path, features, pinned);
  /** Finds a way once, and times it; `before` is what it needs of others: the metric, another way. */
  const once = <T>(method: BiasMethod, before: number, find: () => T): (() => T) => {
    let found: { readonly value: T } | undefined;
    return () => {
      if (found) return found.value;
      const start = performance.now();
      found = { value: find() };
      seconds[method] = (performance.now() - start) / 1000 + before;
      return found.value;
    };
  };
  const ends = (alphaAt: (share: number) => Float64Array): EditStep[] =>
    SHARES.map((share) => ({
      strength: share,
      edit: { kind: 'strengths', features, alpha: alphaAt(share) },
    }));
  return {
    straight: once('straight', 0, () =>
      asPath('straight', 'straight line, free strengths at 1', straightLine(whole, options)),
    ),
    gradientFlow: once('gradient-flow', measuring, () =>
      asPath('gradient-flow', 'gradient flow', gradientFlow(whole, options)),
    ),
    leastAction: () => asPath('least-action', 'least action', least()),
    straightToEnd: once('straight-to-end', seconds['least-action'], () =>
      asPath(
        'straight-to-end',
        "straight line to least action's end",
        straightLine(whole, { ...options, end_N: least().end_N }),
      ),
    ),
    leastActionEnds: once('least-action-ends', seconds['least-action'], () =>
      ends((share) => {
        if (share === 1) return least().end_N;
        return partialPath(upTo(share, metric), { ...options, guess: towards(least(), share) }).end_N;
      }),
    ),
    directEnds: once('direct-end', measuring, () =>
      ends((share) => directEndPoint(upTo(share, metric), { closeness: rule.closeness, ...stop }).alpha_N),
    ),
    seconds,
    note: noteOf(problem, setting, rule, interpolated),
  };
}

/**
 * Least action in the metric that has a solution. Where not even the mean one has, asking for the path throws why, and the
 * other ways are found in the mean metric all the same.
 */
function leastOrWhy(
  { measured, upTo }: Setting,
  options: PathOptions,
): Pick<LeastAlong, 'metric' | 'interpolated'> & { least(): StrengthPath } {
  try {
    const { path, ...rest } = leastActionAlong((G) => upTo(1, G), measured, options);
    return { ...rest, least: () => path };
  } catch (error) {
    if (!(error instanceof MechanicsError || error instanceof EditError)) throw error;
    const least = () => {
      throw error;
    };
    return { metric: measured.mean.metric, interpolated: false, least };
  }
}

/** Least action part of the way: from the guess, and where that leads nowhere from the straight line by degrees. */
function partialPath(problem: StrengthProblem, { guess, ...options }: PathOptions): StrengthPath {
  try {
    return leastActionPath(problem, { ...options, ...(guess ? { guess } : {}) });
  } catch (error) {
    if (!guess || !(error instanceof MechanicsError) || error.code !== 'mechanics.not-converged') throw error;
    return leastActionPath(problem, options);
  }
}

/** Chooses the strengths and measures the metric on the line from 1 to the removal of the pinned ones. */
async function settingOf(
  problem: BiasProblem,
  selection: Selection,
  { pinned: most, free, metricPoints, mu, kappa }: PathRule,
  signal: AbortSignal | undefined,
): Promise<Setting> {
  const pinned = selection.chosen.slice(0, most);
  const features = [...pinned, ...selection.field.slice(0, free)];
  const probe = fitStandardProbe(problem.train.x_ND, problem.train.outcome_N, problem.width);
  const potential = biasPotential(problem, features, probe, { kappa });
  const pins = (share: number) => pinned.map((_, index) => ({ index, target: 1 - share }));
  const at = async (alpha: Float64Array) =>
    problem.fisher ? problem.fisher(features, alpha) : stateMetric(problem, features);
  const begun = performance.now();
  const first = await at(new Float64Array(features.length).fill(1));
  const measured = await metricAlong(
    // The first point is measured already.
    async (alpha) => (alpha.every((value) => value === 1) ? first : at(alpha)),
    {
      end_N: pinnedEnd({ strengths: features.length, pinned: pins(1) }),
      points: metricPoints,
      mu: mu * meanDiagonal(first, features.length),
      ...(signal ? { signal } : {}),
    },
  );
  return {
    features,
    pinned: pinned.length,
    measured,
    measuring: (performance.now() - begun) / 1000,
    upTo: (share, metric) => ({
      name: problem.name,
      strengths: features.length,
      potential,
      metric,
      pinned: pins(share),
    }),
  };
}

/** What the strengths and the metric are, and the error of its interpolation. */
const noteOf = (
  { fisher }: BiasProblem,
  { features, pinned, measured }: Setting,
  { metricPoints }: PathRule,
  interpolated: boolean,
): string =>
  `${pinned} pinned, ${features.length - pinned} free; ` +
  `${fisher ? 'Fisher metric' : "metric of the state's covariance"} at ${metricPoints} points, ` +
  `interpolation off by ${percent(measured.error)} at most where it was checked, μ = ${measured.mu.toPrecision(2)}` +
  (interpolated
    ? ''
    : `; least action has no solution in it, so every way takes the mean of the measured metrics, off by ${percent(measured.mean.error)} at most`);

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/** A path as plain JSON. */
function plainPath(
  method: BiasMethod,
  title: string,
  { trajectory, kinetic_K, potential_K, steppedKl, freeEndMomentum }: StrengthPath,
  features: readonly number[],
  pinned: number,
): BiasPath {
  const n = features.length;
  return {
    method,
    title,
    features,
    pinned: features.slice(0, pinned),
    times_K: Array.from(trajectory.times),
    alpha_KN: Array.from(trajectory.times, (_, k) =>
      Array.from(trajectory.q_KN.subarray(k * n, (k + 1) * n)),
    ),
    T_K: Array.from(kinetic_K),
    V_K: Array.from(potential_K),
    H_c_K: Array.from(trajectory.energies),
    steppedKl,
    freeEndMomentum,
  };
}
