/** @file INVENTED energy flow and sequence clock for developing and testing the Studio. No number here was measured; it never ships. */
import { random } from '../../src/core/random.ts';
import type { FlowCut, FlowGroup, FlowLink } from '../../src/energy/depth/types.ts';
import type { FeatureClock, MassRule } from '../../src/energy/sequence/types.ts';
import type { SequenceReport, TaskFlow } from '../../src/study/energy/types.ts';

const sites = [5, 11, 17, 23].map((block) => `blocks.${block}.hook_resid_post`);
const labels = ['The', 'occupation', 'verb', 'because'];

/** A flow that balances: every column's shares are drawn anew, links go in proportion. */
export function inventedFlow(task: string, title: string): TaskFlow {
  const stream = random(21);
  const deltaM = 2.6;
  const column = (site: string, c: number): FlowGroup[] => {
    const weights = Array.from({ length: 7 }, (_, i) => (i === 3 ? -0.3 : 1) * (0.2 + stream.uniform()));
    const whole = weights.reduce((sum, w) => sum + w, 0);
    return weights.map((w, i) => {
      const energy = (deltaM * w) / whole;
      if (i === 5) return { id: `${site}/other`, kind: 'other', energy };
      if (i === 6) return { id: `${site}/errors`, kind: 'errors', energy };
      const feature = 100 * c + 17 * i;
      return { id: `${site}/f${feature}`, kind: 'feature', energy, feature };
    });
  };
  const tokens = [0, 0.86, 0.1, 0.04].map((share, position): FlowGroup => {
    return { id: `0:${position}:token`, kind: 'token', energy: share * deltaM, position };
  });
  const cut = (site: string, depth: number, nodes: readonly FlowGroup[]): FlowCut => ({
    ...{ depth, site, complete: true, nodes },
    energy: nodes.reduce((sum, node) => sum + node.energy, 0),
  });
  const cuts = [
    cut('blocks.0.hook_resid_pre', 0, tokens),
    ...sites.map((site, c) => cut(site, 6 * (c + 1), column(site, c))),
    cut('metric', 31, [{ id: 'output', kind: 'answer', energy: deltaM }]),
  ];
  const flows: FlowLink[] = cuts.slice(1).flatMap((after, c) =>
    cuts[c]!.nodes.flatMap((source) =>
      after.nodes.map((target) => ({
        ...{ source: source.id, target: target.id },
        energy: (source.energy * target.energy) / deltaM,
      })),
    ),
  );
  const way = ['0:1:token', ...sites.map((site) => `${site}/other`), 'output'];
  const path = { nodes: way, value: 0.04, carried: 0.09 };
  return {
    ...{ task, title, labels },
    flow: {
      ...{ rule: 'midpoint-10', examples: 2, deltaM, cuts, flows },
      ...{ imbalance: 2e-7, leak: 0.012, leakSpread: 3e-7, pathRule: 'proportional' as const },
      efficient: [path],
      carrying: [path],
    },
  };
}

const words =
  'Call me Ish mael . Some years ago never mind how long precisely having little or no money'.split(' ');

/** Ten features over six texts: bursts that rise and fall. */
export function inventedSequence(): SequenceReport {
  const stream = random(22);
  const texts = Array.from({ length: 6 }, (_, i) =>
    [...words.slice(i), ...words.slice(0, i)].map((word) => ` ${word}`),
  );
  const features = Array.from({ length: 10 }, (_, i) => {
    const mass = 0.02 + 0.01 * i;
    const traces = texts.map((tokens, text) => {
      const q = tokens.map((_, t) =>
        Math.max(0, 6 * Math.exp(-(((t - 4 - i) / 1.6) ** 2)) - 0.4 * stream.uniform()),
      );
      const steps = tokens.length - 1;
      const p = Array.from({ length: steps }, (_, t) => mass * (q[t + 1]! - q[t]!));
      return {
        ...{ text, positions: Array.from({ length: steps }, (_, t) => t + 1), q: q.slice(0, steps), p },
        kinetic: p.map((one) => one ** 2 / (2 * mass)),
        potential: q.slice(0, steps).map((one) => -0.05 * one * (0.5 + stream.uniform())),
      };
    });
    return { feature: 31 * i + 4, mass, traces };
  });
  const row = (feature: number, i: number): FeatureClock => {
    const kinetic = 0.2 / (i + 1);
    const potential = -0.3 / (i + 1);
    return {
      ...{ feature, active: 60 - i, mass: 0.02, kinetic, potential, absPotential: -potential },
      ...{ energy: kinetic + potential, article: kinetic + potential, performance: -potential },
      ...{ drift: 0.9 + 0.04 * i, nullDrift: 1 + 0.03 * i, belowNull: i % 3 === 0 ? 0.05 : 0.4 },
    };
  };
  const table = (rule: MassRule) => ({
    ...{ rule, medianDrift: 1.1, medianNullDrift: 1.2, belowNull: 0.09 },
    ...{ belowNullLowering: 0.12, belowNullRaising: 0.05 },
    features: features.map(({ feature }, i) => row(feature, i)),
  });
  return {
    ...{ model: 'smollm2-135m', text: 'invented', length: words.length },
    clock: {
      ...{ clock: 'sequence', site: sites[1]!, texts: 6, steps: 6 * (words.length - 1), permutations: 19 },
      tables: [table('matched'), table('common'), table('unit')],
    },
    ...{ features, texts, seconds: 7 },
  };
}
