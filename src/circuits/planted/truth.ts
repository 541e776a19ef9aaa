/** @file The circuit that is planted in a wiring, read off the wires: which nodes and direct edges the answer passes through. */
import { type Block, sites, type Wires, type Wiring } from './compile.ts';

/** Id of the answer in edges. */
export const OUTPUT = 'output';

export interface Truth {
  /** Ids of nodes, `${site}:${position}:f${wire}`. */
  readonly nodes: ReadonlySet<string>;
  /** `${source}→${target}`; the answer is `output`. */
  readonly edges: ReadonlySet<string>;
}

export const edgeId = (source: string, target: string): string => `${source}→${target}`;

/**
 * Edges of planted gates and heads between the wire a part writes and the wire a later part reads, as far as they lie on a
 * way from the tokens to the answer at the last position.
 */
export function plantedCircuit(wiring: Wiring): Truth {
  const { wires, positions, tokens, blocks, answers } = wiring;
  const id = (site: string, position: number, wire: string) => `${site}:${position}:f${wires.indexOf(wire)}`;
  const edges: [string, string][] = [];
  /** Sites that have written a wire so far, by planted parts. */
  const writers = new Map<string, string[]>();
  const wrote = (site: string, written: Iterable<string>) => {
    for (const wire of new Set(written)) writers.set(wire, [...(writers.get(wire) ?? []), site]);
  };
  const join = (from: { wire: string; position: number }, target: string, seen: typeof writers) => {
    for (const site of seen.get(from.wire) ?? []) edges.push([id(site, from.position, from.wire), target]);
  };
  const ofHeads = ({ heads = [] }: Block, l: number, seen: typeof writers) => {
    for (const { attends, compares, moves } of heads) {
      for (const [asking, asked] of attends) {
        for (const { from, to } of moves) {
          const target = id(sites.heads(l), asking, to);
          join({ wire: from, position: asked }, target, seen);
          for (const { query, key } of compares) {
            join({ wire: query, position: asking }, target, seen);
            join({ wire: key, position: asked }, target, seen);
          }
        }
      }
    }
  };
  const ofGates = ({ gates = [] }: Block, l: number, seen: typeof writers) => {
    for (const { planted, reads, gate = {}, writes } of gates) {
      if (!planted) continue;
      for (let position = 0; position < positions; position++) {
        for (const to of Object.keys(writes)) {
          const target = id(sites.gates(l), position, to);
          for (const wire of Object.keys({ ...reads, ...gate })) join({ wire, position }, target, seen);
        }
      }
    }
  };
  wrote(sites.embed, tokens.flatMap(Object.keys));
  blocks.forEach((block, l) => {
    const before = new Map(writers);
    ofHeads(block, l, before);
    wrote(
      sites.heads(l),
      (block.heads ?? []).flatMap((h) => (h.attends.length > 0 ? h.moves.map((m) => m.to) : [])),
    );
    ofGates(block, l, block.parallel ? before : writers);
    wrote(
      sites.gates(l),
      (block.gates ?? []).flatMap((g) => (g.planted ? Object.keys(g.writes) : [])),
    );
  });
  for (const wire of answerWires(answers)) join({ wire, position: positions - 1 }, OUTPUT, writers);
  return onTheWay(edges, (node) => node.startsWith(`${sites.embed}:`));
}

const answerWires = (answers: readonly { readonly reads: Wires }[]): Set<string> =>
  new Set(answers.flatMap((a) => Object.keys(a.reads)));

/** Edges on a way from a start to the answer, and the nodes they join. */
function onTheWay(edges: readonly (readonly [string, string])[], isStart: (node: string) => boolean): Truth {
  const closure = (from: Iterable<string>, next: (edge: readonly [string, string]) => [string, string]) => {
    const reached = new Set(from);
    for (let size = -1; size !== reached.size; ) {
      size = reached.size;
      for (const edge of edges) {
        const [near, far] = next(edge);
        if (reached.has(near)) reached.add(far);
      }
    }
    return reached;
  };
  const fed = closure(edges.map(([source]) => source).filter(isStart), ([source, target]) => [
    source,
    target,
  ]);
  const heard = closure([OUTPUT], ([source, target]) => [target, source]);
  const kept = edges.filter(([source, target]) => fed.has(source) && heard.has(target));
  return {
    nodes: new Set(kept.flat().filter((node) => node !== OUTPUT)),
    edges: new Set(kept.map(([source, target]) => edgeId(source, target))),
  };
}
