/** @file Einsum: the gradient of an operand is an Einsum of the result's gradient with the other operands. */
import { type Equation, equationOf, equationText, letterSizes } from '../../graph/einsum.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { again, type JvpContext, type Rule, type VjpContext } from '../rule.ts';
import { broadcastTo, positionsOf, reduceTo, sum } from '../shaping.ts';

const equationIn = (e: Emitter, node: Node): Equation =>
  equationOf(
    node,
    node.inputs.map((x) => e.shape(x).length),
  );

const hasRepeats = (letters: readonly string[]): boolean => new Set(letters).size < letters.length;

/** x with every letter once: where two axes share one, the diagonal is kept by a mask and the second axis summed. */
function diagonal(e: Emitter, x: string, letters: readonly string[]): { value: string; letters: string[] } {
  let value = x;
  const left = [...letters];
  for (;;) {
    const second = left.findIndex((letter, i) => left.indexOf(letter) < i);
    if (second < 0) return { value, letters: left };
    const first = left.indexOf(left[second]!);
    const [rows, columns] = [positions(e, value, first), positions(e, value, second)];
    const mask = e.cast(e.op('Equal', [rows, columns]), e.type(value).dtype);
    value = sum(e, e.mul(value, mask), [second], false);
    left.splice(second, 1);
  }
}

/** 0, 1, 2… along an axis of `x`, shaped to broadcast with it. */
function positions(e: Emitter, x: string, axis: number): string {
  return e.op('Reshape', [
    positionsOf(e, x, axis),
    e.ints(...e.shape(x).map((_, i) => (i === axis ? -1 : 1))),
  ]);
}

const einsumOp = (e: Emitter, inputs: readonly string[], equation: Equation): string =>
  e.op('Einsum', inputs, { equation: { string: equationText(equation) } });

/** The gradient of operand `at`, whose letters are all different. */
function gradient(c: VjpContext, equation: Equation, at: number): string {
  const { e, node } = c;
  const x = node.inputs[at]!;
  const own = equation.terms[at]!;
  const others = node.inputs.filter((_, i) => i !== at);
  const terms = [equation.result, ...equation.terms.filter((_, i) => i !== at)];
  const shapes = [e.shape(node.outputs[0]!), ...others.map((o) => e.shape(o))];
  const sizes = letterSizes({ terms, result: [] }, shapes)!;
  // Letters that only this operand has were summed: their gradient is the same all along.
  const found = own.filter((letter) => sizes.has(letter));
  const small = einsumOp(e, [c.grad(), ...others], { terms, result: found });
  const missing = own.flatMap((letter, axis) => (sizes.has(letter) ? [] : [axis]));
  const g = missing.length === 0 ? small : e.op('Unsqueeze', [small, e.ints(...missing)]);
  const shrunk = own.some((letter, axis) => sizes.has(letter) && sizes.get(letter) !== e.shape(x)[axis]);
  return shrunk ? broadcastTo(e, reduceTo(e, g, x, g), x) : broadcastTo(e, g, x);
}

/** Linear in each operand. */
const einsum: Rule = {
  kind: 'rule',
  normal(e, node) {
    const equation = equationIn(e, node);
    if (!equation.terms.some(hasRepeats)) return undefined;
    const plain = node.inputs.map((x, i) => diagonal(e, x, equation.terms[i]!));
    const terms = plain.map(({ letters }) => letters);
    const inputs = plain.map(({ value }) => value);
    return [einsumOp(e, inputs, { terms, result: equation.result })];
  },
  vjp(c) {
    const equation = equationIn(c.e, c.node);
    return c.node.inputs.map((_, i) => (c.wants(i) ? gradient(c, equation, i) : undefined));
  },
  jvp(c: JvpContext) {
    const parts = c.node.inputs.flatMap((_, i) =>
      c.wants(i)
        ? again(
            c,
            c.node.inputs.map((x, k) => (k === i ? c.tangent(i) : x)),
          )
        : [],
    );
    return [parts.reduce(c.e.add)];
  },
  note: 'any equation',
};

export const einsumRules: Readonly<Record<string, Rule>> = { Einsum: einsum };
