/** @file Self-checks of paths: least action on a toy in closed form, and the Fisher metric against KL on a tiny model. */
import { networkOf } from '../../circuits/cuts.ts';
import { type CheckRow, checkRow } from '../../core/check.ts';
import { random } from '../../core/random.ts';
import { f64 } from '../../core/tensor.ts';
import { neurons } from '../../dictionaries/neurons.ts';
import { feedAt, only } from '../../graph/interventions.ts';
import { tinyLlama } from '../../models/tiny.ts';
import { openSession } from '../../runtime/session.ts';
import { openFisher } from './fisher.ts';
import { leastActionPath } from './least-action.ts';
import { squared } from './report.ts';
import type { StrengthProblem } from './types.ts';

/** Mass m_i, frequency ω_i and rest c_i of each strength; the first is removed, the others are free. */
const TOY = [
  { m: 0.6, w: 1.7, c: 0.4 },
  { m: 0.5, w: 0.8, c: -0.3 },
  { m: 0.8, w: 1.3, c: 0.9 },
];
/** V = Σ ½ m ω² (α − c)². */
const toy: StrengthProblem = {
  name: 'quadratic toy',
  strengths: TOY.length,
  pinned: [{ index: 0, target: 0 }],
  metric: { at: () => diagonal(TOY.map(({ m }) => m)) },
  potential: (alpha_N) => ({
    value: TOY.reduce((sum, { m, w, c }, i) => sum + (m * w * w * (alpha_N[i]! - c) ** 2) / 2, 0),
    gradient_N: TOY.map(({ m, w, c }, i) => m * w * w * (alpha_N[i]! - c)),
    hessian_NN: diagonal(TOY.map(({ m, w }) => m * w * w)),
  }),
};
const diagonal = (values: readonly number[]) => values.map((x, i) => values.map((_, j) => (i === j ? x : 0)));

/** α − c = (1 − c) cosh ω(1 − s)/cosh ω where free; between (1 − c) and −c where pinned. */
const exact = (i: number, s: number): number => {
  const { w, c } = TOY[i]!;
  if (i > 0) return c + ((1 - c) * Math.cosh(w * (1 - s))) / Math.cosh(w);
  return c + ((1 - c) * Math.sinh(w * (1 - s)) - c * Math.sinh(w * s)) / Math.sinh(w);
};

/** The rows of the table that need no model of a user's. */
export async function pathRows(area: string): Promise<CheckRow[]> {
  const { trajectory, energySpread, freeEndMomentum } = leastActionPath(toy, { steps: 200 });
  const off = trajectory.q_KN.reduce((most, alpha, at) => {
    const [k, i] = [Math.floor(at / TOY.length), at % TOY.length];
    return Math.max(most, Math.abs(alpha - exact(i, trajectory.times[k]!)));
  }, 0);
  return [
    checkRow(area, 'least action on a quadratic toy, N = 200: distance to the closed form', off, 1e-6),
    checkRow(area, 'least action: how far H_c = T − V varies along it', energySpread, 1e-12),
    checkRow(area, 'least action: discrete end momentum of the free strengths', freeEndMomentum, 1e-8),
    checkRow(
      area,
      'Fisher metric, tiny model: |½ δᵀGδ − KL| / KL of a small change of strengths',
      await klError(),
      1e-4,
    ),
  ];
}

async function klError(): Promise<number> {
  const model = tinyLlama(3, { dtype: 'float64' });
  const network = networkOf(model);
  const site = network.cuts[1]!;
  const [positions, D] = [6, network.width];
  const stream = random(4);
  const window = Int32Array.from({ length: positions }, () => stream.integer(256));
  const features = [1, 5, 12];
  const open = (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 });
  const dictionary = neurons(D, site, model.hash);
  const fisher = await openFisher(
    { network, dictionary, windows: [window], threads: 1 },
    { open, tokensPerRun: 64 },
  );
  const G = await fisher.at(features, new Float64Array(features.length).fill(1));
  await fisher.release();
  const states = await open(only(network.graph, [site]));
  const tokens = { dtype: 'int64', shape: [1, positions], data: BigInt64Array.from(window, BigInt) } as const;
  const x = Float64Array.from((await states.run({ tokens }))[site]!.data as Float64Array);
  await states.release();
  const session = await open(only(feedAt(network.graph, [site]), ['logits']));
  const delta = features.map(() => 1e-3 * stream.normal());
  const logits = async (sign: number) => {
    const moved = x.map((value, at) => {
      const i = features.indexOf(at % D);
      return at < D || i < 0 ? value : value * (1 + sign * delta[i]!);
    });
    const out = await session.run({ [site]: f64([1, positions, D], moved) });
    return logProbabilities(out.logits!.data as Float64Array, positions);
  };
  const [before, up, down] = [await logits(0), await logits(1), await logits(-1)];
  await session.release();
  // Both ways, so that the terms of third order cancel.
  const kl = (divergence(before, up) + divergence(before, down)) / (2 * (positions - 1));
  const n = features.length;
  const rows = features.map((_, i) => G.subarray(i * n, (i + 1) * n));
  return Math.abs(squared(rows, delta) / 2 - kl) / kl;
}

/** Rows of log p; the first position, which no dictionary reads, is left out. */
function logProbabilities(logits: Float64Array, positions: number): Float64Array {
  const V = logits.length / positions;
  const out = logits.slice(V);
  for (let from = 0; from < out.length; from += V) {
    let all = 0;
    for (let v = from; v < from + V; v++) all += Math.exp(out[v]!);
    for (let v = from; v < from + V; v++) out[v]! -= Math.log(all);
  }
  return out;
}

const divergence = (before: Float64Array, after: Float64Array): number =>
  before.reduce((sum, log, i) => sum + Math.exp(log) * (log - after[i]!), 0);
