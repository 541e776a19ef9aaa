/** @file Normalisation layers, taken apart into arithmetic before they are differentiated. */
import { floatAttribute, intAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

/** Mean over the node's axis and all after it, kept at size 1. */
function mean(e: Emitter, node: Node, x: string): string {
  const rank = e.shape(x).length;
  const axis = positiveAxis(intAttribute(node, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  return e.op('ReduceMean', [x, e.ints(...axes)], { keepdims: { int: 1 } });
}

/** x · (mean x² + ε)^(−½): value and the factor. */
function scaled(e: Emitter, node: Node, x: string): [string, string] {
  const epsilon = e.number(floatAttribute(node, 'epsilon', 1e-5), x);
  const deviation = e.op('Sqrt', [e.add(mean(e, node, e.mul(x, x)), epsilon)]);
  return [e.div(x, deviation), e.op('Reciprocal', [deviation])];
}

const gained = (e: Emitter, node: Node, x: string): string => {
  const [, gain, bias] = node.inputs;
  const product = gain ? e.mul(x, gain) : x;
  return bias ? e.add(product, bias) : product;
};

/** Root-mean-square norm (Zhang & Sennrich 2019, arXiv:1910.07467). */
const rms: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [value, inverse] = scaled(e, node, node.inputs[0]!);
    return [gained(e, node, value), inverse];
  },
  note: 'taken apart',
};

export const normalisationRules: Readonly<Record<string, Rule>> = {
  /** Ba, Kiros & Hinton 2016, arXiv:1607.06450. */
  LayerNormalization: {
    kind: 'lower',
    lower(e, node) {
      const x = node.inputs[0]!;
      const middle = mean(e, node, x);
      const [value, inverse] = scaled(e, node, e.sub(x, middle));
      return [gained(e, node, value), middle, inverse];
    },
    note: 'taken apart',
  },
  RMSNormalization: rms,
  SimplifiedLayerNormalization: rms,
};
