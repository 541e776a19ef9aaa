/** @file A network as it is for given inputs: sizes filled in, whole numbers computed, branches decided and written out. */
import { quantisedValues } from '../autodiff/straight-through.ts';
import type { Tensor } from '../core/tensor.ts';
import { withInputShapes } from '../graph/input-shapes.ts';
import { prune } from '../graph/prune.ts';
import { branchName, subgraphOf } from '../graph/shape-rules/control.ts';
import { inferKnown } from '../graph/shapes.ts';
import {
  type Graph,
  type GraphInput,
  isCarried,
  isExternal,
  type Node,
  type Weight,
} from '../graph/types.ts';
import { renameReads, valueNames } from '../graph/uses.ts';
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
    current = await withIntegers(current, graph.inputs, feeds, threads);
    const next = withoutBranches(current);
    if (next === current) break;
    current = next;
  }
  // Inputs that only decided a branch are still given.
  return { ...current, inputs: shaped.inputs };
}

/**
 * The graph with all whole numbers that nodes make as constants. It runs with its inputs' sizes open, as they came:
 * with sizes filled in onnxruntime also checks branches that are not taken.
 */
async function withIntegers(
  graph: Graph,
  open: readonly GraphInput[],
  feeds: Readonly<Record<string, Tensor>>,
  threads: number,
): Promise<Graph> {
  const types = inferKnown(graph);
  const rounded = quantisedValues(graph);
  const wanted = graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '' && !rounded.has(name) && !types.get(name)?.dtype.startsWith('float'));
  if (wanted.length === 0) return graph;
  const part = prune({ ...graph, inputs: open, outputs: [...new Set(wanted)] });
  const given = Object.fromEntries(
    part.inputs.flatMap((input) => (isCarried(input) ? [] : [[input.name, feeds[input.name]!]])),
  );
  const found = await runOnce(part, given, { threads });
  const whole = new Map<string, Weight>(
    Object.entries(found).filter(([, { dtype }]) => !dtype.startsWith('float')),
  );
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const condition = node.op === 'If' ? found[node.inputs[0]!] : undefined;
    if (condition && condition.shape.length > 0) {
      // One truth value in however many axes.
      const name = `${node.inputs[0]}:condition`;
      whole.set(name, { ...condition, shape: [] } as Tensor);
      return [{ ...node, inputs: [name] }];
    }
    if (node.outputs.every((name) => name === '' || whole.has(name))) return [];
    if (!node.outputs.some((name) => whole.has(name))) return [node];
    const outputs = node.outputs.map((name) => (whole.has(name) ? `${name}:computed` : name));
    return [{ ...node, outputs }];
  });
  return prune({ ...graph, nodes, weights: new Map([...graph.weights, ...whole]) });
}

/** The graph with branches of known condition written out; itself when there are none. */
function withoutBranches(graph: Graph): Graph {
  const taken = new Set(valueNames(graph));
  const weights = new Map(graph.weights);
  let any = false;
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const condition = node.domain === '' && node.op === 'If' ? graph.weights.get(node.inputs[0]!) : undefined;
    if (!condition || isExternal(condition)) return [node];
    any = true;
    return writtenOut(node, subgraphOf(node, branchName(Number(condition.data[0]))), taken, weights);
  });
  return any ? prune({ ...graph, nodes, weights }) : graph;
}

/** A branch in place of its node: its values keep their names where these are free. */
function writtenOut(node: Node, branch: Graph, taken: Set<string>, weights: Map<string, Weight>): Node[] {
  const names = new Map<string, string>();
  const name = (own: string): string => {
    let free = own;
    for (let i = 2; taken.has(free); i++) free = `${own}:${i}`;
    taken.add(free);
    names.set(own, free);
    return free;
  };
  for (const [own, weight] of branch.weights) weights.set(name(own), weight);
  const inside = branch.nodes.map((inner) => ({
    ...renameReads(inner, names),
    outputs: inner.outputs.map((own) => (own === '' ? '' : name(own))),
  }));
  const results = node.outputs.flatMap((result, i): Node[] => {
    const made = branch.outputs[i]!;
    const identity = { op: 'Identity', domain: '', attributes: {}, outputs: [result] };
    return result === '' ? [] : [{ ...identity, inputs: [names.get(made) ?? made] }];
  });
  return [...inside, ...results];
}
