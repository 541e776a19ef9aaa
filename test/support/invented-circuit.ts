/** @file INVENTED circuits for developing and testing the Studio. No number here was measured; it never ships. */
import { random } from '../../src/core/random.ts';
import type { CircuitEdge, CircuitNode, CircuitResult } from '../../src/studio/shapes.ts';

const texts = {
  gender: {
    title: 'She or he after an occupation',
    question: 'After “The nurse slept because”, does the model go on with she or he?',
    labels: ['The', 'occupation', 'verb', 'because'],
    tokens: ['The', ' nurse', ' slept', ' because'],
  },
  agreement: {
    title: 'Subject–verb agreement',
    question: 'Does the verb agree with its subject, not with the noun between them?',
    labels: ['The', 'subject', 'that', 'the', 'attractor', 'verb'],
    tokens: ['The', ' keys', ' that', ' the', ' man', ' lost'],
  },
};

/** A circuit of about 150 nodes with effects concentrated where a real one would have them. */
export function inventedCircuit(task: keyof typeof texts, seed: number): CircuitResult {
  const source = random(seed);
  const about = texts[task];
  const layers = [5, 11, 17, 23, 28];
  const sites = layers.map((layer) => `blocks.${layer}.hook_resid_post`);
  const last = about.labels.length - 1;
  const nodes: CircuitNode[] = about.tokens.map((_, position) => ({
    id: `token:${position}`,
    kind: 'token',
    cut: 0,
    position,
    effect: -(position === 1 ? 2.4 : 0.02),
    attributionPatching: -(position === 1 ? 1.1 : 0.02),
  }));
  layers.forEach((layer, row) => {
    for (let position = 1; position <= last; position++) {
      const subject = position === 1 ? 1 - row / 5.5 : 0;
      const output = position === last ? (row + 1) / 5 : 0;
      const here = subject + output + 0.1;
      for (let i = 0; i < Math.round(15 * here); i++) {
        const size = here * 0.42 * Math.exp(-i / 4) * (0.7 + 0.6 * source.uniform());
        const effect = (source.uniform() < 0.72 ? -1 : 1) * size;
        const feature = source.integer(2304);
        nodes.push({
          id: `${sites[row]}/${position}/${feature}`,
          kind: 'feature',
          site: sites[row]!,
          cut: layer + 1,
          position,
          feature,
          effect,
          attributionPatching: effect * (0.8 + 0.4 * source.uniform()),
          activationClean: 8 * source.uniform(),
          activationPatch: source.uniform() < 0.6 ? 0 : 3 * source.uniform(),
        });
      }
      nodes.push({
        id: `${sites[row]}/${position}/error`,
        kind: 'error',
        site: sites[row]!,
        cut: layer + 1,
        position,
        effect: -0.22 * here * source.uniform(),
        attributionPatching: -0.1 * here,
      });
    }
  });
  nodes.push({
    id: 'output',
    kind: 'output',
    cut: 30,
    position: last,
    effect: -2.4,
    attributionPatching: -2.4,
  });
  return {
    task,
    title: about.title,
    question: about.question,
    sites,
    positions: { labels: about.labels, exampleTokens: about.tokens },
    metric: { clean: estimate(1.9, 0.3), patch: estimate(-0.7, 0.3) },
    nodes,
    edges: inventedEdges(nodes),
    curve: [400, 250, 160, 96, 60, 37, 20, 10, 5].map((count, i) => ({
      threshold: 0.004 * 1.7 ** i,
      nodes: count,
      faithfulness: estimate(0.98 * (1 - Math.exp(-count / 46)), 0.05),
      completeness: estimate(0.9 * Math.exp(-count / 60), 0.05),
      random: estimate(0.04 + count / 2600, 0.04),
      errorNodes: Math.round(count * 0.08),
    })),
    chosen: 3,
    faithfulness: estimate(0.86, 0.05),
    completeness: estimate(0.18, 0.05),
    random: estimate(0.08, 0.04),
    variants: [
      {
        name: 'all positions',
        meaning: 'everything outside the circuit is set to its patched value',
        nodes: 96,
        faithfulness: estimate(0.86, 0.05),
        random: estimate(0.08, 0.04),
      },
    ],
    method: { rule: 'midpoint-10', baseline: 'counterfactual', aggregation: 'none', select: 'threshold' },
    flow: { share: 0.62, half: 31 },
    neurons: [20, 60, 160, 400].map((count) => ({
      nodes: count,
      faithfulness: estimate(0.9 * (1 - Math.exp(-count / 260)), 0.05),
    })),
    areas: {
      circuit: { cpr: estimate(0.93, 0.02), cmd: estimate(0.08, 0.02) },
      neurons: { cpr: estimate(0.86, 0.03), cmd: estimate(0.15, 0.03) },
      random: { cpr: estimate(0.31, 0.05), cmd: estimate(0.69, 0.05) },
    },
    errors: { nodes: 8, nodeShare: 8 / 96, effectShare: 0.21 },
    examples: 80,
    heldOutExamples: 60,
  };
}

const estimate = (value: number, half: number) => ({ value, low: value - half, high: value + half, n: 80 });

/** Edges to the next cut at the same position, and to the last position. */
function inventedEdges(nodes: CircuitNode[]): CircuitEdge[] {
  const source = random(99);
  const cuts = [...new Set(nodes.map((node) => node.cut))].sort((a, b) => a - b);
  const edges: CircuitEdge[] = [];
  for (const from of nodes) {
    const next = cuts[cuts.indexOf(from.cut) + 1];
    if (next === undefined) continue;
    for (const to of nodes) {
      if (to.cut !== next || to.position < from.position) continue;
      const weight = -from.effect * Math.abs(to.effect) * (0.2 + 0.8 * source.uniform());
      if (Math.abs(weight) > 0.004) edges.push({ source: from.id, target: to.id, weight });
    }
  }
  return edges;
}
