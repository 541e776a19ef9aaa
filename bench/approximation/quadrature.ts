/** @file Completeness at one cut: how much of Δm the effects miss by each rule, on the same examples. */
import { joinRules, quadrature } from '../../src/autodiff/quadrature.ts';
import { adaptiveCostates } from '../../src/circuits/adaptive.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import { forwardPairs } from '../../src/circuits/forward.ts';
import { lineCostates } from '../../src/circuits/line.ts';
import type { Example } from '../../src/data/tasks.ts';
import { leak, lineEnergies } from '../../src/energy/leak.ts';
import type { Study } from './study.ts';

/** `left-10` is the published rule. */
const RULES = [
  'left-10',
  'midpoint-10',
  'midpoint-5',
  'midpoint-3',
  'gauss-10',
  'gauss-5',
  'gauss-3',
  'attribution-patching',
];
const TOLERANCE = 0.01;

const short = (value: number) => Number(value.toPrecision(4));

/** One cut's figures. */
export type QuadratureRow = Awaited<ReturnType<typeof quadratureRow>>;

/** Σ|Σe − Δm| / Σ|Δm| by rule, and what the adaptive rule needs to stay within 1 %. */
export async function quadratureRow({ network, run }: Study, examples: readonly Example[], cut: number) {
  const site = network.cuts[cut]!;
  const pairs = pairsOf('agreement', examples);
  const { clean, patch } = await forwardPairs(network, pairs, [site], run);
  const [from, to] = [clean.states[site]!, patch.states[site]!];
  const deltaM_B = clean.metric_B.map((m, b) => m - patch.metric_B[b]!);
  const rules = RULES.map(quadrature);
  const started = performance.now();
  const lines = await lineCostates(network, site, pairs, from, to, rules, run);
  const seconds = (performance.now() - started) / 1000;
  const missed = (costate: Float32Array) => short(leak(lineEnergies(costate, from, to, pairs), deltaM_B));
  const adaptive = await adaptiveCostates(
    network,
    site,
    pairs,
    from,
    to,
    deltaM_B.map((d) => -d),
    TOLERANCE,
    run,
  );
  const points = [...adaptive.points_B].sort((a, b) => a - b);
  return {
    site,
    examples: pairs.examples,
    completenessError: Object.fromEntries(RULES.map((rule, k) => [rule, missed(lines[k]!)])) as Record<
      string,
      number
    >,
    adaptive: {
      tolerance: TOLERANCE,
      completenessError: missed(adaptive.costate_BTD),
      meanPoints: short(points.reduce((sum, n) => sum + n, 0) / points.length),
      mostPoints: points.at(-1),
    },
    gradients: joinRules(rules).points.length * pairs.examples,
    seconds: short(seconds),
  };
}
