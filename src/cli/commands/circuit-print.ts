/** @file Circuits, comparisons and clusters as tables on a terminal. */
import type { CircuitComparison } from '../../circuits/compare.ts';
import type { PortableGraph, PortableNode } from '../../circuits/exchange/portable.ts';
import type { Estimate } from '../../core/statistics.ts';
import type { ClusteredText } from '../../study/circuits/cluster.ts';
import { portable } from '../../study/circuits/exchange.ts';
import type { StoredCircuit } from '../../study/circuits/stored.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';

const fixed = (value: number) => value.toFixed(3);
const estimate = ({ value, low, high }: Estimate) => `${fixed(value)} (${fixed(low)} to ${fixed(high)})`;

/** Faithfulness and the strongest nodes. */
export function printCircuit(stored: StoredCircuit, io: Io, top: number): void {
  const { circuit, model } = stored;
  const { title, faithfulness, completeness, random, errors, areas, method } = circuit;
  const size = circuit.curve[circuit.chosen]?.nodes ?? circuit.nodes.length;
  const facts: [string, string][] = [
    ['model', model.name],
    ['examples', `${circuit.examples} to find it, ${circuit.heldOutExamples} held out`],
    ...(method
      ? (
          [['method', `${method.rule}, ${method.baseline}, ${method.aggregation}, ${method.select}`]] as const
        ).map(([key, value]): [string, string] => [key, value])
      : []),
    ['nodes', String(size)],
    ['faithfulness', estimate(faithfulness)],
    ['completeness', estimate(completeness)],
    ['random circuit', estimate(random)],
    ...(errors
      ? ([['error nodes', `${errors.nodes}, ${(100 * errors.effectShare).toFixed(0)} % of Σ|effect|`]] as [
          string,
          string,
        ][])
      : []),
    ...(areas
      ? ([
          ['CPR', estimate(areas.circuit.cpr)],
          ['CMD', estimate(areas.circuit.cmd)],
        ] as [string, string][])
      : []),
  ];
  io.out(`${title}\n`);
  for (const [key, value] of facts) io.out(`  ${io.style.faint(key.padEnd(14))}  ${value}\n`);
  io.out('\n');
  printNodes(portable(stored), io, top);
}

/** The strongest nodes, tokens and the output left out. */
function printNodes(graph: PortableGraph, io: Io, top: number): void {
  const strongest = graph.nodes
    .filter(({ kind }) => kind === 'feature' || kind === 'error')
    .toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
    .slice(0, top);
  const name = ({ kind, feature, label }: PortableNode) =>
    [kind === 'error' ? 'error' : `feature ${feature}`, label].filter(Boolean).join(' ');
  io.out(
    table(
      ['site', 'position', 'node', 'effect'],
      strongest.map((node) => [
        node.site ?? String(node.cut),
        graph.positions[node.position] ?? String(node.position),
        name(node),
        node.effect.toPrecision(4),
      ]),
    ),
  );
}

/** A graph of another program. */
export function printGraph(graph: PortableGraph, io: Io, top: number): void {
  const count = (kind: PortableNode['kind']) => graph.nodes.filter((node) => node.kind === kind).length;
  io.out(`${graph.name} in ${graph.model}: ${JSON.stringify(graph.prompt)}\n`);
  io.out(
    `  ${count('feature')} features, ${count('error')} error nodes, ${count('token')} tokens, ${count('output')} outputs, ${graph.edges.length} edges\n\n`,
  );
  printNodes(graph, io, top);
}

/** Shared nodes, and those whose effect moved most. */
export function printComparison(comparison: CircuitComparison, io: Io, top: number): void {
  const { a, b, align, shared, onlyA, onlyB, jaccard, random, rankCorrelation, movers } = comparison;
  io.out(`${a.name} (${a.nodes} nodes) and ${b.name} (${b.nodes} nodes), compared by ${align}\n`);
  const facts: [string, string][] = [
    ['shared', `${shared.length}; only in the first ${onlyA.length}, only in the second ${onlyB.length}`],
    ['Jaccard', fixed(jaccard) + (random ? `; random circuits ${estimate(random)}` : '')],
    ['rank correlation', estimate(rankCorrelation)],
  ];
  for (const [key, value] of facts) io.out(`  ${io.style.faint(key.padEnd(16))}  ${value}\n`);
  io.out('\n');
  io.out(
    table(
      ['node', 'first', 'second', 'change'],
      movers.slice(0, top).map((m) => [m.key, fixed(m.a), fixed(m.b), fixed(m.change)]),
    ),
  );
}

/** Every cluster with its name, size and stability, and its first features. */
export function printClusters({ clustering, model, text }: ClusteredText, io: Io): void {
  io.out(`${clustering.assigned.length} places in ${text}, ${model}, by ${clustering.method}\n\n`);
  io.out(
    table(
      ['places', 'stability', 'share', 'strongest feature', 'what its examples share'],
      clustering.clusters.map(({ members, stability, share, features: [first], name }) => [
        String(members.length),
        stability.toFixed(2),
        share.toFixed(2),
        first ? `${first.site} ${first.feature}` : '',
        name.text,
      ]),
    ),
  );
  io.out('\nstability: mean Jaccard over resamples; share: of Σ|effect| that the listed features have\n');
}
