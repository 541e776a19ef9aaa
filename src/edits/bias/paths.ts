/** @file The paths of a problem: which strengths are pinned and which free, the cost, the metric, the four ways. */
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { MechanicsError } from '../../core/errors.ts';
import { biasPotential } from '../paths/bias-potential.ts';
import { directEndPoint } from '../paths/end-point.ts';
import { gradientFlow } from '../paths/gradient-flow.ts';
import { leastActionPath } from '../paths/least-action.ts';
import { metricAlong } from '../paths/metric-along.ts';
import { straightLine } from '../paths/straight-line.ts';
import { pinnedEnd, type StrengthMetric, type StrengthPath, type StrengthProblem } from '../paths/types.ts';
import { type EditStep, type Paths, SHARES } from './rows/types.ts';
import type { Selection } from './selection.ts';
import type { BiasMethod, BiasPath, BiasProblem } from './types.ts';

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

/** The four ways, and the end points for partial removal. @throws as the functions of src/edits/paths */
export async function findPaths(
  problem: BiasProblem,
  selection: Selection,
  rule: PathRule = PATH_RULE,
  signal?: AbortSignal,
): Promise<Paths> {
  const { pinned: most, free, steps, metricPoints, mu, kappa, closeness } = rule;
  const pinned = selection.chosen.slice(0, most);
  const features = [...pinned, ...selection.field.slice(0, free)];
  const probe = fitStandardProbe(problem.train.x_ND, problem.train.outcome_N, problem.width);
  const potential = biasPotential(problem, features, probe, { kappa });
  const stop = signal ? { signal } : {};
  const begun = performance.now();
  const seconds: Partial<Record<BiasMethod, number>> = {};
  const pins = (share: number) => pinned.map((_, index) => ({ index, target: 1 - share }));
  const at = async (alpha: Float64Array) =>
    problem.fisher ? problem.fisher(features, alpha) : stateMetric(problem, features);
  const first = await at(new Float64Array(features.length).fill(1));
  const measured = await metricAlong(
    // The first point is measured already.
    async (alpha) => (alpha.every((value) => value === 1) ? first : at(alpha)),
    {
      end_N: pinnedEnd({ strengths: features.length, pinned: pins(1) }),
      points: metricPoints,
      mu: mu * meanDiagonal(first, features.length),
      ...stop,
    },
  );
  const measuring = (performance.now() - begun) / 1000;
  /** Removes `share` of the pinned features. */
  const upTo = (share: number, metric: StrengthMetric): StrengthProblem => ({
    name: problem.name,
    strengths: features.length,
    potential,
    metric,
    pinned: pins(share),
  });
  const options = { steps, ...stop };
  const solvable = interpolates(upTo(1, measured.metric), upTo(1, measured.mean.metric), options);
  const metric = solvable ? measured.metric : measured.mean.metric;
  const whole = upTo(1, metric);
  const asPath = (method: BiasMethod, title: string, path: StrengthPath): BiasPath =>
    plainPath(method, title, path, features, pinned.length);
  const step = (share: number, alpha: Float64Array): EditStep => ({
    strength: share,
    edit: { kind: 'strengths', features, alpha },
  });
  /** Finds a way once, and times it; those that use the metric pay for measuring it. */
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
  const least = once('least-action', measuring, () => leastActionPath(whole, options));
  return {
    straight: once('straight', 0, () =>
      asPath('straight', 'straight line, free strengths at 1', straightLine(whole, options)),
    ),
    gradientFlow: once('gradient-flow', measuring, () =>
      asPath('gradient-flow', 'gradient flow', gradientFlow(whole, options)),
    ),
    leastAction: () => asPath('least-action', 'least action', least()),
    straightToEnd: once('straight-to-end', measuring, () =>
      asPath(
        'straight-to-end',
        "straight line to least action's end",
        straightLine(whole, { ...options, end_N: least().end_N }),
      ),
    ),
    leastActionEnds: once('least-action-ends', measuring, () =>
      SHARES.map((share) =>
        step(share, share === 1 ? least().end_N : leastActionPath(upTo(share, metric), options).end_N),
      ),
    ),
    directEnds: once('direct-end', measuring, () =>
      SHARES.map((share) => step(share, directEndPoint(upTo(share, metric), { closeness, ...stop }).alpha_N)),
    ),
    seconds,
    note:
      `${pinned.length} pinned, ${features.length - pinned.length} free; ` +
      `${problem.fisher ? 'Fisher metric' : "metric of the state's covariance"} at ${metricPoints} points, ` +
      `interpolation off by ${percent(measured.error)} at most where it was checked, μ = ${measured.mu.toPrecision(2)}` +
      (solvable
        ? ''
        : `; least action has no solution in it, so every way takes the mean of the measured metrics, off by ${percent(measured.mean.error)} at most`),
  };
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/**
 * Whether least action has a solution in the interpolated metric, looked for from that in the mean one. A metric that turns
 * while strengths move makes the action far from convex: Newton's method may then find no way.
 */
function interpolates(
  problem: StrengthProblem,
  inMean: StrengthProblem,
  options: { readonly steps: number; readonly signal?: AbortSignal },
): boolean {
  const n = problem.strengths;
  const { trajectory } = leastActionPath(inMean, options);
  const guess = Array.from(trajectory.times, (_, k) => trajectory.q_KN.slice(k * n, (k + 1) * n));
  try {
    leastActionPath(problem, { ...options, guess });
    return true;
  } catch (error) {
    if (error instanceof MechanicsError && error.code === 'mechanics.not-converged') return false;
    throw error;
  }
}

function meanDiagonal(G: Float64Array, n: number): number {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += G[i * n + i]!;
  return trace / n;
}

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

/**
 * The metric where no network lies above the rows: mean over the retain rows of f_i f_j d_i·Σ⁻¹·d_j with Σ the diagonal of
 * the states' covariance, KL between Gaussians of that covariance. [n, n].
 */
function stateMetric(
  { width: D, features: F, W_dec_FD, retain }: BiasProblem,
  features: readonly number[],
): Float64Array {
  const n = features.length;
  const N = retain.ids.length;
  const variance_D = new Float64Array(D);
  const mean_D = new Float64Array(D);
  for (let i = 0; i < N * D; i++) mean_D[i % D]! += retain.x_ND[i]! / N;
  for (let i = 0; i < N * D; i++) variance_D[i % D]! += (retain.x_ND[i]! - mean_D[i % D]!) ** 2 / N;
  const G = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let [together, along] = [0, 0];
      for (let row = 0; row < N; row++) {
        together +=
          (retain.features_NF[row * F + features[i]!]! * retain.features_NF[row * F + features[j]!]!) / N;
      }
      for (let d = 0; d < D; d++) {
        if (variance_D[d]! > 0)
          along += (W_dec_FD[features[i]! * D + d]! * W_dec_FD[features[j]! * D + d]!) / variance_D[d]!;
      }
      G[i * n + j] = together * along;
      G[j * n + i] = together * along;
    }
  }
  return G;
}
