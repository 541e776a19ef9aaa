/** @file Threshold against flow at equal size: how many of the planted nodes a circuit of as many nodes holds. */
import { nodeIndex } from '../effects.ts';
import type { Flow } from '../flow/network.ts';
import { rankByPaths } from '../flow/paths.ts';
import { edgesBetween, OUTPUT_ID } from '../flow-circuit.ts';
import { sites } from './compile.ts';
import type { Found, PlantedSetting } from './methods.ts';

interface Ranked {
  readonly id: string;
  readonly score: number;
}

/** Nodes of a finding by the size of their effects, largest first. */
export function byThreshold({ pairs }: PlantedSetting, { nodes }: Found): Ranked[] {
  return nodes
    .flatMap(({ site, features, features_TF }) =>
      Array.from({ length: (pairs.positions - 1) * features }, (_, i) => {
        const at = features + i;
        const id = `${site}:${Math.floor(at / features)}:f${at % features}`;
        return { id, score: Math.abs(features_TF[at]!) };
      }),
    )
    .sort((a, b) => b.score - a.score);
}

/** Nodes of a finding by the work of the best path through them. */
export function byFlow({ nodes, edges }: Found): Ranked[] {
  const ids = new Map<string, string>();
  const flowNodes = nodes.flatMap(({ site, positions, features, features_TF }) =>
    Array.from({ length: positions * features }, (_, i) => {
      const [position, feature] = [Math.floor(i / features), i % features];
      const id = `${site}:${position}:f${feature}`;
      ids.set(`${site}/${nodeIndex(features, position, feature)}`, id);
      return { id, work: -features_TF[i]! };
    }),
  );
  const between = edgesBetween(edges, ids);
  const whole = between.reduce((sum, e) => sum + (e.target === OUTPUT_ID ? e.weight : 0), 0);
  const flow: Flow = {
    nodes: [...flowNodes, { id: OUTPUT_ID, work: whole }],
    edges: between,
    ends: {
      sources: flowNodes.filter((n) => n.id.startsWith(`${sites.embed}:`)).map((n) => n.id),
      sinks: [OUTPUT_ID],
    },
  };
  return rankByPaths(flow)
    .filter(({ id }) => id !== OUTPUT_ID)
    .map(({ id, carried }) => ({ id, score: Math.abs(carried) }));
}

/** Share of the planted nodes among the first as many of a ranking. */
export function recovered({ truth }: PlantedSetting, ranked: readonly Ranked[]): number {
  const first = ranked.slice(0, truth.nodes.size);
  return first.filter(({ id }) => truth.nodes.has(id)).length / truth.nodes.size;
}
