/** @file Freezing by name or by pattern: attention patterns and normalisation scales held constant in derivatives. */
import { freeze } from '../graph/interventions.ts';
import type { Graph, Node } from '../graph/types.ts';
import { upgrade } from '../graph/upgrade.ts';
import { producers, readsOf } from '../graph/uses.ts';
import { emitter } from './emit.ts';
import { lowerOnce } from './lower.ts';
import { operatorOf, ruleOf } from './rules/table.ts';

/**
 * The graph with all attention patterns held constant by derivatives: the sites `hook_pattern` where the graph has
 * them, and every softmax that weighs computed values. Fused attention is taken apart first.
 */
export function freezeAttention(graph: Graph): Graph {
  const open = takeApart(graph, /Attention/);
  return freeze(open, attentionPatterns(open));
}

/**
 * The graph with all normalisation scales held constant by derivatives: the sites `hook_scale` where the graph has
 * them, and every root of a mean of squares. Fused normalisation is taken apart first; centring stays as it is.
 */
export function freezeNormalisation(graph: Graph): Graph {
  const open = takeApart(graph, /Norm/);
  return freeze(open, normalisationScales(open));
}

/** Attention patterns of a graph: results of a softmax that are multiplied as a matrix with computed values. */
export function attentionPatterns(graph: Graph): string[] {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of readsOf(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const weighs = (name: string, steps: number): boolean =>
    (readers.get(name) ?? []).some((node) => {
      if (PRODUCTS.has(node.op))
        return node.inputs.some((other) => other !== name && !graph.weights.has(other));
      return steps > 0 && PASSED.has(node.op) && node.outputs.some((next) => weighs(next, steps - 1));
    });
  const found = graph.nodes.filter((node) => node.op === 'Softmax' && weighs(node.outputs[0]!, STEPS));
  return named(graph, 'hook_pattern', found);
}

/** Normalisation scales of a graph: roots (or inverse roots) of means or sums of squares, and lengths. */
export function normalisationScales(graph: Graph): string[] {
  const makers = producers(graph);
  const computed = (node: Node) => node.inputs.filter((name) => name !== '' && !graph.weights.has(name));
  const ofSquares = (name: string, steps: number): boolean => {
    const node = makers.get(name);
    if (!node || steps === 0) return false;
    if (node.op === 'ReduceSumSquare') return true;
    if (node.op === 'ReduceMean' || node.op === 'ReduceSum')
      return isSquare(makers.get(node.inputs[0]!), graph);
    return PASSED.has(node.op) || SHIFTS.has(node.op)
      ? computed(node).some((input) => ofSquares(input, steps - 1))
      : false;
  };
  const found = graph.nodes.filter((node) => {
    if (node.op === 'ReduceL2') return true;
    const root = node.op === 'Sqrt' || (node.op === 'Pow' && exponentOf(node, graph) === -0.5);
    return root && ofSquares(node.inputs[0]!, STEPS);
  });
  return named(graph, 'hook_scale', found);
}

/** Longest way between a softmax and its product, or between a root and its mean, in nodes. */
const STEPS = 6;
const PRODUCTS = new Set(['MatMul', 'FusedMatMul', 'Einsum', 'Gemm']);
/** Operators that hand values on. */
const PASSED = new Set(
  'Identity Cast Reshape Transpose Squeeze Unsqueeze Expand Dropout Where Mul Slice Flatten'.split(' '),
);
const SHIFTS = new Set(['Add', 'Max', 'Clip', 'Div']);

function isSquare(node: Node | undefined, graph: Graph): boolean {
  if (node?.op === 'Mul') return node.inputs[0] === node.inputs[1];
  return node?.op === 'Pow' && exponentOf(node, graph) === 2;
}

function exponentOf(node: Node, graph: Graph): number | undefined {
  const weight = graph.weights.get(node.inputs[1] ?? '');
  return weight && 'data' in weight && weight.data.length === 1 ? Number(weight.data[0]) : undefined;
}

/** What was found, and the values that a model of ours names so. */
function named(graph: Graph, hook: string, found: readonly Node[]): string[] {
  const sites = graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => name === hook || name.endsWith(`.${hook}`));
  return [...new Set([...sites, ...found.map((node) => node.outputs[0]!)])];
}

/** The graph with composite operators of a kind replaced by simpler ones, in operator set 18. */
function takeApart(graph: Graph, kind: RegExp): Graph {
  for (let current = upgrade(graph); ; ) {
    const wanted = current.nodes.filter(
      (node) => kind.test(operatorOf(node)) && ruleOf(node)?.kind === 'lower',
    );
    if (wanted.length === 0) return current;
    current = lowerOnce(current, wanted, emitter(current));
  }
}
