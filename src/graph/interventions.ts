/** @file Interventions as rewrites, Graph → Graph: read a value, cut, feed, replace, add at the end. */
import { GraphError, nearestNames } from '../core/errors.ts';
import { type GraphBuilder, graphBuilder } from './build.ts';
import { prune } from './prune.ts';
import { inferShapes } from './shapes.ts';
import type { Graph, Node } from './types.ts';
import { renameReads, valueNames } from './uses.ts';

/** Adds nodes that read `value`; returns the name of what stands in its place. */
export type Module = (b: GraphBuilder, value: string) => string;

/**
 * Throws unless every name is a value of the graph.
 * @throws GraphError `graph.unknown-site` with the three nearest names.
 */
export function requireValues(graph: Graph, names: Iterable<string>): void {
  const known = new Set(valueNames(graph));
  for (const name of names) {
    if (known.has(name)) continue;
    const near = nearestNames(name, known).map((n) => `"${n}"`);
    throw new GraphError('graph.unknown-site', `the network has no value named "${name}"`, {
      where: name,
      hint: near.length === 0 ? 'the network is empty' : `did you mean ${near.join(', ')}?`,
    });
  }
}

/** The graph with `names` among its outputs (old outputs first, no name twice). */
export function read(graph: Graph, names: readonly string[]): Graph {
  requireValues(graph, names);
  return { ...graph, outputs: [...new Set([...graph.outputs, ...names])] };
}

/** The graph cut down to what `names` need; they become its outputs. */
export function only(graph: Graph, names: readonly string[]): Graph {
  requireValues(graph, names);
  return prune({ ...graph, outputs: [...new Set(names)] });
}

/** The graph with values turned into inputs of the same name: a run from a cut. What only fed them goes. */
export function feedAt(graph: Graph, names: readonly string[]): Graph {
  requireValues(graph, names);
  const already = new Set(graph.inputs.map((input) => input.name));
  const fed = new Set(names.filter((name) => !already.has(name)));
  if (fed.size === 0) return prune(graph);
  const types = inferShapes(graph);
  const nodes: Node[] = [];
  const taken = new Set(valueNames(graph));
  for (const node of graph.nodes) {
    if (!node.outputs.some((name) => fed.has(name))) nodes.push(node);
    else if (!node.outputs.every((name) => name === '' || fed.has(name))) {
      // Some results stay: give the fed ones a name that nobody reads.
      const outputs = node.outputs.map((name) => (fed.has(name) ? unused(`${name}:unused`, taken) : name));
      nodes.push({ ...node, outputs });
    }
  }
  return prune({
    ...graph,
    inputs: [...graph.inputs, ...[...fed].map((name) => ({ name, ...types.get(name)! }))],
    nodes,
    weights: new Map([...graph.weights].filter(([name]) => !fed.has(name))),
  });
}

/**
 * The graph in which every consumer of `site` reads what `module` makes of it, named `${site}:replaced` (with
 * a count behind it when the site was replaced before: replacements stack, the last one outermost).
 * Outputs keep their meaning, except `site` itself, which remains the untouched value when read.
 */
export function replaceAt(graph: Graph, site: string, module: Module): Graph {
  requireValues(graph, [site]);
  const current = standingAt(graph, site);
  const count = current === site ? 1 : Number(current.slice(`${site}:replaced`.length) || '1') + 1;
  const name = replacedName(site, count);

  const at = 1 + graph.nodes.findIndex((node) => node.outputs.includes(current));
  const builder = graphBuilder({ ...graph, nodes: graph.nodes.slice(0, at) });
  const reserved = graph.nodes.slice(at).flatMap((node) => node.outputs);
  for (const later of reserved) if (later !== '') builder.reserve(later);
  builder.site(name, module(builder, current));
  const made = builder.finish(graph.outputs);
  const renamed = new Map([[current, name]]);
  const rest = graph.nodes.slice(at).map((node) => renameReads(node, renamed));
  return { ...made, nodes: [...made.nodes, ...rest] };
}

/** The name of what stands in the place of `site`: the outermost replacement, or the site itself. */
export function standingAt(graph: Graph, site: string): string {
  const known = new Set(valueNames(graph));
  let current = site;
  for (let i = 1; known.has(replacedName(site, i)); i++) current = replacedName(site, i);
  return current;
}

/**
 * The graph in which what stands at each of `sites` is held constant by derivatives (vjp, jvp): no gradient flows
 * through it. Runs are not changed. As every intervention it acts on what stands there now: a later one comes after.
 */
export function freeze(graph: Graph, sites: readonly string[]): Graph {
  requireValues(graph, sites);
  const names = sites.map((site) => standingAt(graph, site));
  return { ...graph, frozen: [...new Set([...(graph.frozen ?? []), ...names])] };
}

/** The graph with nodes added at the end; `add` returns names that join the outputs (metrics, probes). */
export function extend(graph: Graph, add: (b: GraphBuilder) => readonly string[]): Graph {
  const builder = graphBuilder(graph);
  const added = add(builder);
  const made = builder.finish(graph.outputs);
  return read(made, added);
}

/** The name of what stands in the place of `site` after `count` replacements; the site itself after none. */
export const replacedName = (site: string, count: number): string =>
  count === 0 ? site : `${site}:replaced${count === 1 ? '' : count}`;

function unused(hint: string, taken: Set<string>): string {
  let name = hint;
  while (taken.has(name)) name += "'";
  taken.add(name);
  return name;
}
