/** @file Linear relevance rules, a second set of backward rules: RelP (Jafari et al. 2025, arXiv:2508.21258, §3). */
import type { Graph, Node } from '../graph/types.ts';
import { freezeAttention, freezeNormalisation } from './freeze.ts';
import { type OwnRule, operand, type Rule, result, unary, type VjpContext } from './rule.ts';
import { operatorOf, ruleOf } from './rules/table.ts';

/**
 * The graph as the relevance rules see it. They give coefficients in place of gradients, such that x·R(x) is relevance
 * and hardly anything is lost on the way: normalisation scales and attention patterns are constants (Ali et al. 2022,
 * arXiv:2202.07304); an activation y = f(x) with f(0) = 0 passes y/x; a product of two computed values passes half to
 * each, and all to the signal beside a gate; a denominator is a constant; everything linear as it is. Without biases
 * Σ x·R(x) over any cut equals the metric.
 */
export const linearised = (graph: Graph): Graph => freezeAttention(freezeNormalisation(graph));

/** The rule for a node's operator in relevance propagation; that of the gradient where none differs. */
export const relevanceRuleOf = (node: Node): Rule | undefined =>
  overrides.get(operatorOf(node)) ?? ruleOf(node);

/** y/x, and the slope at 0 there. */
const ratio = (atZero: number): Rule =>
  unary((c, g) => {
    const { e } = c;
    const x = operand(c);
    const zero = e.op('Equal', [x, e.number(0, x)]);
    const quotient = e.div(result(c), e.op('Where', [zero, e.number(1, x), x]));
    return e.mul(g, e.op('Where', [zero, e.number(atZero, x), quotient]));
  });

/** Slopes at 0 of activations with f(0) = 0. Those made of x·g(x) are taken apart, which comes to the same. */
const slopes: Readonly<Record<string, number>> = {
  ...{ Tanh: 1, Erf: 2 / Math.sqrt(Math.PI), Elu: 1, Celu: 1, Softsign: 1, Atan: 1, Asinh: 1 },
  ...{ Selu: 1.050701, Shrink: 0, ThresholdedRelu: 0 },
};

/** A rule of the gradient with another way back. */
function changed(op: string, vjp: (c: VjpContext, own: OwnRule) => ReturnType<OwnRule['vjp']>): Rule {
  const own = ruleOf({ op, domain: '', inputs: [], outputs: [], attributes: {} });
  if (own?.kind !== 'rule') throw new TypeError(`${op} has no rule of its own`);
  return { ...own, vjp: (c) => vjp(c, own) };
}

/** Each of the computed factors gets its share. */
function shared(c: VjpContext, own: OwnRule) {
  const gradients = own.vjp(c);
  const factors = c.node.inputs.slice(0, c.node.op === 'Gemm' ? 2 : undefined).filter((_, i) => c.wants(i));
  if (factors.length < 2) return gradients;
  return gradients.map((gradient, i) =>
    gradient === undefined || i >= c.node.inputs.length || (c.node.op === 'Gemm' && i === 2)
      ? gradient
      : c.e.mul(gradient, c.e.number(1 / factors.length, gradient)),
  );
}

const overrides: ReadonlyMap<string, Rule> = new Map([
  ...Object.entries(slopes).map(([op, atZero]) => [op, ratio(atZero)] as const),
  ['Mul', changed('Mul', product)],
  ['Div', changed('Div', (c, own) => (c.wants(0) ? [own.vjp(c)[0], undefined] : own.vjp(c)))],
  ...['MatMul', 'Gemm', 'Einsum'].map((op) => [op, changed(op, shared)] as const),
  ['com.microsoft:FusedMatMul', changed('MatMul', shared)],
]);

/**
 * Half to each factor. All to the signal where the other factor is a gate: a sigmoid (Arras et al. 2017,
 * arXiv:1706.07206, §3.1), or in x·g(x) the function made of the same value.
 */
function product(c: VjpContext, own: OwnRule) {
  if (!c.wants(0) || !c.wants(1)) return own.vjp(c);
  const factors = [operand(c, 0), operand(c, 1)] as const;
  const only = (keep: number) => own.vjp(c).map((gradient, i) => (i === keep ? gradient : undefined));
  const gates = factors.map((name) => GATES.has(c.maker(name)?.op ?? ''));
  if (gates[0] !== gates[1]) return only(gates[0] ? 1 : 0);
  if (rootOf(c, factors[0]) === rootOf(c, factors[1])) {
    const scaled = factors.map((name) => isScaled(c, name));
    if (scaled[0] !== scaled[1]) return only(scaled[0] ? 0 : 1);
  }
  return shared(c, own);
}

const GATES = new Set(['Sigmoid', 'HardSigmoid']);
/** Longest chain of elementwise operators that is followed: no activation is longer. */
const LONGEST = 12;
const ELEMENTWISE = new Set(
  'Identity Cast Neg Abs Exp Log Sqrt Reciprocal Tanh Sigmoid Erf Relu Softplus HardSigmoid Clip Add Sub Mul Div Pow Min Max'.split(
    ' ',
  ),
);

/** The value that `name` is an elementwise function of, where it is one of a single value. */
function rootOf(c: VjpContext, name: string, left = LONGEST): string {
  const node = c.maker(name);
  if (!node || !ELEMENTWISE.has(node.op) || left === 0) return name;
  const roots = new Set(node.inputs.filter(c.takesPart).map((input) => rootOf(c, input, left - 1)));
  return roots.size === 1 ? [...roots][0]! : name;
}

/** Whether `name` is its root times something constant. */
function isScaled(c: VjpContext, name: string): boolean {
  const node = c.maker(name);
  if (!node || !ELEMENTWISE.has(node.op) || rootOf(c, name) === name) return true;
  const inputs = node.inputs.filter(c.takesPart);
  const scales =
    node.op === 'Mul' ||
    node.op === 'Div' ||
    node.op === 'Neg' ||
    node.op === 'Identity' ||
    node.op === 'Cast';
  return scales && inputs.length === 1 && isScaled(c, inputs[0]!);
}
