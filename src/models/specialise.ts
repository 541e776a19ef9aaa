/** @file A network as it is for given inputs: sizes filled in, whole numbers computed, branches decided and written out. */
import { lower } from '../autodiff/lower.ts';
import type { Tensor } from '../core/tensor.ts';
import { withInputShapes } from '../graph/input-shapes.ts';
import { prune } from '../graph/prune.ts';
import { inferKnown } from '../graph/shapes.ts';
import { type Graph, isCarried, type Node, type Weight } from '../graph/types.ts';
import { runOnce } from '../runtime/session.ts';

/** Deepest nesting of branches that is written out. */
const DEEPEST = 8;

/**
 * The graph that `graph` is on these inputs: whole numbers and truth values that it computes (shapes, indices,
 * conditions) are run and become constants, branches whose condition is then known are replaced by the one taken.
 * Floating-point values are the same and as differentiable as before, since none depends smoothly on a whole number.
 * With it networks can be differentiated whose shapes or branches only a run decides.
 */
export async function specialise(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  { threads }: { readonly threads: number },
): Promise<Graph> {
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const shaped = withInputShapes(graph, shapes);
  let current = shaped;
  for (let depth = 0; depth < DEEPEST; depth++) {
    current = await withIntegers(current, feeds, threads);
    const next = withoutBranches(current);
    if (next === current) break;
    current = next;
  }
  // Inputs that only decided a branch are still given.
  return { ...current, inputs: shaped.inputs };
}

/** The graph with all whole numbers that nodes make as constants. */
async function withIntegers(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  threads: number,
): Promise<Graph> {
  const types = inferKnown(graph);
  const wanted = graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '' && !types.get(name)?.dtype.startsWith('float'));
  if (wanted.length === 0) return graph;
  const part = prune({ ...graph, outputs: [...new Set(wanted)] });
  const given = Object.fromEntries(
    part.inputs.flatMap((input) => (isCarried(input) ? [] : [[input.name, feeds[input.name]!]])),
  );
  const found = await runOnce(part, given, { threads });
  const whole = new Map<string, Weight>(
    Object.entries(found).filter(([, { dtype }]) => !dtype.startsWith('float')),
  );
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.outputs.every((name) => name === '' || whole.has(name))) return [];
    if (!node.outputs.some((name) => whole.has(name))) return [node];
    const outputs = node.outputs.map((name) => (whole.has(name) ? `${name}:computed` : name));
    return [{ ...node, outputs }];
  });
  return prune({ ...graph, nodes, weights: new Map([...graph.weights, ...whole]) });
}

/** The graph with branches of known condition written out; itself when there are none. */
function withoutBranches(graph: Graph): Graph {
  let any = false;
  const { e } = lower(graph, (current, known) => {
    const nodes = current.nodes.filter(
      (node) => node.domain === '' && node.op === 'If' && known.knownInts(node.inputs[0]!) !== undefined,
    );
    any ||= nodes.length > 0;
    return { values: new Set(), nodes };
  });
  return any ? prune(e.finish(graph.outputs)) : graph;
}
